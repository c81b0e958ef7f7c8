"""Columns about accounts: the shape that events and links share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

Array = NDArray[Any]


@dataclass(frozen=True, slots=True)
class Batch:
    """Rows about accounts, as columns.

    ``columns`` holds every name of :attr:`SCHEMA` as one array of shape ``(n,)``; the column
    ``account`` is an index into ``accounts``, where each id stands once.
    """

    SCHEMA: ClassVar[Mapping[str, np.dtype[Any]]]

    accounts: Sequence[str]
    columns: Mapping[str, Array]

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.columns["account"])

    def take(self, index: Array | slice) -> Self:
        """Return the rows at ``index`` (mask, positions or slice) with only their account ids."""
        if isinstance(index, slice) and index == slice(0, len(self)):
            return self
        columns = {name: column[index] for name, column in self.columns.items()}
        kept, codes = np.unique(columns["account"], return_inverse=True)
        columns["account"] = codes.astype(self.SCHEMA["account"])
        return type(self)([self.accounts[i] for i in kept.tolist()], columns)

    @classmethod
    def merge(cls, batches: Sequence[Self]) -> Self:
        """Return the rows of all batches, account ids in ascending order."""
        if not batches:
            return cls([], {name: np.zeros(0, dtype) for name, dtype in cls.SCHEMA.items()})
        accounts = sorted({account for batch in batches for account in batch.accounts})
        code = {account: i for i, account in enumerate(accounts)}
        columns = {
            name: np.concatenate([batch.columns[name] for batch in batches]) for name in cls.SCHEMA
        }
        codes = [
            np.array([code[account] for account in batch.accounts], np.int64) for batch in batches
        ]
        columns["account"] = np.concatenate(
            [own[batch.columns["account"]] for own, batch in zip(codes, batches, strict=True)]
        ).astype(cls.SCHEMA["account"])
        return cls(accounts, columns)
