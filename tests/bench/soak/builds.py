"""An earlier build of the product, as users install it: a wheel in an environment of its own."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from testlib.brokers.apache_kafka import CACHE
from testlib.paths import ROOT


def revision(name: str = "HEAD") -> str:
    """Return the short id of a commit."""
    command = ["git", "rev-parse", "--short=9", f"{name}^{{commit}}"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def installed(name: str) -> str:
    """Return the interpreter of an environment with the wheel of a commit, made once."""
    folder = CACHE / f"soak-{revision(name)}"
    python = folder / "bin" / "python"
    if python.exists():
        return str(python)
    CACHE.mkdir(parents=True, exist_ok=True)
    shutil.rmtree(folder, ignore_errors=True)
    try:
        with tempfile.TemporaryDirectory() as source:
            archive = subprocess.run(
                ["git", "archive", revision(name)], cwd=ROOT, capture_output=True, check=True
            )
            subprocess.run(["tar", "-x", "-C", source], input=archive.stdout, check=True)
            subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
            constraints = {"PIP_CONSTRAINT": str(Path(source) / "constraints.txt")}
            command = [str(python), "-m", "pip", "install", "--quiet", source]
            subprocess.run(command, env=os.environ | constraints, check=True)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    return str(python)
