"""Carries out distillwatch's decisions in LiteLLM's proxy, without a call per request.

Put this file beside the proxy's configuration and name it there; it needs no package::

    litellm_settings:
      callbacks: ["distillwatch_litellm.proxy_handler_instance"]

Environment::

    DISTILLWATCH_ENFORCER_URL         as http://enforcer:6070; without it nothing is carried out
    DISTILLWATCH_ENFORCER_TOKEN       or DISTILLWATCH_ENFORCER_TOKEN_FILE, read at every pull
    DISTILLWATCH_ENFORCER_POLL_S      2
    DISTILLWATCH_ENFORCER_ACCOUNT     what the log calls an account, as intake.account: key, user,
                                      team, organization or end_user
    DISTILLWATCH_ENFORCER_FAIL_CLOSED true: refuse everyone while decisions are older than
    DISTILLWATCH_ENFORCER_STALE_S     60

A thread pulls the stream; requests read a table that is replaced as a whole. A fault here lets the
request pass, is counted, and is logged once a minute. Throttles count per process of the proxy.
"""

from __future__ import annotations

import copy
import itertools
import json
import logging
import math
import os
import secrets
import socket
import threading
import time
import urllib.parse
import urllib.request
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

try:
    from fastapi import HTTPException
    from litellm.integrations.custom_logger import CustomLogger
except ImportError:  # pragma: no cover - only LiteLLM's environment has them

    class CustomLogger:  # type: ignore[no-redef]
        """Stands in where LiteLLM is not installed."""

    class HTTPException(Exception):  # type: ignore[no-redef]  # noqa: N818
        """Stands in where FastAPI is not installed."""

        def __init__(self, status_code: int, detail: object, headers: dict[str, str]) -> None:
            """Keep what FastAPI keeps."""
            super().__init__(detail)
            self.status_code, self.detail, self.headers = status_code, detail, headers


if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterable, Mapping

__version__ = "1"

_LOG: Final = logging.getLogger("distillwatch")
_PREFIX: Final = "DISTILLWATCH_ENFORCER_"
#: Rows (a decision about one id) that are kept; more are counted and left out.
MOST_ROWS: Final = 200_000
MOST_BYTES: Final = 256 * 1024 * 1024  # of an answer: that many rows, with room
MOST_THROTTLED: Final = 100_000  # ids with a count of requests
MOST_COUNTS: Final = 10_000  # decisions and effects between two reports
MOST_REPORTED: Final = 5_000  # of them in one report: an enforcer reads a megabyte
MOST_FRAME: Final = 4 * 1024 * 1024  # bytes of a streamed event; a longer one passes as it is
_TIMEOUT_S: Final = 10.0
_LONGEST_WAIT_S: Final = 10.0  # between pulls that fail
_REPORT_S: Final = 10.0
_LOG_S: Final = 60.0
_REFUSED: Final = "requests of this account are refused"
_THROTTLED: Final = "this account may send fewer requests a minute"
_STALE: Final = "requests cannot be checked at the moment"

_DAY_S: Final = 86_400.0
#: Kind of an id -> its name in LiteLLM's UserAPIKeyAuth, and in its log behind user_api_key_.
_IDS: Final = {
    "user": "user_id",
    "team": "team_id",
    "organization": "org_id",
    "end_user": "end_user_id",
}

Subject = tuple[str, str]  # kind and id


class Settings(NamedTuple):
    """What the environment sets."""

    url: str = ""
    poll_s: float = 2.0
    account: str = "key"
    fail_closed: bool = False
    stale_s: float = 60.0

    @classmethod
    def read(cls, environment: Mapping[str, str]) -> Settings:
        """Raise ValueError in one line that names the variable."""

        def text(name: str, default: str, expected: str, *allowed: str) -> str:
            found = environment.get(f"{_PREFIX}{name}", "").strip() or default
            if allowed and found not in allowed:
                raise ValueError(f"{_PREFIX}{name}: expected {expected}")
            return found

        def seconds(name: str, default: str) -> float:
            found = text(name, default, "")
            if not found.replace(".", "", 1).isdigit() or not 0 < float(found) <= _DAY_S:
                raise ValueError(f"{_PREFIX}{name}: expected seconds, at most a day")
            return float(found)

        url = text("URL", "", "")
        if url and urllib.parse.urlsplit(url).scheme not in {"http", "https"}:
            raise ValueError(f"{_PREFIX}URL: expected http:// or https://")
        accounts = ("key", *_IDS)
        return cls(
            url=url.rstrip("/"),
            poll_s=seconds("POLL_S", "2"),
            account=text("ACCOUNT", "key", ", ".join(accounts), *accounts),
            fail_closed=text("FAIL_CLOSED", "false", "true or false", "true", "false") == "true",
            stale_s=seconds("STALE_S", "60"),
        )


