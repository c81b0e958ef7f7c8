"""CrowdSec's own library and its bouncer follow the enforcer's stream."""

from __future__ import annotations

import json
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from testlib.until import until
from testlib.workers.enforcing import TOKEN, enforcing
from testlib.workers.gateway import PROGRAMS, process

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

pytestmark = [pytest.mark.gateways, pytest.mark.timeout(120)]

#: Both clients pull every second here.
SOON_S = 10.0


@contextmanager
def followed(log: Path, *command: str) -> Iterator[Callable[[], list[str]]]:
    """Run a client; yield a function that returns the lines it has written, while it runs."""
    with process(log, *command) as client:

        def lines() -> list[str]:
            assert client.poll() is None, log.read_text()
            return log.read_text().splitlines()

        yield lines


def test_its_library_knows_what_is_in_force(tool: Callable[[str], str], tmp_path: Path) -> None:
    command = (tool("python"), str(PROGRAMS / "bouncer.py"))
    with enforcing(tmp_path) as loop, loop.running():
        suspended = loop.decide("suspend", "acc-1")
        throttled = loop.decide("throttle", "acc-1")
        with followed(tmp_path / "bouncer.log", *command, f"{loop.address}/", TOKEN) as lines:

            def knows(expected: dict[str, str]) -> None:
                def holds() -> bool:
                    return [json.loads(line) for line in lines()][-1:] == [expected]

                until(holds, what=str(expected), within_s=SOON_S, detail=lambda: str(lines()))

            # It keeps one decision for each account: the strongest.
            knows({"acc-1": "ban"})
            loop.decide("verify", "acc-2")
            knows({"acc-1": "ban", "acc-2": "captcha"})
            loop.undo(suspended)
            knows({"acc-1": "throttle", "acc-2": "captcha"})
            loop.undo(throttled)
            knows({"acc-2": "captcha"})


def test_its_bouncer_calls_a_program_for_each_change(
    debian_tool: Callable[[str], str], tmp_path: Path
) -> None:
    program, calls = debian_tool("crowdsec-custom-bouncer"), tmp_path / "calls"
    calls.touch()
    script = tmp_path / "carry-out"
    script.write_text(f'#!/bin/sh\necho "$1 $2 $4" >> {calls}\n')
    script.chmod(0o700)
    with enforcing(tmp_path) as loop, loop.running():
        suspended = loop.decide("suspend", "acc-1")
        config = tmp_path / "bouncer.yaml"
        config.write_text(yaml.safe_dump(configuration(str(script), f"{loop.address}/")))
        with followed(tmp_path / "bouncer.log", program, "-c", str(config)) as lines:

            def called(expected: list[str]) -> None:
                def holds() -> bool:
                    lines()
                    return calls.read_text().splitlines() == expected

                until(holds, what=str(expected), within_s=SOON_S, detail=lambda: str(lines()))

            first = "add acc-1 distillwatch/suspend"
            called([first])
            loop.decide("throttle", "acc-2")
            called([first, "add acc-2 distillwatch/throttle"])
            loop.undo(suspended)
            called([first, "add acc-2 distillwatch/throttle", "del acc-1 distillwatch/suspend"])


def configuration(script: str, address: str) -> dict[str, Any]:
    return {
        "bin_path": script,
        "scopes": ["username"],
        "update_frequency": "1s",
        "cache_retention_duration": "0s",
        "daemonize": False,
        "log_mode": "stdout",
        "log_level": "info",
        "api_url": address,
        "api_key": TOKEN,
        "prometheus": {"enabled": False},
    }
