"""Text files in another encoding, as PowerShell and spreadsheets write them, read as UTF-8."""

from __future__ import annotations

import codecs
import io
from typing import Any, Final, cast

from stream.intake.codec.framing import encoding

_CHUNK_BYTES: Final = 1 << 17
_BUFFER_BYTES: Final = 1 << 20
_BEGINNING_BYTES: Final = 4


class _Recoded(io.RawIOBase):
    """Text of any encoding as UTF-8; other bytes become U+FFFD, which intake rejects or keeps."""

    def __init__(self, file: io.BufferedReader, name: str) -> None:
        self._file = file
        self._decode = codecs.getincrementaldecoder(name)("replace").decode
        self._rest = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:  # noqa: ANN401 - any writable buffer
        while not self._rest:
            data = self._file.read(_CHUNK_BYTES)
            self._rest = self._decode(data, final=not data).encode(errors="replace")
            if not data:
                break
        count = min(len(buffer), len(self._rest))
        buffer[:count], self._rest = self._rest[:count], self._rest[count:]
        return count


def recoded(file: io.BufferedReader) -> io.BufferedReader:
    """Return a file as UTF-8 without a byte order mark, whatever it begins with."""
    name = encoding(file.peek(_BEGINNING_BYTES)[:_BEGINNING_BYTES])
    if name is None:
        return file
    return io.BufferedReader(cast("io.RawIOBase", _Recoded(file, name)), _BUFFER_BYTES)
