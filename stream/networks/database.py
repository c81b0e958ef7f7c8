"""One database in MaxMind's format, in memory: by address a record, whatever the file holds."""

from __future__ import annotations

import io
import os
from typing import TYPE_CHECKING, Any, Final

import maxminddb

from stream.core.errors import DatabaseError

if TYPE_CHECKING:
    from pathlib import Path

#: Larger files are refused. The largest of the kinds that are read have some 30 MB.
MOST_BYTES: Final = 2**29
_NOTHING: Final[dict[str, Any]] = {}


class Database:
    """Looks addresses up in a copy of the file: it may be overwritten in place meanwhile.

    Mapped from the disk, a file that becomes shorter would end the process (SIGBUS).
    """

    def __init__(self, path: Path) -> None:
        """Read the file; raises DatabaseError."""
        self._reader = _opened(path, read(path))
        about = self._reader.metadata()
        self.built_s = float(about.build_epoch)
        self._both = about.ip_version == 6  # noqa: PLR2004 - of the address families
        #: Whether a look-up failed: what it hit is damaged.
        self.is_damaged = False

    def find(self, address: str) -> tuple[dict[str, Any], int]:
        """Return the record of an address (empty: none) and the length of its prefix."""
        if not self._both and ":" in address:
            return _NOTHING, 0
        try:
            found, length = self._reader.get_with_prefix_len(address)
        except (maxminddb.InvalidDatabaseError, ValueError, ArithmeticError):
            self.is_damaged = True
            return _NOTHING, 0
        return (found, length) if isinstance(found, dict) else (_NOTHING, 0)


def read(path: Path) -> bytes:
    """Return the content of a file; raises DatabaseError."""
    try:
        with path.open("rb") as file:
            content = file.read(MOST_BYTES + 1)
    except FileNotFoundError:
        raise DatabaseError("missing", f"{path}: there is no such file") from None
    except OSError as error:
        raise DatabaseError("missing", f"{path}: cannot be read: {error.strerror}") from None
    if len(content) > MOST_BYTES:
        raise DatabaseError("damaged", f"{path}: more than {MOST_BYTES} bytes")
    return content


def _opened(path: Path, content: bytes) -> maxminddb.Reader:
    try:
        try:
            return _compiled(content)
        except OSError:
            return maxminddb.open_database(io.BytesIO(content), maxminddb.MODE_FD)
    except (maxminddb.InvalidDatabaseError, ValueError, LookupError, TypeError):
        raise DatabaseError("damaged", f"{path}: no database in MaxMind's format") from None


def _compiled(content: bytes) -> maxminddb.Reader:
    """Return the compiled reader, 20 times as fast; raises OSError where it cannot be had.

    It opens files only, so the content becomes one in memory.
    """
    if not hasattr(os, "memfd_create"):  # not Linux
        raise OSError
    file = os.memfd_create("networks")
    try:
        with open(file, "wb", closefd=False) as memory:
            memory.write(content)
        return maxminddb.open_database(f"/proc/self/fd/{file}")
    finally:
        os.close(file)