# --- Decisions ---------------------------------------------------------------------------------

_STRENGTH: Final = {
    name: number
    for number, name in enumerate(
        ("watch", "verify", "throttle", "hide_reasoning", "mark", "reroute", "suspend")
    )
}


class Row(NamedTuple):
    """A decision about one id; ``until`` in epoch seconds of the enforcer's clock."""

    decision: str
    action: str
    until: float
    ends: float  # by this process's monotonic clock, so that clocks may differ
    requests_per_minute: int = 0
    output_tokens: int = 0
    model: str = ""
    instruction: str = ""

    @property
    def order(self) -> tuple[int, float, str]:
        """Sort the strongest first, as the enforcer does."""
        return -_STRENGTH[self.action], -self.until, self.decision


def read_row(raw: Any, now: float) -> tuple[Subject, Row]:  # noqa: ANN401 - JSON
    """Return a row of the stream. Raises what reading foreign JSON may raise."""
    more = raw["distillwatch"]
    kind = "account" if raw["scope"] == "username" else raw["scope"]
    if not (isinstance(kind, str) and isinstance(raw["value"], str)):
        raise TypeError("ids are text")
    until = float(more["until"])
    row = Row(
        decision=str(more["decision"]),
        action=more["action"],
        until=until,
        ends=now + _duration_s(raw["duration"]),
        requests_per_minute=int(more.get("requests_per_minute") or 0),
        output_tokens=int(more.get("output_tokens") or 0),
        model=str(more.get("model") or ""),
        instruction=str(more.get("instruction") or ""),
    )
    if row.action not in _STRENGTH or (row.action == "throttle" and row.requests_per_minute < 1):
        raise ValueError("unknown action")
    return (kind, raw["value"]), row


def _duration_s(text: str) -> float:
    """Return seconds of Go's notation, as 23h59m59s; negative for what has ended."""
    hours, _, rest = text.lstrip("-").partition("h")
    minutes, _, seconds = rest.partition("m")
    found = float(hours) * 3600 + float(minutes) * 60 + float(seconds.rstrip("s"))
    return -found if text.startswith("-") else found


class Table:
    """The decisions in force by id; never changed, replaced by a new one."""

    def __init__(self, rows: Mapping[Subject, tuple[Row, ...]] | None = None) -> None:
        """Take the rows of each id, the strongest first."""
        self.rows: Mapping[Subject, tuple[Row, ...]] = rows or {}
        self.count = sum(map(len, self.rows.values()))
        self.next_end = min(
            (row.ends for rows in self.rows.values() for row in rows), default=math.inf
        )
        self.left_out = 0  # rows that could not be read, or were too many

    def changed(self, new: Iterable[Any], deleted: Iterable[Any], now: float) -> Table:
        """Return a table with the rows of the stream added and taken away."""
        rows = dict(self.rows)
        if self.next_end <= now:
            rows = {s: kept for s, ones in rows.items() if (kept := _lasting(ones, now))}
        room, left_out = MOST_ROWS - self.count, 0
        for adds, raws in ((False, deleted), (True, new)):
            for raw in raws:
                found = _readable(raw, now)
                if found is None or (adds and room <= 0):
                    left_out += 1
                    continue
                subject, row = found
                kept = tuple(one for one in rows.pop(subject, ()) if one.decision != row.decision)
                if adds:
                    kept = tuple(sorted((*kept, row), key=lambda one: one.order))
                    room -= 1
                if kept:
                    rows[subject] = kept
        made = Table(rows)
        made.left_out = left_out
        return made

    def about(self, subjects: Iterable[Subject], now: float) -> list[Row]:
        """Return what is in force about a caller with these ids, strongest first."""
        found = {
            row.decision: row
            for subject in subjects
            for row in self.rows.get(subject, ())
            if row.ends > now
        }
        return sorted(found.values(), key=lambda row: row.order)


def _readable(raw: object, now: float) -> tuple[Subject, Row] | None:
    try:
        return read_row(raw, now)
    except (ArithmeticError, ValueError, TypeError, KeyError, AttributeError):
        return None


