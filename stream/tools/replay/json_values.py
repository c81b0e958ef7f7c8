"""JSON in files: a value on each line, or values that are joined or written over many lines."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import io
    from collections.abc import Iterator

#: A value longer than this comes in pieces, which intake rejects; it never fills the memory.
MAX_VALUE_BYTES: Final = 16 * 1024 * 1024
_CHUNK_BYTES: Final = 1 << 20
_SPACE: Final = " \t\r\n"
#: Suffixes of files that are one binary record.
BINARY: Final = frozenset({".binpb", ".pb", ".bin"})
_BINARY_BYTES: Final = 4096
#: No JSON has any.
_CONTROL: Final = re.compile(rb"[\x00-\x08\x0e-\x1f]")
_BETWEEN: Final = re.compile(rb"\}\s*\{")

_end_of_value = json.JSONDecoder(strict=False).raw_decode


def values(file: io.BufferedReader) -> Iterator[bytes]:
    """Yield the values of a file, those of its arrays one by one; empty lines are left out.

    A file that is an export of OTLP as protobuf is one value.
    """
    head = file.peek(_CHUNK_BYTES)
    if head[:1] == b"\n" and _CONTROL.search(head[:_BINARY_BYTES]):
        yield from binary(file)
        return
    head = head.lstrip()
    first = head.split(b"\n", 1)[0].strip()
    if head[:1] == b"[" or first == b"{" or _is_joined(first):
        yield from _spread(file)
    else:
        yield from _lines(file)


def binary(file: io.BufferedReader) -> Iterator[bytes]:
    """Yield a file as one value; of one that is too long the beginning, which intake rejects."""
    if value := file.read(MAX_VALUE_BYTES):
        yield value


def _is_joined(line: bytes) -> bool:
    """Return whether a line has several objects, with nothing in between, as Firehose writes."""
    if line[:1] != b"{" or not _BETWEEN.search(line):
        return False
    try:
        _, end = _end_of_value(line.decode("latin-1"))
    except (ValueError, RecursionError):
        return False
    return line[end:].lstrip()[:1] == b"{"


def _lines(file: io.BufferedReader) -> Iterator[bytes]:
    for line in iter(lambda: file.readline(MAX_VALUE_BYTES), b""):
        if stripped := line.strip():
            yield stripped


def _spread(file: io.BufferedReader) -> Iterator[bytes]:
    """Yield values wherever they begin and end.

    The end of invalid JSON is unknown: after it, values are read line by line.
    """
    # In Latin-1 every byte is a character, so that places in the text are places in the file.
    text, at, inside = "", 0, False
    while True:
        while at < len(text) and text[at] in _SPACE + ("," if inside else ""):
            at += 1
        if at == len(text):
            text, at = file.read(_CHUNK_BYTES).decode("latin-1"), 0
            if not text:
                return
        elif text[at] == ("]" if inside else "["):
            inside, at = not inside, at + 1
        else:
            try:
                _, end = _end_of_value(text, at)
            except (ValueError, RecursionError):
                more = file.read(_CHUNK_BYTES).decode("latin-1")
                if not more or len(text) - at > MAX_VALUE_BYTES:
                    break
                text, at = text[at:] + more, 0
                continue
            yield text[at:end].encode("latin-1")
            at = end
    yield from filter(None, map(bytes.strip, (text[at:] + more).encode("latin-1").split(b"\n")))
    yield from _lines(file)
