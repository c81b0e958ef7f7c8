"""JSON in files: a value on each line, or arrays and objects written over many lines."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import io
    from collections.abc import Iterator

#: A value longer than this comes in pieces, which intake rejects; it never fills the memory.
MAX_VALUE_BYTES: Final = 16 * 1024 * 1024
_CHUNK_BYTES: Final = 1 << 20
_SPACE: Final = " \t\r\n"

_end_of_value = json.JSONDecoder(strict=False).raw_decode


def values(file: io.BufferedReader) -> Iterator[bytes]:
    """Yield the values of a file, those of its arrays one by one; empty lines are left out."""
    head = file.peek(_CHUNK_BYTES).lstrip()
    if head[:1] == b"[" or head.split(b"\n", 1)[0].strip() == b"{":
        yield from _spread(file)
    else:
        yield from _lines(file)


def _lines(file: io.BufferedReader) -> Iterator[bytes]:
    for line in iter(lambda: file.readline(MAX_VALUE_BYTES), b""):
        if stripped := line.strip():
            yield stripped


def _spread(file: io.BufferedReader) -> Iterator[bytes]:
    """Yield values wherever they begin and end.

    Where something is no JSON nobody can say where it ends: what follows is taken line by line.
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