def _lasting(rows: tuple[Row, ...], now: float) -> tuple[Row, ...]:
    return tuple(row for row in rows if row.ends > now)


class Treatment(NamedTuple):
    """What is done with a caller's requests, each by the decision that wants it."""

    refused: Row | None = None
    throttled: Row | None = None
    shortened: Row | None = None
    hidden: Row | None = None
    marked: Row | None = None
    rerouted: Row | None = None


AS_EVERYONE: Final = Treatment()


def treatment(rows: list[Row]) -> Treatment:
    """Return what decisions amount to: the strictest limit of throttles, else the strongest."""
    first: dict[str, Row] = {}
    for row in rows:
        first.setdefault(row.action, row)
    throttles = [row for row in rows if row.action == "throttle"]
    short = [row for row in throttles if row.output_tokens]
    marked, rerouted = first.get("mark"), first.get("reroute")
    return Treatment(
        refused=first.get("suspend"),
        throttled=min(
            throttles, key=lambda row: (row.requests_per_minute, row.decision), default=None
        ),
        shortened=min(short, key=lambda row: row.output_tokens, default=None),
        hidden=first.get("hide_reasoning"),
        marked=marked if marked and marked.instruction else None,
        rerouted=rerouted if rerouted and rerouted.model else None,
    )


class Buckets:
    """A token bucket of one minute's requests for each throttled id; at most MOST_THROTTLED."""

    def __init__(self) -> None:
        """Start without any."""
        self._left: dict[Subject, tuple[float, float]] = {}

    def wait_s(self, who: Subject, requests_per_minute: int, now: float) -> float:
        """Return 0 and take a request, or how long the caller has to wait."""
        left, before = self._left.pop(who, (float(requests_per_minute), now))
        rate = requests_per_minute / 60
        left = min(left + max(now - before, 0.0) * rate, float(requests_per_minute))
        wait = 0.0 if left >= 1 else (1 - left) / rate
        self._left[who] = (left if wait else left - 1, max(now, before))
        if len(self._left) > MOST_THROTTLED:
            del self._left[next(iter(self._left))]
        return wait


# --- The thread that pulls and reports ---------------------------------------------------------


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """The token goes to the enforcer and nowhere else."""

    def redirect_request(self, *_: Any) -> None:  # noqa: ANN401
        """Follow none."""


_OPEN: Final = urllib.request.build_opener(_NoRedirect).open


class Faults:
    """Counts what went wrong; logs the last of it once a minute."""

    def __init__(self, clock: Callable[[], float]) -> None:
        """Start with nothing."""
        self.total = 0
        self._clock = clock
        self._logged_at = -math.inf

    def add(self, what: str) -> None:
        """Count a fault; never raises."""
        self.total += 1
        now = self._clock()
        if now - self._logged_at >= _LOG_S:
            self._logged_at = now
            _LOG.warning("distillwatch: %s (fault %d since the start)", what, self.total)


