"""A real receiver of webhooks, a clock to drive, and an alert to send."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from aiohttp import web

from stream.core.alerts import Alert
from stream.core.findings import Evidence, Observed
from stream.core.secret import Secret
from stream.delivery.settings import WebhookSettings
from stream.metrics import Metrics
from testlib.clock import DrivenTime
from testlib.receivers import SECRET, Answers, Receiver

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    made = Receiver()
    app = web.Application()
    app.router.add_post("/{path}", made.handle)
    runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    made.url = f"http://127.0.0.1:{runner.addresses[0][1]}/hook"
    yield made
    await runner.cleanup()


@pytest.fixture
def driven() -> DrivenTime:
    return DrivenTime()


@pytest.fixture
def metrics() -> Metrics:
    return Metrics()


@pytest.fixture
def settings_for(receiver: Receiver) -> Callable[..., WebhookSettings]:
    def make(**changes: Any) -> WebhookSettings:
        return WebhookSettings(**{"url": Secret(receiver.url), "secret": Secret(SECRET), **changes})

    return make


def make_alert(alert_id: str = "inc-1", **changes: Any) -> Alert:
    values: dict[str, Any] = {
        "alert_id": alert_id,
        "kind": "campaign",
        "status": "firing",
        "severity": "warning",
        "score": 0.997,
        "campaign_id": "c-1",
        "account_ids": ["acc-1", "acc-2"],
        "started_at": "2026-01-02T03:04:00Z",
        "detected_at": "2026-01-02T03:10:00Z",
        "updated_at": "2026-01-02T03:10:00Z",
        "summary": "2 accounts share one system prompt — zwei Konten",
        "evidence": [
            Evidence(
                feature="shared_prompt",
                value=2.0,
                unit="accounts",
                baseline=None,
                contribution=1.0,
                meaning="accounts with this prompt",
            )
        ],
        "observed": Observed(requests=10, input_tokens=100, output_tokens=1000),
        "techniques": ["AML.T0024.002"],
        "runbook_url": "https://example.org/runbook",
        "model_version": "1",
    }
    return Alert(**(values | changes))


@pytest.fixture
def alert_of() -> Callable[..., Alert]:
    return make_alert


@pytest.fixture
def answers() -> type[Answers]:
    return Answers
