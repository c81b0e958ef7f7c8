"""Stored answers in a file: each record after its length, four bytes, big-endian."""

from __future__ import annotations

from typing import TYPE_CHECKING, BinaryIO, Final

from stream.core.errors import UsageError
from stream.tools.replay.compressed import DAMAGES, opened

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_MOST_BYTES: Final = 2**28


def dumped_answers(path: Path) -> Iterator[bytes]:
    """Yield the records of a file; raises UsageError where it is damaged."""
    if not path.is_file():
        raise UsageError(f"{path}: no such file")
    try:
        with opened(path) as (_, file):
            while head := file.read(4):
                size = int.from_bytes(head, "big")
                value = file.read(size) if len(head) == 4 and size <= _MOST_BYTES else b""  # noqa: PLR2004
                if len(value) != size or not value:
                    raise UsageError(f"{path}: no dump of answers, or cut: see --save-answers")
                yield value
    except DAMAGES as error:
        raise UsageError(f"{path}: cannot be read: {error}") from error


def dump(file: BinaryIO, value: bytes) -> None:
    """Write a record."""
    file.write(len(value).to_bytes(4, "big") + value)