class Feed:
    """Keeps :attr:`table` up to date from a thread, and reports what was done."""

    def __init__(self, settings: Settings, clock: Callable[[], float] = time.monotonic) -> None:
        """Start nothing yet."""
        self.table = Table()
        self._settings = settings
        self._clock = clock
        self._name = f"{socket.gethostname()[:64]}-{secrets.token_hex(6)}"
        self._whole = True
        self._fresh_at = -math.inf
        self.faults = Faults(clock)
        self._lock = threading.Lock()
        self._counts: Counter[tuple[str, str, str]] = Counter()
        self._reported_at = clock()

    @property
    def age_s(self) -> float:
        """Return how old the decisions may be; infinite before the first pull."""
        return self._clock() - self._fresh_at

    def count(self, row: Row, effect: str) -> None:
        """Count one request of a decision: dropped, slowed or changed."""
        key = (row.decision, row.action, effect)
        with self._lock:
            if key in self._counts or len(self._counts) < MOST_COUNTS:
                self._counts[key] += 1

    def start(self) -> None:
        """Pull from now on, also in a process that is forked from this one."""
        self._run_thread()
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=self._run_forked)

    def _run_forked(self) -> None:
        self._lock, self._name = threading.Lock(), f"{self._name[:80]}-{secrets.token_hex(6)}"
        self._whole = True
        self._run_thread()

    def _run_thread(self) -> None:
        threading.Thread(target=self._run, name="distillwatch", daemon=True).start()

    def _run(self) -> None:
        failed = 0
        while True:
            failed = 0 if self.pull() else min(failed + 1, 8)
            self.report()
            longest = max(self._settings.poll_s, _LONGEST_WAIT_S)
            time.sleep(min(self._settings.poll_s * 2 ** max(failed - 1, 0), longest))

    def pull(self) -> bool:
        """Return whether the enforcer answered; the last decisions stay when it does not."""
        try:
            found, whole, age_s = self._pulled()
            now = self._clock()
            before = Table() if whole else self.table
            new, deleted = found["new"] or (), found["deleted"] or ()
            if whole or new or deleted or before.next_end <= now:
                self.table = before.changed(new, deleted, now)
                if self.table.left_out:
                    self.faults.add(f"{self.table.left_out} rows of the stream are left out")
        except Exception as error:  # noqa: BLE001 - whatever it is, the thread stays
            self._whole = True
            self.faults.add(f"decisions are not up to date: {error}")
            return False
        self._whole = False
        self._fresh_at = now - age_s
        return True

    def _pulled(self) -> tuple[dict[str, Any], bool, float]:
        """Return an answer, whether it is everything, and how old its decisions are in seconds."""
        query = "?startup=true" if self._whole else ""
        with self._call(f"/v1/decisions/stream{query}") as answer:
            body = answer.read(MOST_BYTES + 1)
            whole = self._whole or answer.headers.get("x-distillwatch-whole") == "1"
            age_s = float(answer.headers.get("x-distillwatch-age") or 0)
        if len(body) > MOST_BYTES:
            raise ValueError("the answer is too long")
        return json.loads(body), whole, age_s

    def report(self) -> bool:
        """Post what was done since the last report, every ten seconds; kept when it fails."""
        now = self._clock()
        window_s = now - self._reported_at
        if window_s < _REPORT_S or not self._counts:
            return False
        with self._lock:
            counts = Counter(dict(itertools.islice(self._counts.items(), MOST_REPORTED)))
            for key in counts:
                del self._counts[key]
        items = [
            {
                "name": effect,
                "value": value,
                "unit": "request",
                "labels": {"decision": decision, "action": action},
            }
            for (decision, action, effect), value in counts.items()
        ]
        meta = {"window_size_seconds": round(window_s), "utc_now_timestamp": int(time.time())}
        component = {
            "type": "litellm",
            "name": self._name,
            "version": __version__,
            "metrics": [{"meta": meta, "items": items}],
        }
        try:
            with self._call("/v1/usage-metrics", {"remediation_components": [component]}):
                pass
        except Exception as error:  # noqa: BLE001 - as in pull
            with self._lock:
                self._counts.update(counts)
            self.faults.add(f"the report of effects was not delivered: {error}")
            return False
        self._reported_at = now
        return True

    def _call(self, path: str, body: object = None) -> Any:  # noqa: ANN401 - urllib's answer
        headers = {"X-Api-Key": _token(), "X-Distillwatch-Client": self._name}
        data = None if body is None else json.dumps(body).encode()
        if data:
            headers["Content-Type"] = "application/json"
        request = urllib.request.Request(self._settings.url + path, data, headers)  # noqa: S310
        return _OPEN(request, timeout=_TIMEOUT_S)


def _token() -> str:
    path = os.environ.get(f"{_PREFIX}TOKEN_FILE")
    found = Path(path).read_text() if path else os.environ.get(f"{_PREFIX}TOKEN", "")
    # One word: what no header can hold would be in the fault that is logged.
    token = next(iter(found.split()), "")
    return token if token.isascii() and token.isprintable() else ""


# --- Requests ----------------------------------------------------------------------------------

_CHAT: Final = frozenset({"acompletion", "completion"})
_RESPONSES: Final = frozenset({"aresponses", "responses"})
_MESSAGES: Final = frozenset({"anthropic_messages"})
#: Calls that a model answers with text; others are only refused or throttled.
_ANSWERED: Final = _CHAT | _RESPONSES | _MESSAGES | {"atext_completion", "text_completion"}
_Data = dict[str, Any]
_FALLBACKS: Final = ("fallbacks", "context_window_fallbacks", "content_policy_fallbacks")
_LIMITS: Final = ("max_tokens", "max_completion_tokens", "max_output_tokens", "thinking")


