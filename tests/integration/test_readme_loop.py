"""The README's way from an alert to action, line by line, on a real worker and enforcer."""

from __future__ import annotations

import re
import shlex
import time
from typing import TYPE_CHECKING

import msgspec
import pytest
from kafka import KafkaProducer

from stream.tools.embedded.broker import EmbeddedBroker
from testlib.decisions import KEY, campaign_alert
from testlib.paths import ROOT
from testlib.ports import free_port
from testlib.until import until
from testlib.workers.command import DISTILLWATCH, run, settings
from testlib.workers.enforcing import TOKEN, authorize
from testlib.workers.worker import running, worker

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.integration, pytest.mark.timeout(180)]

(BLOCK,) = re.findall(
    r"## From alert to action\n+```sh\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL
)
LINES = [shlex.split(line, comments=True) for line in BLOCK.splitlines()]
#: After `distillwatch approve` has ended.
SOON_S = 5.0


def test_the_loop_of_the_readme(tmp_path: Path) -> None:
    (_, key_file), *commands = LINES
    name, _, _ = key_file.partition("=")
    path = tmp_path / "key"
    path.write_text(KEY)
    port = free_port()
    with EmbeddedBroker() as broker:
        more = {"decisions_mode": "propose", "enforcer_port": port, "enforcer_tokens": TOKEN}
        own = settings(broker.bootstrap, kafka_transactions=False, **more) | {name: str(path)}
        assert run(own, "topics", "create").returncode == 0
        (_, *enforcer), (_, *listing), (_, *approve), (_, *undo), drill = commands
        # Played in test_drill.py, which has the traffic that it needs.
        assert drill == ["distillwatch", "drill", "--respond"]
        enforcer[-1] = str(ROOT / enforcer[-1])
        page = own | {"DISTILLWATCH_HTTP_PORT": str(free_port())}
        with (
            worker(own, tmp_path) as one,
            running(page, tmp_path / "enforcer.log", *DISTILLWATCH, *enforcer) as other,
        ):
            one.until_ready()
            other.until_ready()
            producer = KafkaProducer(bootstrap_servers=broker.bootstrap)
            producer.send(
                own["DISTILLWATCH_TOPICS_ALERTS"], msgspec.json.encode(campaign_alert(certain=5))
            ).get(10)
            producer.close()
            one.until(lambda: "needs 1 more" in run(own, *listing).stdout, what="proposal")
            decision = run(own, *listing).stdout.split()[0]
            assert authorize(port, "acc-00003") == 200
            assert decision in run(own, *named(approve, decision)).stdout
            started = time.monotonic()
            until(lambda: authorize(port, "acc-00003") == 403, what="refusal", within_s=SOON_S)
            print(f"refused {time.monotonic() - started:.2f} s after the command")
            assert authorize(port, "acc-00030") == 200
            assert "undone" in run(own, *named(undo, decision)).stdout
            until(lambda: authorize(port, "acc-00003") == 200, what="pass", within_s=SOON_S)


def named(arguments: list[str], decision: str) -> list[str]:
    """Return the arguments of the README with a decision that exists."""
    assert "dec_..." in arguments
    return [decision if one == "dec_..." else one for one in arguments]
