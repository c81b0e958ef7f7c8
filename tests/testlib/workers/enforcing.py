"""A real enforcer on a broker of its own, and people who decide without a command."""

from __future__ import annotations

import itertools
import time
import urllib.error
import urllib.request
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path  # noqa: TC003
from typing import TYPE_CHECKING, Any

from stream.core.decisions import DecisionSubject, Limits
from stream.decisions.transitions import approve, undo
from stream.kafka.decisions_topic import DecisionsTopic
from stream.settings import PREFIX, load
from stream.tools.embedded.broker import EmbeddedBroker
from testlib.decisions import ALICE, KEY, proposal, stored
from testlib.ports import free_port
from testlib.workers.command import run, settings
from testlib.workers.worker import worker

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stream.core.decisions import Action
    from stream.decisions.transitions import Stored
    from testlib.workers.worker import Worker

TOKEN = "t" * 16
#: Decisions of tests end after a quarter of an hour.
_LASTS_S = 900.0


def authorize(port: int, account: str) -> int:
    """Return the status that a gateway gets for a request of an account."""
    headers = {"x-account": account, "X-Api-Key": TOKEN}
    request = urllib.request.Request(f"http://127.0.0.1:{port}/authorize", headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=5) as answer:  # noqa: S310
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code


@dataclass
class Enforcing:
    """Decisions and who carries them out; ``port`` is the enforcer's."""

    environment: dict[str, str]
    folder: Path
    port: int
    broker: EmbeddedBroker
    _numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @contextmanager
    def running(self) -> Iterator[Worker]:
        """Run the enforcer, ready."""
        with worker(self.environment, self.folder, command="enforcer") as made:
            made.until_ready()
            yield made

    def propose(self, action: Action, account: str, **limits: Any) -> Stored:
        """Write a proposal; the brokers have it when this returns."""
        now = time.time()
        made = stored(
            proposal(
                decision_id=f"dec_{next(self._numbers):020x}",
                subject=DecisionSubject(kind="account", id=account),
                action=action,
                limits=Limits(**limits),
                lasts_s=_LASTS_S,
                until=now + _LASTS_S,
                proposed_at=now,
                time=now,
            )
        )
        return self._written(made)

    def approve(self, proposed: Stored) -> Stored:
        """Approve a proposal as one person."""
        return self._written(approve(proposed, ALICE, time.time()))

    def decide(self, action: Action, account: str, **limits: Any) -> Stored:
        """Put a decision in force."""
        return self.approve(self.propose(action, account, **limits))

    def undo(self, known: Stored) -> Stored:
        """Take a decision back."""
        return self._written(undo(known, ALICE, time.time()))

    def _written(self, state: Stored) -> Stored:
        own = {name: value for name, value in self.environment.items() if PREFIX in name}
        read = load(None, own)
        DecisionsTopic(read.kafka, read.topics, read.decisions).write([state])
        return state


@contextmanager
def enforcing(folder: Path, **more: object) -> Iterator[Enforcing]:
    """Start a broker with the topics that an enforcer reads; ``more`` are settings."""
    port = free_port()
    with EmbeddedBroker() as broker:
        environment = settings(
            broker.bootstrap,
            kafka_transactions=False,
            decisions_key=KEY,
            decisions_mode="propose",
            enforcer_port=port,
            enforcer_tokens=TOKEN,
            **more,
        )
        assert run(environment, "topics", "create").returncode == 0
        yield Enforcing(environment, folder, port, broker)
