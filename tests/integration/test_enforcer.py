"""A real enforcer between people's commands and a gateway, and with the broker gone."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from stream.tools.embedded.broker import EmbeddedBroker
from testlib.decisions import KEY
from testlib.ports import free_port
from testlib.until import until
from testlib.workers.command import run, settings
from testlib.workers.enforcing import TOKEN, authorize
from testlib.workers.worker import worker

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]

#: From a command that has ended to the first refusal; the topic is read at once.
SOON_S = 5.0


def test_what_people_decide_is_carried_out_at_once_and_outlasts_the_broker(tmp_path: Path) -> None:
    port = free_port()
    with EmbeddedBroker() as broker:
        environment = settings(
            broker.bootstrap,
            kafka_transactions=False,
            decisions_key=KEY,
            decisions_mode="propose",
            enforcer_port=port,
            enforcer_tokens=TOKEN,
        )

        def do(*arguments: str) -> str:
            done = run(environment, *arguments)
            assert done.returncode == 0, done.stderr
            return done.stdout

        do("topics", "create")
        with worker(environment, tmp_path, command="enforcer") as one:
            one.until_ready()
            assert authorize(port, "acc-1") == 200
            person = ("--author", "ana", "--reason", "a test")
            made = do("decide", "suspend", "--account", "acc-1", "--for", "8h", *person)
            started = time.monotonic()
            until(lambda: authorize(port, "acc-1") == 403, what="refusal", within_s=SOON_S)
            print(f"refused {time.monotonic() - started:.2f} s after the decision")
            assert authorize(port, "acc-10") == 200
            do("undo", made.split()[0], *person)
            until(lambda: authorize(port, "acc-1") == 200, what="pass", within_s=SOON_S)
            do("decide", "suspend", "--account", "acc-2", "--for", "8h", *person)
            until(lambda: authorize(port, "acc-2") == 403, what="refusal", within_s=SOON_S)
            broker.stop()
            one.until(
                lambda: one.total("distillwatch_enforcer_age_seconds") > 2, what="growing age"
            )
            assert (authorize(port, "acc-1"), authorize(port, "acc-2")) == (200, 403)
            assert one.stop() == 0
