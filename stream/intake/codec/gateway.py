"""A codec for any gateway that logs a JSON object for each request, made of its format."""

from __future__ import annotations

from collections import Counter
from functools import cached_property, partial
from itertools import chain
from typing import TYPE_CHECKING, Final

from stream.core.errors import DecodeError
from stream.intake.codec.event import MAX_COUNT
from stream.intake.codec.path import Path
from stream.intake.codec.pick import UnusualError, picker
from stream.intake.codec.result import attempt
from stream.intake.codec.straight import straight
from stream.intake.codec.table import Constant, Table, Trace

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from msgspec import Struct

    from stream.intake.codec.event import RequestEvent
    from stream.intake.codec.pick import Picker
    from stream.intake.codec.result import Passed, Result
    from stream.intake.codec.table import Format


class Gateway:
    """Decodes the objects of one format; what it needs is built when the first one comes."""

    #: One object is one event at most.
    single: Final = True

    def __init__(self, form: Format, account: str = "", *, most: int = MAX_COUNT) -> None:
        """``account``: an identity, a path of the site's own, or empty for the format's own.

        An array of more than ``most`` objects is refused before any of them is looked at.
        """
        self.name = form.name
        self.marks = frozenset(form.marks)
        self.keys = _first_keys(form)
        self._form, self._account, self._most = form, account, most

    def one(self, value: bytes) -> RequestEvent | Passed:
        """Return the event of one object, or that it passes by; raises ``reasons.FAILURES``."""
        return self._event(self._decode(value))

    def each(self, value: bytes) -> list[Result]:
        """Return what the elements of a JSON array are; raises when one is no object."""
        records = self._picker.many(value)
        if len(records) > self._most:
            raise DecodeError("too_many", f"{len(records)}, at most {self._most}")
        return [attempt(self._event, record) for record in records]

    def explain(self, value: bytes) -> Iterator[tuple[Result, Trace]]:
        """Yield what one object is, and where its fields were taken from."""
        values, trace = self._picker.values(self._decode(value)), Trace()
        yield attempt(partial(self._table.event, trace=trace), values), trace

    @property
    def credentials(self) -> int:
        """Return how many objects with a credential there were."""
        return self._table.credentials if "_table" in vars(self) else 0

    @property
    def dropped(self) -> Counter[str]:
        """Return how often which optional field was no valid value, and left out."""
        return self._table.dropped if "_table" in vars(self) else Counter()

    def _event(self, record: Struct) -> RequestEvent | Passed:
        try:
            return self._straight(record)
        except (DecodeError, UnusualError):
            return self._table.event(self._picker.values(record))

    @cached_property
    def _table(self) -> Table:
        return Table(self._form, self._account)

    @cached_property
    def _picker(self) -> Picker:
        return picker(self._table.paths)

    @cached_property
    def _decode(self) -> Callable[[bytes], Struct]:
        return self._picker.one

    @cached_property
    def _straight(self) -> Callable[[Struct], RequestEvent | Passed]:
        return straight(self._table, self._picker.reach())


def _first_keys(form: Format) -> frozenset[str]:
    """Return the top-level keys by which a record of the format may begin."""
    paths = [*form.calls, *form.credentials, *form.kinds, *form.own]
    for source in chain(*form.fields.values(), *form.accounts.values()):
        if not isinstance(source, Constant):
            where = source[0] if isinstance(source, tuple) else source
            paths += where if isinstance(where, tuple) else (where,)
    return frozenset((*form.marks, *form.keys, *(Path.parse(path).keys[0] for path in paths)))
