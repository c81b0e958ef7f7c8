"""From stored rows to a stage: each part by its version, and without those that are lost.

A part is lost when nothing migrates its version, when its layout differs without another version
(another release of River, other settings of the trees), or when a row of it cannot be decoded. Its
rows are then left out and deleted with the next checkpoint; all other parts are loaded. In which
version rows were written is known from the schema before them, so rows that no one writes again
stay as they are, and are migrated whenever they are loaded.
"""

from __future__ import annotations

from contextlib import contextmanager
from functools import reduce
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol

import msgspec

from stream.core.errors import LostPartError, NewerVersionError, StateError
from stream.pipeline.schema import Schema
from stream.pipeline.state_parts import CHECKPOINT, PARTS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from stream.pipeline.migrations import Migration
    from stream.store.durable import StateRows

#: Raised when damaged bytes are decoded.
_DAMAGED: Final = (
    msgspec.MsgspecError,
    ArithmeticError,
    AttributeError,
    LookupError,
    RecursionError,
    TypeError,
    ValueError,
)


class DurableStage(Protocol):
    """What a stage's state needs; see Stage in task.py."""

    name: str

    @property
    def layouts(self) -> Mapping[str, Mapping[str, str]]: ...  # noqa: D102
    def load(self, part: str, rows: StateRows) -> None: ...  # noqa: D102
    def loaded(self, part: str) -> None: ...  # noqa: D102
    def recovered(self) -> None: ...  # noqa: D102


class Relearned(NamedTuple):
    """A part that was lost, why, and what is learnt again within which time."""

    part: str
    reason: str
    learnt_again: str
    rows: int


class StateLoader:
    """Loads one changelog into a stage; mutable."""

    def __init__(self, stage: DurableStage, shared: Mapping[str, str]) -> None:
        """``shared`` has to agree for all parts."""
        self._stage = stage
        self._parts: Final = PARTS[stage.name]
        self._part_of: Final = {
            bytes([first]): part.name for part in self._parts for first in part.prefixes
        }
        self.schema: Final = Schema.of(stage.name, shared, stage.layouts)
        self._abandoned: dict[str, str] = {}
        # Until a schema is read, rows are taken for own ones.
        self._steps: dict[str, tuple[Migration, ...]] = {part.name: () for part in self._parts}
        self._lost: dict[str, str] = {part.name: "" for part in self._parts}
        #: Keys of rows that were not loaded -> their part; "": of no part.
        self._left_out: dict[bytes, str] = {}

    def abandon(self, part: str, reason: str) -> None:
        """Leave the rows of a part out, whatever their version; all of them without a checkpoint.

        Before :meth:`check`.
        """
        self._abandoned[part] = reason

    def check(self, row: bytes | None) -> bool:
        """Take the schema of the rows that follow; return whether it is the own one.

        Raises StateError when this version must not read them.
        """
        stored = self.schema.read(row)
        for part in self._parts:
            steps, reason = self.schema.reading(part.name, stored)
            self._steps[part.name] = steps
            self._lost[part.name] = self._reason(part.name) or reason
        return self.schema.same(stored)

    def load(self, rows: StateRows) -> None:
        """Load stored rows in the order they were written; None deletes.

        Raises LostPartError when a row cannot be decoded.
        """
        by_part: dict[str, StateRows] = {}
        for row in rows:
            by_part.setdefault(self._part_of.get(row[0][:1], ""), []).append(row)
        for part, some in by_part.items():
            if not part or self._lost[part]:
                self._leave_out(part, some)
                continue
            with reading(part):
                self._stage.load(part, reduce(_migrated, self._steps[part], some))
            if self._left_out:
                for key, _ in some:
                    self._left_out.pop(key, None)

    def loaded(self) -> None:
        """Finish loading: there are no more rows. Raises LostPartError as :meth:`load` does."""
        for part in self._parts:
            with reading(part.name):
                self._stage.loaded(part.name)
        self._stage.recovered()

    def has_checkpoint(self) -> bool:
        """Return whether the checkpoint record counts."""
        return CHECKPOINT not in self._abandoned

    @property
    def relearned(self) -> list[Relearned]:
        """Return what was lost."""
        if CHECKPOINT in self._abandoned:
            what = "everything of this task, from the records that its input topic still has"
            rows = len(self._left_out)
            return [Relearned(CHECKPOINT, self._abandoned[CHECKPOINT], what, rows)]
        counts = {part.name: 0 for part in self._parts}
        reasons = dict(self._lost)
        for part in self._left_out.values():
            if part:
                counts[part] += 1
        return [
            Relearned(
                part.name, reasons[part.name] or _FORMER, part.learnt_again, counts[part.name]
            )
            for part in self._parts
            if counts[part.name]
        ]

    def with_deletions(self, rows: StateRows) -> StateRows:
        """Return changed rows, after deletions of the rows that were left out: once."""
        gone, self._left_out = self._left_out, {}
        if not gone:
            return rows
        written = {key for key, _ in rows}
        return [*((key, None) for key in gone if key not in written), *rows]

    def _reason(self, part: str) -> str:
        return self._abandoned.get(part, "") or self._abandoned.get(CHECKPOINT, "")

    def _leave_out(self, part: str, rows: StateRows) -> None:
        for key, row in rows:
            if row is None:
                self._left_out.pop(key, None)
            else:
                self._left_out[key] = part


def _migrated(rows: StateRows, migrate: Migration) -> StateRows:
    return migrate(rows)


#: Why rows are left out that a newer schema follows.
_FORMER: Final = "its version had no migration"


@contextmanager
def reading(part: str) -> Iterator[None]:
    """Turn whatever damaged bytes of a part cause into a LostPartError."""
    try:
        yield
    except (LostPartError, NewerVersionError):
        raise
    except (*_DAMAGED, StateError) as error:
        kind = "" if isinstance(error, StateError) else f"{type(error).__name__} "
        raise LostPartError(part, f"{kind}{error}") from error
