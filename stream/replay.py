"""Replay: the pipeline of the worker over files, in event time, as fast as it goes."""

from __future__ import annotations

import gzip
import io
import lzma
import sys
from contextlib import contextmanager
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Final, cast

import zstandard

from stream.errors import UsageError
from stream.types.records import Record

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

#: Lines run through the pipeline at a time: enough to work in columns, little enough to show.
BATCH_LINES: Final = 8192
#: A line longer than this comes in pieces, which intake rejects; it never fills the memory.
MAX_LINE_BYTES: Final = 16 * 1024 * 1024


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
            if not (data := self._rest or self._raw.read(_CHUNK_BYTES)):
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


_STDIN: Final = Path("-")
_OPENERS: Final[dict[str, Callable[[BinaryIO], BinaryIO]]] = {
    ".gz": lambda raw: cast("BinaryIO", gzip.GzipFile(fileobj=raw)),
    ".xz": lambda raw: cast("BinaryIO", lzma.LZMAFile(raw)),  # noqa: SIM115 - _opened closes it
    ".zst": lambda raw: cast("BinaryIO", _Zst(raw)),
}
_CHUNK_BYTES: Final = 1 << 17


def batches(
    paths: Sequence[Path], *, advance: Callable[[int], None] = lambda _: None
) -> Iterator[list[Record]]:
    """Yield the lines of files, in order, as records; empty lines are left out.

    ``advance`` hears of every raw byte read, for a progress bar. Raises UsageError when a file
    cannot be read or is damaged.
    """
    lines = chain.from_iterable(_lines(path, advance) for path in paths)
    offset = 0
    while taken := list(islice(lines, BATCH_LINES)):
        yield [Record(offset + i, None, line) for i, line in enumerate(taken)]
        offset += len(taken)


def total_bytes(paths: Sequence[Path]) -> int | None:
    """Return the size of the files in bytes, or None when standard input is among them."""
    if _STDIN in paths:
        return None
    for path in paths:
        if not path.is_file():
            raise UsageError(f"{path}: no such file")
    return sum(path.stat().st_size for path in paths)


def _lines(path: Path, advance: Callable[[int], None]) -> Iterator[bytes]:
    try:
        with _opened(path) as (raw, file):
            position = 0
            for number, line in enumerate(iter(lambda: file.readline(MAX_LINE_BYTES), b"")):
                if number % BATCH_LINES == 0 and path != _STDIN:
                    advance(raw.tell() - position)
                    position = raw.tell()
                if line := line.strip():
                    yield line
            if path != _STDIN:
                advance(raw.tell() - position)
    except (OSError, EOFError, lzma.LZMAError, zstandard.ZstdError) as error:
        raise UsageError(f"{path}: cannot be read: {error}") from error


@contextmanager
def _opened(path: Path) -> Iterator[tuple[BinaryIO, BinaryIO]]:
    if path == _STDIN:
        yield sys.stdin.buffer, sys.stdin.buffer
        return
    with path.open("rb") as raw:
        opener = _OPENERS.get(path.suffix)
        if opener is None:
            yield raw, raw
        else:
            with opener(raw) as file:
                # Decompressors are slow line by line: put a buffer of our own in between.
                yield raw, cast("BinaryIO", io.BufferedReader(cast("io.RawIOBase", file), 1 << 20))
