"""Columns about accounts: the shape that events and links share."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain, islice
from operator import lt
from typing import TYPE_CHECKING, Any, ClassVar, Self, TypeAlias

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

# -- what an array holds. The type checker distinguishes integers, floats, fingerprints and masks;
# which table's rows an integer counts is for the reader.

#: A column of any dtype, or with several fields: its docstring has shape and dtype.
Array: TypeAlias = NDArray[Any]

#: Rows of a column store.
Slots: TypeAlias = NDArray[np.integer[Any]]
AccountSlots: TypeAlias = Slots
ValueSlots: TypeAlias = Slots
EdgeSlots: TypeAlias = Slots
#: Places of rows among the rows of a batch or of another array, from 0.
Positions: TypeAlias = NDArray[np.integer[Any]]
#: Numbers of things.
Counts: TypeAlias = NDArray[np.integer[Any]]
#: Keyed 64-bit fingerprints; 0 is absent.
Fingerprints: TypeAlias = NDArray[np.uint64]
#: Times since the epoch, or durations, in seconds.
Seconds: TypeAlias = NDArray[np.floating[Any]]
#: Scores, shares, odds: numbers without a unit.
Floats: TypeAlias = NDArray[np.floating[Any]]
#: One truth value a row.
Mask: TypeAlias = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Batch:
    """Rows about accounts, as columns.

    ``columns`` holds every name of :attr:`SCHEMA` as one array of shape ``(n,)``; the column
    ``account`` is an index into ``accounts``, where each id stands once. Those of :attr:`OPTIONAL`
    may be absent, which means 0 in every row.
    """

    SCHEMA: ClassVar[Mapping[str, np.dtype[Any]]]
    OPTIONAL: ClassVar[Mapping[str, np.dtype[Any]]] = {}

    accounts: Sequence[str]
    columns: Mapping[str, Array]

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.columns["account"])

    def take(self, index: Array | slice) -> Self:
        """Return the rows at ``index`` (mask, positions or slice) with only their account ids."""
        if isinstance(index, slice) and index == slice(0, len(self)):
            return self
        if isinstance(index, np.ndarray) and index.dtype == bool:
            index = np.flatnonzero(index)
        columns = {
            # Of columns with several fields, taking is many times as fast as indexing.
            name: column[index] if isinstance(index, slice) else column.take(index)
            for name, column in self.columns.items()
        }
        used = np.zeros(len(self.accounts), bool)
        used[columns["account"]] = True
        kept = np.flatnonzero(used)
        if len(kept) == len(used):
            return type(self)(self.accounts, columns)
        codes = (np.cumsum(used) - 1).astype(self.SCHEMA["account"])
        columns["account"] = codes[columns["account"]]
        return type(self)([self.accounts[i] for i in kept.tolist()], columns)

    def without(self, accounts: Collection[str]) -> tuple[Self, Mask]:
        """Return the rows of all other accounts, and which of the rows these are, ``(n,)``."""
        other = np.array([name not in accounts for name in self.accounts], bool)
        kept = other[self.columns["account"]]
        return self.take(kept), kept

    @classmethod
    def merge(cls, batches: Sequence[Self]) -> Self:
        """Return the rows of all batches, account ids in ascending order."""
        if not batches:
            return cls([], {name: np.zeros(0, dtype) for name, dtype in cls.SCHEMA.items()})
        if len(batches) == 1 and _ascending(batches[0].accounts):
            return batches[0]
        # What is in order already is merged by sorting it.
        accounts = sorted(dict.fromkeys(chain.from_iterable(b.accounts for b in batches)))
        code = dict(zip(accounts, range(len(accounts)), strict=True))
        columns = {
            name: joined([batch.columns[name] for batch in batches], dtype)
            for name, dtype in cls.SCHEMA.items()
        } | optional_columns([batch.columns for batch in batches], cls.OPTIONAL)
        codes = [
            np.fromiter(map(code.__getitem__, batch.accounts), np.int64, len(batch.accounts))
            for batch in batches
        ]
        columns["account"] = np.concatenate(
            [own[batch.columns["account"]] for own, batch in zip(codes, batches, strict=True)]
        ).astype(cls.SCHEMA["account"])
        return cls(accounts, columns)


def optional_columns(
    parts: Sequence[Mapping[str, Array]], optional: Mapping[str, np.dtype[Any]]
) -> dict[str, Array]:
    """Return those optional columns that any part has, of all parts one after the other.

    A part without one has 0 in its rows.
    """
    return {
        name: joined(
            [
                part[name] if name in part else np.zeros(len(part["account"]), dtype)
                for part in parts
            ],
            dtype,
        )
        for name, dtype in optional.items()
        if any(name in part for part in parts)
    }


def joined(columns: Sequence[Array], dtype: np.dtype[Any]) -> Array:
    """Return columns of one dtype one after the other; no columns give no rows."""
    if len(columns) == 1:
        return columns[0]
    if dtype.names is None:
        return np.concatenate(columns) if columns else np.zeros(0, dtype)
    # Numpy looks at each field of each part of a structured column: as bytes they are the same.
    raw = np.dtype((np.void, dtype.itemsize))
    parts = [np.zeros(0, raw), *(np.ascontiguousarray(column).view(raw) for column in columns)]
    return np.asarray(np.concatenate(parts).view(dtype))


def _ascending(names: Sequence[str]) -> bool:
    return all(map(lt, names, islice(names, 1, None)))