def reroute(data: _Data, model: str) -> bool:
    """Send a request to another model; not to one that the proxy does not have."""
    if not _has_model(model):
        return False
    found = data.get("model") != model
    data["model"] = model
    for name in _FALLBACKS:  # a caller may name the better model there
        found |= data.pop(name, None) is not None
    return _own(data, "model", *_FALLBACKS) or found


def _own(data: _Data, *names: str) -> bool:
    """Take names out of the caller's `extra_body`: clients put it over the request they send."""
    more = data.get("extra_body")
    if not isinstance(more, dict) or more.keys().isdisjoint(names):
        return False
    data["extra_body"] = {name: value for name, value in more.items() if name not in names}
    return True


def _has_model(model: str) -> bool:
    try:
        from litellm.proxy import proxy_server  # noqa: PLC0415 - it imports callbacks itself
    except ImportError:
        return True
    router = proxy_server.llm_router
    return router is None or bool(router.get_model_list(model_name=model))


def shorten(data: _Data, call_type: str, most: int) -> bool:
    """Lower the most tokens of an answer to ``most``."""
    name = "max_output_tokens" if call_type in _RESPONSES else "max_tokens"
    given = [one for one in (name, "max_completion_tokens") if data.get(one) is not None]
    long = [one for one in given or [name] if not _fits(data.get(one), most)]
    data.update(dict.fromkeys(long, most))
    changed = _own(data, *_LIMITS) or bool(long)
    thinking = data.get("thinking")
    if isinstance(thinking, dict) and not _fits(thinking.get("budget_tokens", 0), most - 1):
        del data["thinking"]  # providers refuse a budget that leaves no room for the answer
        return True
    return changed


def _fits(value: object, most: int) -> bool:
    # Some backends take a negative number for no limit.
    return isinstance(value, int) and 0 <= value <= most


def mark(data: _Data, call_type: str, instruction: str) -> bool:
    """Add an instruction for the model; lists are copied, for the log has the caller's own."""
    if call_type in _CHAT and isinstance(data.get("messages"), list):
        data["messages"] = [_system(instruction), *data["messages"]]
    elif call_type in _RESPONSES:
        data["instructions"] = _joined(data.get("instructions"), instruction)
    elif call_type in _MESSAGES:
        system = data.get("system")
        if isinstance(system, list):
            data["system"] = [*system, {"type": "text", "text": instruction}]
        else:
            data["system"] = _joined(system, instruction)
    else:
        return False
    _own(data, "messages", "instructions", "system")
    return True


def unmarked(messages: list[Any], instruction: str) -> list[Any]:
    """Return logged messages without the instruction that ``mark`` has added in front."""
    if not messages or _get(messages[0], "role") != "system":
        return messages
    content = _get(messages[0], "content")
    if isinstance(content, list):
        kept: Any = [block for block in content if _get(block, "text") != instruction]
    elif isinstance(content, str):
        kept = content.removesuffix(instruction).removesuffix("\n\n")
    else:
        return messages
    return [_with(messages[0], "content", kept), *messages[1:]] if kept else messages[1:]


def _system(instruction: str) -> dict[str, str]:
    return {"role": "system", "content": instruction}


def _joined(before: object, instruction: str) -> str:
    return f"{before}\n\n{instruction}" if before and isinstance(before, str) else instruction


# --- Answers -----------------------------------------------------------------------------------

_REASONING: Final = (
    *("reasoning_content", "thinking_blocks", "reasoning", "reasoning_items"),
    *("reasoning_details", "thinking"),
)
_THINKING: Final = frozenset({"thinking", "redacted_thinking", "reasoning"})


def without_reasoning(answer: Any) -> Any:  # noqa: ANN401 - LiteLLM's types, or JSON
    """Return an answer, or a piece of a streamed one, without reasoning; the given one is kept."""
    for name in ("choices", "output", "content"):
        parts = _get(answer, name)
        if isinstance(parts, list):
            clean = _plain_choices(parts) if name == "choices" else _plain_blocks(parts)
            return answer if clean is parts else _with(answer, name, clean)
    return answer


def _plain_choices(choices: list[Any]) -> list[Any]:
    found = []
    for choice in choices:
        clean = choice
        for name in ("message", "delta"):
            message = _get(choice, name)
            plain = message if message is None else _plain_message(message)
            if plain is not message:
                clean = _with(clean, name, plain)
        found.append(clean)
    return choices if all(map(_same, found, choices)) else found


