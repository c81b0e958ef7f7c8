"""A codec for any gateway that logs a JSON object for each request, made of its format."""

from __future__ import annotations

from collections import Counter
from functools import cached_property, partial
from itertools import chain
from typing import TYPE_CHECKING, Final

import msgspec

from stream.core.errors import DecodeError
from stream.intake.codec.compiled_decoder import compile_decoder
from stream.intake.codec.event import MAX_COUNT
from stream.intake.codec.format_table import Constant, FormatTable, Trace
from stream.intake.codec.path import Path
from stream.intake.codec.pick import UnusualError, picker
from stream.intake.codec.repeated import RepeatedMember, without_all
from stream.intake.codec.result import attempt

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from msgspec import Struct

    from stream.intake.codec.event import RequestEvent
    from stream.intake.codec.format_table import Format
    from stream.intake.codec.pick import Picker
    from stream.intake.codec.result import Result, Skipped


class Gateway:
    """Decodes the objects of one format; its tables are built at the first object."""

    #: One object is one event at most.
    single: Final = True

    def __init__(self, form: Format, account: str = "", *, most: int = MAX_COUNT) -> None:
        """``account``: an identity, a path of the site's own, or empty for the format's own.

        An array of more than ``most`` objects is rejected before any of them is decoded.
        """
        self.name = form.name
        self.discriminators = frozenset(form.discriminators)
        self.keys = _first_keys(form)
        self._form, self._account, self._most = form, account, most

    def one(self, value: bytes) -> RequestEvent | Skipped:
        """Return the event of one object, or that it is skipped; raises ``reasons.FAILURES``."""
        short = without_all(self._repeated, value)
        if short is value:
            return self._event(self._decode(value))
        try:
            record = self._decode(short)
        except msgspec.DecodeError:
            record = self._decode(value)  # where it is wrong
        return self._event(record)

    def each(self, value: bytes) -> list[Result]:
        """Return the results of a JSON array's elements; raises when one is no object."""
        records = self._picker.many(value)
        if len(records) > self._most:
            raise DecodeError("too_many", f"{len(records)}, at most {self._most}")
        return [attempt(self._event, record) for record in records]

    def explain(self, value: bytes) -> Iterator[tuple[Result, Trace]]:
        """Yield the result of one object, and the path of each field."""
        values, trace = self._picker.values(self._decode(value)), Trace()
        yield attempt(partial(self._table.event, trace=trace), values), trace

    @property
    def credentials(self) -> int:
        """Return how many objects with a credential there were."""
        return self._table.credentials if "_table" in vars(self) else 0

    @property
    def dropped(self) -> Counter[str]:
        """Return how many invalid values of each optional field were left out."""
        return self._table.dropped if "_table" in vars(self) else Counter()

    def _event(self, record: Struct) -> RequestEvent | Skipped:
        try:
            return self._compiled(record)
        except (DecodeError, UnusualError):
            return self._table.event(self._picker.values(record))

    @cached_property
    def _table(self) -> FormatTable:
        return FormatTable(self._form, self._account)

    @cached_property
    def _picker(self) -> Picker:
        return picker(self._table.paths)

    @cached_property
    def _repeated(self) -> list[RepeatedMember]:
        taken = {path.keys[0] for path in self._table.paths}
        return [RepeatedMember(key) for key in self._form.repeated if key not in taken]

    @cached_property
    def _decode(self) -> Callable[[bytes], Struct]:
        return self._picker.one

    @cached_property
    def _compiled(self) -> Callable[[Struct], RequestEvent | Skipped]:
        return compile_decoder(self._table, self._picker.access_plan())


def _first_keys(form: Format) -> frozenset[str]:
    """Return the top-level keys by which a record of the format may begin."""
    paths = [*form.calls, *form.credentials, *form.kinds, *form.own]
    for source in chain(*form.fields.values(), *form.accounts.values()):
        if not isinstance(source, Constant):
            where = source[0] if isinstance(source, tuple) else source
            paths += where if isinstance(where, tuple) else (where,)
    first = (Path.parse(path).keys[0] for path in paths)
    return frozenset((*form.discriminators, *form.keys, *first))
