"""A gateway's format as data: which field of an event is taken from where.

A :class:`Format` describes a gateway for readers; a :class:`FormatTable` is the same with numbered
paths. It turns the values at its paths into an event, and can trace the source of each field. It
does not know where the values come from (JSON, spans).
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
from stream.intake.codec.answers import answer_text
from stream.intake.codec.event import RequestEvent
from stream.intake.codec.path import Path
from stream.intake.codec.result import Skipped
from stream.intake.codec.token_parts import PARTS, WHOLE_OF_PART, sum_parts, trace_parts
from stream.intake.codec.usage import usage

if TYPE_CHECKING:
    from stream.intake.codec.convert import Convert
    from stream.intake.codec.pick import Values

#: What can be the account of a record.
Identity = Literal["key", "user", "end_user", "team", "organization"]
IDENTITIES: Final[tuple[Identity, ...]] = get_args(Identity)
#: Field -> where it was taken from.
Trace = dict[str, str]


@dataclass(frozen=True, slots=True)
class Constant:
    """A value that holds for all records."""

    value: Any


#: A path, or a path (or several, where the first has a value) with a converter of its own, or what
#: holds where no path has a value.
Source = str | tuple[str | tuple[str, ...], "Convert"] | Constant
Sources = Sequence[Source]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Format:
    """What a gateway writes.

    ``fields`` has the sources of the event's fields and of its blocks (:data:`BLOCKS`), best
    first; ``accounts`` those of the identities, ``account`` is the default identity. Every record
    has one of ``discriminators``: top-level keys that no other format has. A record is not a model
    call if it has no value at ``calls``, a value outside the listed ones at a path of ``kinds``,
    or a listed value at a path of ``own`` (calls that the gateway makes for itself). ``siblings``
    are top-level keys that only records of another format have, with its name. ``keys`` are
    further top-level keys with which a record may begin. ``repeated`` are top-level keys, of no
    field, whose values are large and the same in many records.
    """

    name: str
    discriminators: Sequence[str]
    fields: Mapping[str, Sources]
    accounts: Mapping[Identity, Sources]
    account: Identity
    calls: Sequence[str] = ()
    credentials: Sequence[str] = ()
    keys: Sequence[str] = ()
    kinds: Mapping[str, frozenset[str]] = field(default_factory=dict)
    own: Mapping[str, frozenset[str]] = field(default_factory=dict)
    siblings: Mapping[str, str] = field(default_factory=dict)
    repeated: Sequence[str] = ()


#: Event field -> its converter, unless a source has its own.
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
    "first_prompt": convert.text,
    "first_answer": convert.text,
    "response": answer_text,
}
#: Block -> how its fields are read; they fill fields that have no value yet.
BLOCKS: Final[Mapping[str, Convert]] = {
    "request": body.request,
    "messages": body.written,
    "options": body.options,
    "usage": usage,
}
#: Header names that hold a caller's credential.
CREDENTIALS: Final = ("authorization", "proxy-authorization", "x-api-key", "api-key", "apikey")
#: What gateways write in place of a credential that they removed.
_REMOVED: Final = frozenset({"", "-", "redacted", "[redacted]", "***"})

NO_MODEL: Final = "it names no model"
_REFUSED: Final = 400
#: A kind of call that may be shown to people: never a client's text.
_SHOWN: Final = re.compile(r"[\w.:-]{1,40}")


@dataclass(frozen=True, slots=True)
class FieldSources:
    """A field or block, and the places of its values, best first, each with its converter."""

    name: str
    options: Sequence[tuple[Sequence[int], Convert]]


class FormatTable:
    """A format with its paths numbered; ``account`` is an identity, a path, or empty.

    This is the reference; :mod:`stream.intake.codec.compiled_decoder` does the same faster.
    """

    def __init__(self, form: Format, account: str = "") -> None:
        """Give each path a place, where :meth:`event` finds its value."""
        self.format = form
        #: Events whose records contain a credential, which is dropped.
        self.credentials = 0
        #: Invalid optional fields, which are left out of their events.
        self.dropped: Counter[str] = Counter()
        self._places: dict[Path, int] = {}
        self._defaults: dict[str, Any] = {}
        self.discriminators = [self._place(Path((mark,))) for mark in form.discriminators]
        self.calls = [self._place(Path.parse(call)) for call in form.calls]
        self.secrets = [self._place(Path.parse(secret)) for secret in form.credentials]
        self.kinds = [(self._place(Path.parse(path)), form.kinds[path]) for path in form.kinds]
        self.own = [(self._place(Path.parse(path)), form.own[path]) for path in form.own]
        self.siblings = [(self._place(Path((key,))), form.siblings[key]) for key in form.siblings]
        sources = dict(form.fields) | _identified(form, account)
        rows = [FieldSources(name, self._options(name, sources[name])) for name in sources]
        self.fields = [row for row in rows if row.name not in BLOCKS]
        self.blocks = [row for row in rows if row.name in BLOCKS]
        self._time = next(row for row in rows if row.name == "timestamp")
        #: Where the time may stand.
        self.times = [places[0] for places, _ in self._time.options]
        self._apart = not PARTS.keys().isdisjoint(sources)
        #: The path of each place.
        self.paths = tuple(self._places)

    def event(self, values: Values, trace: Trace | None = None) -> RequestEvent | Skipped:
        """Return the event of the values at :attr:`paths`, or that it is not a model call.

        ``trace`` is filled with the path of each field. Raises DecodeError.
        """
        trace = {} if trace is None else trace
        if all(values[at] is None for at in self.discriminators):
            raise DecodeError("missing_field", f"no `{'` or `'.join(self.format.discriminators)}`")
        for at, sibling in self.siblings:
            if values[at] is not None:
                raise DecodeError("unknown_format", f"{sibling}, which is not read")
        if why := self.no_call(values):
            return self.skipped([values[at] for at in self.times], why)
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
            trace_parts(trace)
        event = self.finished(found)
        self.credentials += any(leaks(values[at]) for at in self.secrets)
        return event

    def no_call(self, values: Values) -> str:
        """Return why a record is not a model call; empty if it may be one."""
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
        """Return why a value at a path of :attr:`kinds` is no model call; see :meth:`no_call`."""
        at, calls = self.kinds[number]
        if not kind or kind.strip().lower() in calls:
            return ""
        shown = f" {kind}" if _SHOWN.fullmatch(kind) else ""
        return f"{self.paths[at]}{shown} is not a model call"

    def skipped(self, times: Sequence[Any], why: str) -> Skipped:
        """Return a skipped record with its time, given the values at :attr:`times`."""
        for (_, to), value in zip(self._time.options, times, strict=True):
            with suppress(DecodeError):
                if value is not None and (time_s := to(value)) is not None:
                    return Skipped(time_s, why)
        return Skipped(None, why)

    def finished(self, found: dict[str, Any]) -> RequestEvent:
        """Return the event of the fields that were found; raises DecodeError."""
        for name, value in self._defaults.items():
            found.setdefault(name, value)
        if "account_id" not in found:
            raise _no_account(found, self.format)
        if "timestamp" not in found:
            raise DecodeError("missing_field", "no time")
        found.setdefault("model", "")
        if self._apart:
            sum_parts(found)
        return RequestEvent(**found)

    def _take(self, row: FieldSources, values: Values, found: dict[str, Any], trace: Trace) -> None:
        for places, to in row.options:
            at = places[0]
            if values[at] is None:
                continue
            try:
                value = to(*(values[place] for place in places))
            except DecodeError as error:
                if row.name == "timestamp":
                    raise DecodeError(error.reason, f"{self.paths[at]}: {error.detail}") from None
                self.dropped[WHOLE_OF_PART.get(row.name, row.name)] += 1
                continue
            if value is not None:
                found[row.name] = value
                trace[row.name] = str(self.paths[at])
                return

    def _place(self, path: Path) -> int:
        return self._places.setdefault(path, len(self._places))

    def _options(self, name: str, sources: Sources) -> Sequence[tuple[Sequence[int], Convert]]:
        usual = FIELDS.get(name) or PARTS.get(name) or BLOCKS.get(name) or convert.identity
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
    """Add the ``values`` that ``found`` does not have."""
    for name, value in values.items():
        if value is not None and name not in found:
            found[name] = value


def leaks(value: object) -> bool:
    """Return whether a value at a credential's place is a credential."""
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


def _no_account(found: dict[str, Any], form: Format) -> DecodeError:
    if found.get("status", 0) >= _REFUSED:
        # Rejected by the gateway, as for a wrong key: the request reached no model.
        detail = "a failed call of an unknown caller"
        return DecodeError("not_a_request", detail, time_s=found.get("timestamp"))
    names = ", ".join(name.replace("_", " ") for name in IDENTITIES if name in form.accounts)
    return DecodeError("missing_field", f"no account: no {names}")