def _plain_message(message: Any) -> Any:  # noqa: ANN401
    more = _get(message, "provider_specific_fields")
    content = _get(message, "content")
    if isinstance(content, list) and (plain := _plain_blocks(content)) is not content:
        message = _with(message, "content", plain)
    mine = [name for name in _REASONING if _get(message, name) is not None]
    of_provider = isinstance(more, dict) and any(name in more for name in _REASONING)
    if not mine and not of_provider:
        return message
    clean = copy.copy(message)
    for name in mine:
        if isinstance(clean, dict):
            del clean[name]
        else:
            delattr(clean, name)
    if of_provider and isinstance(more, dict):
        kept = {name: value for name, value in more.items() if name not in _REASONING}
        clean = _with(clean, "provider_specific_fields", kept)
    return clean


def _plain_blocks(blocks: list[Any]) -> list[Any]:
    kept = [block for block in blocks if _get(block, "type") not in _THINKING]
    return blocks if len(kept) == len(blocks) else kept


def _same(one: object, other: object) -> bool:
    return one is other


def _get(value: Any, name: str) -> Any:  # noqa: ANN401
    return value.get(name) if isinstance(value, dict) else getattr(value, name, None)


def _with(value: Any, name: str, part: object) -> Any:  # noqa: ANN401
    """Return a copy with another part: LiteLLM may keep the given one for its log and cache."""
    made = copy.copy(value)
    if isinstance(made, dict):
        made[name] = part
    else:
        setattr(made, name, part)
    return made


class PlainStream:
    """Takes reasoning out of a streamed answer of any of the three interfaces."""

    def __init__(self) -> None:
        """Start before the first piece; ``hid``: something was taken out."""
        self.hid = False
        self._rest = b""
        self._hidden: list[int] = []  # positions of blocks or items that are left out

    def pieces(self, piece: Any) -> list[Any]:  # noqa: ANN401
        """Return what is passed on of a piece: nothing, or one."""
        if isinstance(piece, (bytes, str)):
            found = self._frames(piece.encode() if isinstance(piece, str) else piece)
            return [found] if found else []
        kind = _get(piece, "type")
        if isinstance(kind, str) and kind.startswith("response."):
            return self._event(piece, kind)
        if isinstance(kind, str) and kind.startswith("content_block"):
            return [] if (block := self._block(piece)) is None else [block]
        clean = without_reasoning(piece)
        self.hid |= clean is not piece
        return [clean]

    def rest(self) -> list[Any]:
        """Return what is left when the stream ends."""
        rest, self._rest = self._rest, b""
        if _is_cut(rest):
            return []  # it is no event, and may be reasoning
        kept = self._frame(rest)
        return [kept] if kept else []

    def _event(self, event: Any, kind: str) -> list[Any]:  # noqa: ANN401
        """Treat an event of the Responses interface."""
        index, item = _get(event, "output_index"), _get(event, "item")
        if item is not None and _get(item, "type") in _THINKING and index not in self._hidden:
            self._hidden.append(index)
        if index in self._hidden or kind.startswith("response.reasoning"):
            self.hid = True
            return []
        answer = _get(event, "response")
        clean = without_reasoning(answer) if answer is not None else None
        if clean is not answer:
            event = _with(event, "response", clean)
        return [self._moved(event, "output_index", index)]

    def _frames(self, piece: bytes) -> bytes:
        """Treat the whole frames of Anthropic's server-sent events."""
        *whole, rest = (self._rest + piece).replace(b"\r\n", b"\n").split(b"\n\n")
        found = b"".join(kept + b"\n\n" for frame in whole if (kept := self._frame(frame)))
        self._rest = rest if len(rest) <= MOST_FRAME else b""
        return found if self._rest is rest else found + rest

    def _frame(self, frame: bytes) -> bytes:
        lines = frame.split(b"\n")
        data = next((line[5:] for line in lines if line.startswith(b"data:")), b"")
        if b'"index"' not in data:
            return frame
        try:
            event = json.loads(data)
        except ValueError:
            return frame
        if not isinstance(event, dict):
            return frame
        moved = self._block(event)
        if moved is None:
            return b""
        if moved is event:
            return frame
        head = [line for line in lines if not line.startswith(b"data:")]
        return b"\n".join([*head, b"data: " + json.dumps(moved).encode()])

    def _block(self, event: Any) -> Any:  # noqa: ANN401
        """Treat an event of Anthropic's interface; None: it is left out."""
        index = _get(event, "index")
        if _get(_get(event, "content_block"), "type") in _THINKING:
            self._hidden.append(index)
        if index in self._hidden:
            self.hid = True
            return None
        return self._moved(event, "index", index)

    def _moved(self, event: Any, name: str, index: int | None) -> Any:  # noqa: ANN401
        """Number what comes after something left out as if that had never been."""
        gone = 0 if index is None else sum(one < index for one in self._hidden)
        return _with(event, name, index - gone) if gone and index is not None else event


