"""Files as bytes, whatever they are compressed with; a cut one is an error, not its end."""

from __future__ import annotations

import gzip
import io
import lzma
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Final, cast

import zstandard

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

#: The name of standard input.
STDIN: Final = Path("-")
#: What reading a damaged file raises.
DAMAGES: Final = (OSError, EOFError, lzma.LZMAError, zstandard.ZstdError)
#: The decompressor returns all that it is fed becomes: at most 128 KiB for each four bytes (RFC
#: 8878, 3.1.1.2), so that a small file could fill any memory.
_FED_BYTES: Final = 1 << 10
_BUFFER_BYTES: Final = 1 << 20


class _Zst(io.RawIOBase):
    """Frames of Zstandard one after the other; a cut one is an error, which the library hides."""

    def __init__(self, raw: BinaryIO) -> None:
        self._raw = raw
        self._frame: zstandard.ZstdDecompressionObj | None = None
        self._rest = b""
        self._out = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:  # noqa: ANN401 - any writable buffer
        while not self._out:
            if not (data := self._rest or self._raw.read(_FED_BYTES)):
                if self._frame is not None:
                    raise EOFError("it ends in the middle of a frame")
                return 0
            if self._frame is None:
                self._frame = zstandard.ZstdDecompressor().decompressobj()
            self._out, self._rest = memoryview(self._frame.decompress(data)), b""
            if self._frame.eof:
                self._rest, self._frame = self._frame.unused_data, None
        count = min(len(buffer), len(self._out))
        buffer[:count], self._out = self._out[:count], self._out[count:]
        return count


_OPENERS: Final[dict[str, Callable[[BinaryIO], BinaryIO]]] = {
    ".gz": lambda raw: cast("BinaryIO", gzip.GzipFile(fileobj=raw)),
    ".xz": lambda raw: cast("BinaryIO", lzma.LZMAFile(raw)),  # noqa: SIM115 - opened closes it
    ".zst": lambda raw: cast("BinaryIO", _Zst(raw)),
}


def kind(path: Path) -> str:
    """Return the suffix of a file's format, without that of its compression."""
    return (path.with_suffix("") if path.suffix in _OPENERS else path).suffix.lower()


@contextmanager
def opened(path: Path) -> Iterator[tuple[BinaryIO, io.BufferedReader]]:
    """Yield the raw file, whose position is the progress, and its decompressed content."""
    if path == STDIN:
        yield sys.stdin.buffer, cast("io.BufferedReader", sys.stdin.buffer)
        return
    with path.open("rb") as raw:
        opener = _OPENERS.get(path.suffix)
        if opener is None:
            yield raw, raw
        else:
            with opener(raw) as file:
                # Decompressors are slow line by line: put a buffer of our own in between.
                yield raw, io.BufferedReader(cast("io.RawIOBase", file), _BUFFER_BYTES)
