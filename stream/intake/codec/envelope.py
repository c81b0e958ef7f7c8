"""Wrappers that shippers put around a record: taken off where the settings name them.

Only on demand: a wrapper of an unknown log may contain a client's text, and a client must not write
events of its own. The error of a record in a usual wrapper that is not taken off names the wrapper.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec

from stream.intake.codec.framing import elements, in_utf8
from stream.intake.codec.path import Path
from stream.intake.codec.reasons import FAILURES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

#: Key of a wrapper -> what writes it.
USUAL: Final = {
    "payload": "Kafka Connect's `schema` and `payload`",
    "message": "a log shipper's `message` (Filebeat, Logstash, Vector)",
    "log": "a container's `log` (Docker, Fluent Bit)",
    "event": "Splunk's `event`",
    "data": "a CloudEvent's `data`",
    "jsonPayload": "Google Cloud Logging's `jsonPayload`",
    "_source": "an Elasticsearch hit's `_source`",
    "detail": "EventBridge's `detail`",
    "Message": "SNS's `Message`",
    "body": "a queue's or a collector's `body`",
    "value": "a Kafka proxy's `value`",
    "MESSAGE": "journald's `MESSAGE`",
    "standard_logging_object": "a LiteLLM callback's `standard_logging_object`",
    "record": "`record`",
}
#: Wrappers in wrappers that are taken off, at most.
_DEPTH: Final = 4

_keys = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode


class Unwrapper:
    """Takes the wrappers off that stand at some paths."""

    def __init__(self, paths: Sequence[str], limit: int) -> None:
        """``limit`` is how many objects a record may have."""
        self._paths = [Path.parse(path).keys for path in paths]
        self._limit = limit

    def __call__(self, value: bytes) -> bytes:
        """Return what is in the wrappers of a record, as lines, or the record as it is.

        A record that cannot be read is returned as it is: the decoder reports why.
        """
        try:
            parts = elements(in_utf8(value), self._limit)
        except FAILURES:
            return value
        if not parts:
            return value
        found = [self._inner(part, _DEPTH) for part in parts]
        if all(inner is None for inner in found):
            return value
        return b"\n".join(
            part if inner is None else inner for inner, part in zip(found, parts, strict=True)
        )

    def _inner(self, value: bytes, depth: int) -> bytes | None:
        for keys in self._paths:
            found = _at(value, keys)
            if found is not None:
                return (self._inner(found, depth - 1) or found) if depth > 1 else found
        return None


def named(value: bytes, known: Callable[[bytes], bool]) -> str:
    """Return advice for an object with a usual wrapper around a ``known`` format, or nothing."""
    for key, inner in _wrapped(value):
        if known(inner):
            return f'it is wrapped in {USUAL[key]}: set intake.unwrap = ["{key}"]'
    return ""


def _wrapped(value: bytes) -> Iterator[tuple[str, bytes]]:
    try:
        keys = _keys(value).keys()
    except FAILURES:
        return
    for key in USUAL:
        if key in keys and (inner := _at(value, (key,))) is not None:
            yield key, inner


def _at(value: bytes, keys: Sequence[str]) -> bytes | None:
    """Return the JSON that stands at the end of ``keys``, an object or text that holds one."""
    for key in keys:
        try:
            raw = _keys(value).get(key)
        except FAILURES:
            return None
        if raw is None:
            return None
        value = _opened(bytes(raw))
    return value if value[:1] in {b"{", b"["} else None


def _opened(raw: bytes) -> bytes:
    """Return JSON as it is, and of a string what it holds."""
    if raw[:1] != b'"':
        return raw
    try:
        text: Any = msgspec.json.decode(raw)
        return bytes(text.strip().encode())
    except FAILURES:
        return b""