def _is_cut(frame: bytes) -> bool:
    """Return whether the last event of a stream is not whole."""
    data = next((line[5:].strip() for line in frame.split(b"\n") if line.startswith(b"data:")), b"")
    try:
        return data.startswith(b"{") and json.loads(data) is None
    except ValueError:
        return True


# --- LiteLLM's hooks ---------------------------------------------------------------------------


class DistillwatchHandler(CustomLogger):  # type: ignore[misc]
    """What LiteLLM's proxy calls before and after each request."""

    def __init__(self, settings: Settings, clock: Callable[[], float] = time.monotonic) -> None:
        """Start no thread: ``feed.start`` does."""
        super().__init__()
        self.feed = Feed(settings, clock)
        self.faults = self.feed.faults
        self._settings = settings
        self._clock = clock
        self._buckets = Buckets()

    async def async_pre_call_hook(
        self,
        user_api_key_dict: Any,  # noqa: ANN401
        cache: object,
        data: _Data,
        call_type: str | None,
    ) -> _Data | None:
        """Refuse, slow or change a request; raises HTTPException to refuse."""
        del cache
        try:
            refusal, changed = self._before(user_api_key_dict, data, call_type)
        except Exception as error:  # noqa: BLE001 - a fault here must not cost a request
            self.faults.add(f"a request passed unchecked: {error!r}")
            return None
        if refusal is not None:
            raise refusal
        return data if changed else None

    async def async_post_call_success_hook(
        self,
        data: _Data,
        user_api_key_dict: Any,  # noqa: ANN401
        response: Any,  # noqa: ANN401
    ) -> Any:  # noqa: ANN401
        """Return an answer without its reasoning, or None: it passes as it is."""
        del data
        try:
            hidden = self._treatment(self._subjects(user_api_key_dict)).hidden
            if hidden is None:
                return None
            clean = without_reasoning(response)
            if clean is response:
                return None
            self.feed.count(hidden, "changed")
        except Exception as error:  # noqa: BLE001
            self.faults.add(f"an answer passed unchecked: {error!r}")
            return None
        return clean

    def async_post_call_streaming_iterator_hook(
        self,
        user_api_key_dict: Any,  # noqa: ANN401
        response: AsyncIterator[Any],
        request_data: _Data,
    ) -> AsyncIterator[Any]:
        """Return the given stream, or one without reasoning: others pay nothing per piece."""
        del request_data
        try:
            hidden = self._treatment(self._subjects(user_api_key_dict)).hidden
        except Exception as error:  # noqa: BLE001
            self.faults.add(f"a streamed answer passed unchecked: {error!r}")
            hidden = None
        return response if hidden is None else self._plain(response, hidden)

    async def async_logging_hook(
        self,
        kwargs: _Data,
        result: Any,  # noqa: ANN401
        call_type: str,
    ) -> tuple[_Data, Any]:
        """Log what the caller wrote: an added instruction would link everyone who is marked."""
        del call_type
        try:
            self._unmark(kwargs.get("standard_logging_object") or {})
        except Exception as error:  # noqa: BLE001
            self.faults.add(f"an added instruction is in the log: {error!r}")
        return kwargs, result

    def _before(
        self,
        key: Any,  # noqa: ANN401
        data: _Data,
        call_type: str | None,
    ) -> tuple[HTTPException | None, bool]:
        """Return the refusal of a request, and whether it was changed."""
        if self._settings.fail_closed and self.feed.age_s > self._settings.stale_s:
            return _denied(503, _STALE, retry_after="5"), False
        subjects = self._subjects(key)
        found = self._treatment(subjects)
        if found is AS_EVERYONE:
            return None, False
        if found.refused:
            self.feed.count(found.refused, "dropped")
            return _denied(403, _REFUSED, found.refused), False
        if found.throttled:
            rate = found.throttled.requests_per_minute
            wait_s = self._buckets.wait_s(self._throttled(subjects), rate, self._clock())
            if wait_s:
                self.feed.count(found.throttled, "slowed")
                after = str(max(math.ceil(wait_s), 1))
                return _denied(429, _THROTTLED, found.throttled, retry_after=after), False
        changed = call_type in _ANSWERED and self._change(found, data, str(call_type))
        return None, changed

    def _change(self, found: Treatment, data: _Data, call_type: str) -> bool:
        if found.hidden and call_type in _CHAT:
            # Where a deployment puts reasoning into the text, it could not be taken out again.
            data["merge_reasoning_content_in_choices"] = False
        done = []
        if found.shortened and shorten(data, call_type, found.shortened.output_tokens):
            done.append(found.shortened)
        if found.marked and mark(data, call_type, found.marked.instruction):
            done.append(found.marked)
        if found.rerouted and reroute(data, found.rerouted.model):
            done.append(found.rerouted)
        for row in done:
            self.feed.count(row, "changed")
        return bool(done or found.hidden)

    async def _plain(self, response: AsyncIterator[Any], hidden: Row) -> AsyncIterator[Any]:
        stream = PlainStream()
        try:
            async for piece in response:
                for passed in self._passed(stream, piece):
                    yield passed
            for passed in stream.rest():
                yield passed
        finally:
            if stream.hid:
                self.feed.count(hidden, "changed")

    def _passed(self, stream: PlainStream, piece: Any) -> list[Any]:  # noqa: ANN401
        try:
            return stream.pieces(piece)
        except Exception as error:  # noqa: BLE001
            self.faults.add(f"a piece of an answer passed unchecked: {error!r}")
            return [piece]

    def _unmark(self, log: _Data) -> None:
        metadata = log.get("metadata") or {}
        messages = log.get("messages")
        if not self.feed.table.rows or not isinstance(messages, list):
            return
        ids = {name: metadata.get(f"user_api_key_{name}") for name in ("hash", *_IDS.values())}
        marked = self._treatment(self._named(ids["hash"], ids)).marked
        if marked:
            log["messages"] = unmarked(messages, marked.instruction)

    def _treatment(self, subjects: list[Subject]) -> Treatment:
        table = self.feed.table
        if not table.rows:
            return AS_EVERYONE
        rows = table.about(subjects, self._clock())
        return treatment(rows) if rows else AS_EVERYONE

    def _throttled(self, subjects: list[Subject]) -> Subject:
        """Return the id that a throttle is about: another one may change with every request."""
        rows = self.feed.table.rows
        throttled = (
            one for one in subjects if any(row.action == "throttle" for row in rows.get(one, ()))
        )
        return next(throttled, subjects[0])

    def _subjects(self, key: Any) -> list[Subject]:  # noqa: ANN401 - LiteLLM's UserAPIKeyAuth
        """Return the caller's ids as LiteLLM logs them, and the one that is the account."""
        alias = getattr(key, "key_alias", None)
        logged = (
            alias
            if getattr(key, "is_session_token", False) and alias
            else getattr(key, "api_key", None)
        )
        return self._named(logged, {name: getattr(key, name, None) for name in _IDS.values()})

    def _named(self, key: object, more: Mapping[str, object]) -> list[Subject]:
        ids = {"key": key} | {kind: more[name] for kind, name in _IDS.items()}
        named = {"account": ids[self._settings.account]} | {
            kind: ids[kind] for kind in ("key", "user", "team")
        }
        return [(kind, one) for kind, one in named.items() if one and isinstance(one, str)]


def _denied(
    status: int, message: str, row: Row | None = None, *, retry_after: str = ""
) -> HTTPException:
    """Return an error in the shape that clients of LLM gateways read."""
    error = {"message": message, "type": "account_restricted", "code": row and row.decision}
    headers = {"x-distillwatch-decision": row.decision} if row else {}
    if retry_after:
        headers["retry-after"] = retry_after
    return HTTPException(status_code=status, detail={"error": error}, headers=headers)


def _started() -> DistillwatchHandler:
    settings = Settings.read(os.environ)
    handler = DistillwatchHandler(settings)
    if settings.url:
        handler.feed.start()
    else:
        _LOG.warning("distillwatch: %sURL is not set: no decision is carried out", _PREFIX)
    return handler


proxy_handler_instance = _started()
