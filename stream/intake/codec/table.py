"""A gateway's format as data: which field of an event is taken from where.

A :class:`Format` is what one reads to know a gateway; a :class:`Table` is the same, compiled. It
turns the values at its paths into an event, and says where it took each one when it is asked to.
Where the values come from (JSON, spans) is not its matter.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Literal, get_args

from stream.core.errors import DecodeError
from stream.intake.codec import body, convert
from stream.intake.codec.event import RequestEvent
from stream.intake.codec.path import Path
from stream.intake.codec.result import Passed
from stream.intake.codec.usage import usage
from stream.intake.codec.whole import APART, WHOLE, name_whole, put_together

if TYPE_CHECKING:
    from stream.intake.codec.convert import Convert
    from stream.intake.codec.pick import Values

#: Whom a record can count as the account.
Identity = Literal["key", "user", "end_user", "team", "organization"]
IDENTITIES: Final[tuple[Identity, ...]] = get_args(Identity)
#: Field -> where it was taken from.
Trace = dict[str, str]


@dataclass(frozen=True, slots=True)
class Constant:
    """A value that no record has to say."""

    value: Any


#: A path, or a path (or several, where the first has a value) with a converter of its own, or what
#: holds where no path has a value.
Source = str | tuple[str | tuple[str, ...], "Convert"] | Constant
Sources = Sequence[Source]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Format:
    """What a gateway writes.

    ``fields`` has the sources of the event's fields and of its blocks (:data:`BLOCKS`), best
    first; ``accounts`` those of the identities, ``account`` being the one by default. Every record
    has one of ``marks``, which are top-level keys of no other format. A record with nothing at
    ``calls`` tells of something else than a call of a model, and so does one that has another
    value than the listed ones at a path of ``kinds``, or a listed one at a path of ``own`` (calls
    that the gateway makes by itself). ``siblings`` are top-level keys that only records of another
    format have, with its name. ``keys`` are more of the top-level keys, by which a record may
    begin.
    """

    name: str
    marks: Sequence[str]
    fields: Mapping[str, Sources]
    accounts: Mapping[Identity, Sources]
    account: Identity
    calls: Sequence[str] = ()
    credentials: Sequence[str] = ()
    keys: Sequence[str] = ()
    kinds: Mapping[str, frozenset[str]] = field(default_factory=dict)
    own: Mapping[str, frozenset[str]] = field(default_factory=dict)
    siblings: Mapping[str, str] = field(default_factory=dict)


#: Event field -> how its value is read, where a source does not say.
FIELDS: Final[Mapping[str, Convert]] = {
    "timestamp": convert.epoch("s"),
    "model": convert.name,
    "request_id": convert.identity,
    "client_ip": convert.address,
    "asn": convert.count,
    "country": convert.name,
    "user_agent": convert.header,
    "tls_fingerprint": convert.name,
    "payment_id": convert.identity,
    "account_created_at": convert.epoch("s"),
    "plan": convert.name,
    "operation": convert.operation,
    "input_tokens": convert.tokens,
    "output_tokens": convert.tokens,
    "cached_tokens": convert.tokens,
    "reasoning_tokens": convert.tokens,
    "status": convert.status,
    "duration_s": convert.seconds("s"),
    "stream": convert.truth,
    "temperature": convert.number,
    "max_tokens": convert.count,
    "logprobs": convert.truth,
    "system_prompt": convert.text,
    "prompt": convert.text,
    "prompt_fingerprint": convert.identity,
}
#: Block -> how its fields are read; they fill what the fields above leave open.
BLOCKS: Final[Mapping[str, Convert]] = {
    "request": body.request,
    "messages": body.written,
    "options": body.options,
    "usage": usage,
}
#: Header names that hold a caller's credential.
CREDENTIALS: Final = ("authorization", "proxy-authorization", "x-api-key", "api-key", "apikey")
#: What gateways write in the place of a credential that they have removed.
_REMOVED: Final = frozenset({"", "-", "redacted", "[redacted]", "***"})

NO_MODEL: Final = "it names no model"
_REFUSED: Final = 400
#: A kind of call as it may be shown to people: no text of a client's.
_SHOWN: Final = re.compile(r"[\w.:-]{1,40}")


@dataclass(frozen=True, slots=True)
class Row:
    """A field or block, and where its values stand, best first, each with its converter."""

    name: str
    options: Sequence[tuple[Sequence[int], Convert]]


class Table:
    """A format with its paths numbered; ``account`` is an identity, a path, or empty.

    This is what a format means; :mod:`stream.intake.codec.straight` makes the same fast.
    """

    def __init__(self, form: Format, account: str = "") -> None:
        """Give each path a place, where :meth:`event` finds its value."""
        self.format = form
        #: Events in whose records a credential was found, and dropped.
        self.credentials = 0
        #: Optional fields that were no valid value, and are left out of their events.
        self.dropped: Counter[str] = Counter()
        self._places: dict[Path, int] = {}
        self._defaults: dict[str, Any] = {}
        self.marks = [self._place(Path((mark,))) for mark in form.marks]
        self.calls = [self._place(Path.parse(call)) for call in form.calls]
        self.secrets = [self._place(Path.parse(secret)) for secret in form.credentials]
        self.kinds = [(self._place(Path.parse(path)), form.kinds[path]) for path in form.kinds]
        self.own = [(self._place(Path.parse(path)), form.own[path]) for path in form.own]
        self.siblings = [(self._place(Path((key,))), form.siblings[key]) for key in form.siblings]
        sources = dict(form.fields) | _identified(form, account)
        rows = [Row(name, self._options(name, sources[name])) for name in sources]
        self.fields = [row for row in rows if row.name not in BLOCKS]
        self.blocks = [row for row in rows if row.name in BLOCKS]
        self._time = next(row for row in rows if row.name == "timestamp")
        #: Where the time may stand.
        self.times = [places[0] for places, _ in self._time.options]
        self._apart = not APART.keys().isdisjoint(sources)
        #: The path of each place.
        self.paths = tuple(self._places)

    def event(self, values: Values, trace: Trace | None = None) -> RequestEvent | Passed:
        """Return the event of the values at :attr:`paths`, or that it tells of no call of a model.

        ``trace`` learns where each field was taken from. Raises DecodeError.
        """
        trace = {} if trace is None else trace
        if all(values[at] is None for at in self.marks):
            raise DecodeError("missing_field", f"no `{'` or `'.join(self.format.marks)}`")
        for at, sibling in self.siblings:
            if values[at] is not None:
                raise DecodeError("unknown_format", f"{sibling}, which is not read")
        if why := self.no_call(values):
            return self.passed([values[at] for at in self.times], why)
        found: dict[str, Any] = {}
        for row in self.fields:
            self._take(row, values, found, trace)
        for row in self.blocks:
            for (at,), to in row.options:
                if values[at] is not None:
                    before = set(found)
                    fill(found, to(values[at]))
                    trace |= dict.fromkeys(found.keys() - before, f"{self.paths[at]} ({row.name})")
        if self._apart:
            name_whole(trace)
        event = self.finished(found)
        self.credentials += any(leaks(values[at]) for at in self.secrets)
        return event

    def no_call(self, values: Values) -> str:
        """Return why a record tells of no call of a model; empty where it may tell of one."""
        if self.calls and all(values[at] is None for at in self.calls):
            return NO_MODEL
        for number, (at, _) in enumerate(self.kinds):
            kind = values[at]
            if isinstance(kind, str) and (why := self.other_kind(number, kind)):
                return why
        for at, own in self.own:
            if isinstance(values[at], str) and values[at] in own:
                return f"{self.paths[at]}: a call of the gateway itself"
        return ""

    def other_kind(self, number: int, kind: str) -> str:
        """Return why what stands at a path of :attr:`kinds` is no call, as :meth:`no_call` does."""
        at, calls = self.kinds[number]
        if not kind or kind.strip().lower() in calls:
            return ""
        shown = f" {kind}" if _SHOWN.fullmatch(kind) else ""
        return f"{self.paths[at]}{shown} is no call of a model"

    def passed(self, times: Sequence[Any], why: str) -> Passed:
        """Return that a record passes by, with the values at :attr:`times`."""
        for (_, to), value in zip(self._time.options, times, strict=True):
            with suppress(DecodeError):
                if value is not None and (time_s := to(value)) is not None:
                    return Passed(time_s, why)
        return Passed(None, why)

    def finished(self, found: dict[str, Any]) -> RequestEvent:
        """Return the event of the fields that were found; raises DecodeError."""
        for name, value in self._defaults.items():
            found.setdefault(name, value)
        if "account_id" not in found:
            raise _nobody(found, self.format)
        if "timestamp" not in found:
            raise DecodeError("missing_field", "no time")
        found.setdefault("model", "")
        if self._apart:
            put_together(found)
        return RequestEvent(**found)

    def _take(self, row: Row, values: Values, found: dict[str, Any], trace: Trace) -> None:
        for places, to in row.options:
            at = places[0]
            if values[at] is None:
                continue
            try:
                value = to(*(values[place] for place in places))
            except DecodeError as error:
                if row.name == "timestamp":
                    raise DecodeError(error.reason, f"{self.paths[at]}: {error.detail}") from None
                self.dropped[WHOLE.get(row.name, row.name)] += 1
                continue
            if value is not None:
                found[row.name] = value
                trace[row.name] = str(self.paths[at])
                return

    def _place(self, path: Path) -> int:
        return self._places.setdefault(path, len(self._places))

    def _options(self, name: str, sources: Sources) -> Sequence[tuple[Sequence[int], Convert]]:
        usual = FIELDS.get(name) or APART.get(name) or BLOCKS.get(name) or convert.identity
        options = []
        for source in sources:
            if isinstance(source, Constant):
                self._defaults[name] = source.value
                continue
            where, to = source if isinstance(source, tuple) else (source, usual)
            paths = where if isinstance(where, tuple) else (where,)
            options.append(([self._place(Path.parse(path)) for path in paths], to))
        return options


def fill(found: dict[str, Any], values: Mapping[str, Any]) -> None:
    """Put in of ``values`` what ``found`` does not have."""
    for name, value in values.items():
        if value is not None and name not in found:
            found[name] = value


def leaks(value: object) -> bool:
    """Return whether a value at the place of a credential is one."""
    return value is not None and str(value).lower() not in _REMOVED


def _identified(form: Format, account: str) -> dict[str, Sources]:
    """Return the sources of the event's identities; the account falls back on every other one."""
    chosen = account if account in IDENTITIES else form.account
    order = sorted(IDENTITIES, key=lambda name: name != chosen)
    others = [source for name in order for source in form.accounts.get(name, ())]
    own = [account] if account.startswith("/") else []
    return {
        "account_id": own + others,
        "api_key_id": form.accounts.get("key", ()),
        "organization_id": [
            *form.accounts.get("organization", ()),
            *form.accounts.get("team", ()),
        ],
    }


def _nobody(found: dict[str, Any], form: Format) -> DecodeError:
    if found.get("status", 0) >= _REFUSED:
        # Turned away at the door, as for a wrong key: nobody's request reached a model.
        detail = "a failed call of an unknown caller"
        return DecodeError("not_a_request", detail, time_s=found.get("timestamp"))
    names = ", ".join(name.replace("_", " ") for name in IDENTITIES if name in form.accounts)
    return DecodeError("missing_field", f"no account: no {names}")
