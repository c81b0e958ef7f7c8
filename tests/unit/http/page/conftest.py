"""Alerts to show, and a page on a server of its own."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest
from aiokafka.errors import KafkaConnectionError

from stream.core.alerts import Alert, SharedValue
from stream.core.feedback import Verdict
from stream.core.findings import Evidence, Observed
from stream.core.secret import Secret
from stream.decisions.settings import DecisionSettings
from stream.decisions.transitions import Stored
from stream.http.bearer import Bearer
from stream.http.health import Health
from stream.http.page.decision_board import DecisionBoard
from stream.http.page.decision_endpoints import DecisionEndpoints
from stream.http.page.incident_history import IncidentHistory
from stream.http.page.page_server import Page
from stream.http.page.worker_status import WorkerStatusSampler
from stream.http.pages import Pages
from stream.http.settings import HttpSettings
from stream.kafka.settings import TopicSettings
from stream.metrics import Metrics
from testlib.decisions import KEY, read

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from stream.core.decisions import Decision

TOKEN = "correct-horse-battery"  # noqa: S105 - of this test
NOW_S = 1_772_500_000.0


def incident(number: int = 0, minute: int = 0, **changes: Any) -> Alert:
    """Return a state of an incident, sent at a minute of a day."""
    values: dict[str, Any] = {
        "alert_id": f"inc_{number:020x}",
        "kind": "campaign",
        "status": "firing",
        "severity": "warning",
        "score": 0.95,
        "campaign_id": "cmp_1",
        "account_ids": ["acct_a", "acct_b", "acct_c"],
        "started_at": "2026-03-02T00:00:00Z",
        "detected_at": "2026-03-02T00:00:00Z",
        "updated_at": f"2026-03-02T{minute // 60:02}:{minute % 60:02}:00Z",
        "summary": "3 coordinated accounts",
        "evidence": [
            Evidence(
                feature="prompt_cooccurrence",
                value=float(minute),
                unit="accounts",
                baseline=0.0,
                contribution=1.0,
                meaning="a member shares several different rare values with others",
            )
        ],
        "links": [SharedValue(link="payment", value="0" * 16, accounts=2, members=[0, 2])],
        "observed": Observed(requests=10 * minute, input_tokens=1, output_tokens=2),
        "techniques": ["AML.T0040"],
        "runbook_url": "https://example.org/runbook#campaign",
        "model_version": "1",
    }
    return Alert(**(values | changes))


def verdict(number: int = 0, **changes: Any) -> Verdict:
    values: dict[str, Any] = {
        "alert_id": f"inc_{number:020x}",
        "label": "true_positive",
        "author": "Ada",
        "time": 1.0,
    }
    return Verdict(**(values | changes))


class Writer:
    """Writes decisions into a board, as the topic would; ``before`` are those of others."""

    def __init__(self) -> None:
        self.takes = True
        self.before: list[Stored] = []
        self.board: Board | None = None

    async def write(self, states: list[Stored]) -> int:
        if not self.takes:
            raise KafkaConnectionError
        assert self.board is not None
        self.board.have(*self.before, *states)
        return -1  # what follows has nothing to wait for

    async def close(self) -> None:
        """It has no connection."""


class Board(DecisionBoard):
    """The decisions of a page without a topic."""

    def __init__(self, writer: Any, metrics: Metrics, **changes: Any) -> None:
        settings = DecisionSettings(key=Secret(KEY), mode="propose", **changes)
        super().__init__(
            settings,
            topics=TopicSettings(),
            writer=writer,
            connection={},
            exact=True,
            metrics=metrics,
            clock=lambda: NOW_S,
        )
        writer.board = self
        self.effects = self._effects
        self.writer = writer
        self.read_at_s = NOW_S

    def have(self, *states: Decision | Stored) -> None:
        """Read states from the topic."""
        read(self.register, *(one if isinstance(one, Stored) else Stored.of(one) for one in states))
        self._lists = None


@dataclass
class Served:
    """A page that listens; ``written`` are the verdicts, ``takes`` whether brokers have it."""

    history: IncidentHistory
    board: Board
    metrics: Metrics
    health: Health
    pages: Pages
    written: list[Verdict] = field(default_factory=list)
    takes: bool = True


@pytest.fixture
async def served() -> AsyncIterator[Served]:
    async def write(verdict: Verdict) -> bool:
        if made.takes:
            made.written.append(verdict)
            made.history.apply_verdict(verdict)
        return made.takes

    metrics, health, history = Metrics(), Health(stalled_after_s=60), IncidentHistory(most=16)
    board = Board(Writer(), metrics, two_people_above=2, max_accounts_a_day=50)
    page = Page(
        Bearer(Secret(f"old-{TOKEN} {TOKEN}"), setting="page.token"),
        history,
        WorkerStatusSampler(metrics.registry, health, now=lambda: 0.0),
        write=write,
        decisions=DecisionEndpoints(board, history),
        clock=lambda: NOW_S,
    )
    settings = HttpSettings(host="127.0.0.1", port=0)
    pages = Pages(settings, registry=metrics.registry, health=health, more=page.answer)
    made = Served(history, board, metrics, health, pages)
    await pages.start()
    yield made
    await pages.stop()


@pytest.fixture
async def stranger(served: Served) -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(f"http://127.0.0.1:{served.pages.port}") as session:
        yield session


@pytest.fixture
async def client(served: Served) -> AsyncIterator[aiohttp.ClientSession]:
    headers = {"Authorization": f"Bearer {TOKEN}"}
    url = f"http://127.0.0.1:{served.pages.port}"
    async with aiohttp.ClientSession(url, headers=headers) as session:
        yield session


@pytest.fixture
def incident_of() -> Callable[..., Alert]:
    return incident


@pytest.fixture
def verdict_of() -> Callable[..., Verdict]:
    return verdict
