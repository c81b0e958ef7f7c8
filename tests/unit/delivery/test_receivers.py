"""What PagerDuty, Slack and a SIEM get: as each of them has published it, and within its limits."""

from __future__ import annotations

import json
from random import Random
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from aiohttp import web
from py_ocsf_models.events.findings.detection_finding import DetectionFinding
from slack_sdk.models.blocks import Block

from stream.core.errors import SettingsError
from stream.core.secret import Secret
from stream.delivery.message import MAX_BYTES, write
from stream.delivery.ocsf import OcsfSink, finding
from stream.delivery.open_alerts import annotations_of
from stream.delivery.pagerduty import PagerDutySink, event
from stream.delivery.settings import OcsfSettings, PagerDutySettings, SlackSettings, WebhookSettings
from stream.delivery.slack import SlackSink, chat
from stream.delivery.webhook import WebhookSink

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from stream.core.alerts import Alert
    from stream.delivery.posting import PostingSink
    from stream.metrics import Metrics
    from testlib.clock import DrivenTime

#: A name that would notify a whole channel, and one that would be a link.
HOSTILE = "<!channel> & <https://evil.example|click>"
KEY = "R0123456789abcdef0123456789abcde"
PAGE = "https://distillwatch.example.org/page/"


@pytest.fixture(params=["campaign", "account", "resolved", "large", "hostile"])
def alert(request: pytest.FixtureRequest, alert_of: Callable[..., Alert]) -> Alert:
    many = [f"{n:0255d}é" for n in range(2000)]
    one = {"kind": "account", "account_id": "acc-1", "campaign_id": None, "account_ids": None}
    changes: dict[str, dict[str, Any]] = {
        "campaign": {},
        "account": one,
        "resolved": {"status": "resolved", "updated_at": "2026-01-02T09:10:00Z"},
        "large": {"account_ids": many, "summary": "x" * 9000, "severity": "critical"},
        "hostile": one | {"account_id": HOSTILE, "summary": f"Account {HOSTILE}"},
    }
    return alert_of(**changes[request.param])


def written(body: object) -> Any:
    return json.loads(msgspec.json.encode(body))


def test_pagerduty_gets_one_incident_for_one_incident(alert: Alert) -> None:
    sent = written(event(alert, KEY))
    assert sent["routing_key"] == KEY
    assert sent["dedup_key"] == "inc-1"
    assert len(json.dumps(sent)) < 512_000
    if alert.status == "resolved":
        assert sent["event_action"] == "resolve"
        return
    assert sent["event_action"] == "trigger"
    payload = sent["payload"]
    assert payload["severity"] in {"critical", "error", "warning", "info"}
    assert 0 < len(payload["summary"]) <= 1024
    assert payload["source"]
    assert payload["custom_details"]["accounts_total"] == len(alert.account_ids or "1")


def test_slack_accepts_the_message_and_it_mentions_no_person(alert: Alert) -> None:
    sent = written(chat(alert))
    blocks = Block.parse_all(sent["blocks"])
    for block in blocks:
        block.validate_json()
    assert [block.to_dict() for block in blocks] == sent["blocks"]
    assert len(sent["text"]) <= 3000
    assert "<" not in sent["text"]
    assert "mrkdwn" not in json.dumps(sent)


def test_a_siem_gets_a_detection_finding(alert: Alert) -> None:
    sent = written(finding(alert))
    model = DetectionFinding.model_validate(sent)
    assert model.class_uid == 2004
    assert model.type_uid == 200_400 + model.activity_id.value
    assert model.finding_info.uid == "inc-1"
    resolved = alert.status == "resolved"
    assert model.activity_id.name == ("Close" if resolved else "Create")
    assert model.status_id is not None
    assert model.status_id.name == ("Resolved" if resolved else "New")
    assert (sent["time"], sent["start_time"]) == (
        1_767_345_000_000 if resolved else 1_767_323_400_000,
        1_767_323_040_000,
    )
    assert sent["is_alert"] is not resolved
    (attack,) = sent["finding_info"]["attacks"]
    assert attack["sub_technique"]["uid"] == "AML.T0024.002"
    (analysis,) = sent["anomaly_analyses"]  # required: names, parameters, observations
    assert all(target["name"] for target in analysis["analysis_targets"])
    for part in [*analysis["anomalies"], *analysis["baselines"]]:
        assert part["observation_parameter"]
        assert all("value" in one for one in part["observations"])


def test_an_update_of_a_finding_is_one(alert_of: Callable[..., Alert]) -> None:
    sent = finding(alert_of(updated_at="2026-01-02T03:20:00Z"))
    assert (sent["activity_id"], sent["type_uid"], sent["time"]) == (2, 200_402, 1_767_324_000_000)
    assert sent["finding_info"]["created_time"] == 1_767_323_400_000


@pytest.fixture
async def listener() -> AsyncIterator[tuple[str, list[tuple[Any, dict[str, str]]], list[int]]]:
    got: list[tuple[Any, dict[str, str]]] = []
    script: list[int] = []

    async def handle(request: web.Request) -> web.Response:
        got.append((await request.json(), dict(request.headers)))
        return web.Response(status=script.pop(0) if script else 202)

    app = web.Application()
    app.router.add_post("/", handle)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}/", got, script
    await runner.cleanup()


@pytest.mark.parametrize("name", ["pagerduty", "slack", "ocsf"])
async def test_it_arrives_after_failures(
    name: str,
    listener: tuple[str, list[tuple[Any, dict[str, str]]], list[int]],
    alert_of: Callable[..., Alert],
    metrics: Metrics,
    driven: DrivenTime,
) -> None:
    url, got, script = listener
    to = Secret(url)
    edges: Any = {"metrics": metrics, "clock": driven.clock, "random": Random(1)}
    sinks: dict[str, PostingSink] = {
        "pagerduty": PagerDutySink(PagerDutySettings(url=to, routing_key=Secret(KEY)), **edges),
        "slack": SlackSink(SlackSettings(url=to), **edges),
        "ocsf": OcsfSink(OcsfSettings(url=to, authorization=Secret("Splunk abc")), **edges),
    }
    script += [429, 503]
    assert await sinks[name].prepare(alert_of())() == "delivered"
    await sinks[name].close()
    assert len(got) == 3
    body, headers = got[-1]
    assert headers["Content-Type"] == "application/json"
    assert headers.get("Authorization") == ("Splunk abc" if name == "ocsf" else None)
    assert len(json.dumps(body)) < MAX_BYTES
    tries = metrics.registry.get_sample_value
    assert tries("distillwatch_sink_attempts_total", {"sink": name, "result": "2xx"}) == 1


@pytest.mark.parametrize("key", ["", "two words", "ключ"])
def test_a_key_that_is_none_is_not_quoted(key: str, metrics: Metrics) -> None:
    with pytest.raises(SettingsError, match=r"^pagerduty\.routing_key: ") as caught:
        PagerDutySink(PagerDutySettings(routing_key=Secret(key)), metrics=metrics)
    assert not key or key not in str(caught.value)


async def test_every_message_links_to_the_incident_on_the_page(
    listener: tuple[str, list[tuple[Any, dict[str, str]]], list[int]],
    alert_of: Callable[..., Alert],
    metrics: Metrics,
) -> None:
    url, got, _ = listener
    edges: Any = {"metrics": metrics, "page": PAGE}
    to, secret = Secret(url), Secret(f"whsec_{'MfKQ' * 8}")
    sinks: list[PostingSink] = [
        PagerDutySink(PagerDutySettings(url=to, routing_key=Secret(KEY)), **edges),
        SlackSink(SlackSettings(url=to), **edges),
        OcsfSink(OcsfSettings(url=to), **edges),
        WebhookSink(WebhookSettings(url=to, secret=secret), **edges),
    ]
    for sink in sinks:
        assert await sink.prepare(alert_of())() == "delivered"
        await sink.close()
    pagerduty, slack, siem, webhook = (body for body, _ in got)
    for block in Block.parse_all(slack["blocks"]):
        block.validate_json()
    DetectionFinding.model_validate(siem)
    link = f"{PAGE}#inc-1"
    assert pagerduty["client_url"] == link
    assert slack["blocks"][-1]["elements"][-1]["text"] == f"<{link}|Incident and decisions>"
    assert siem["finding_info"]["src_url"] == link
    assert webhook["data"]["page_url"] == link
    assert annotations_of(alert_of(), PAGE)["page_url"] == link


def test_without_a_page_no_message_links_to_one(alert_of: Callable[..., Alert]) -> None:
    one = alert_of()
    for sent in (event(one, KEY), chat(one), finding(one), annotations_of(one), write(one).body):
        assert "#inc-1" not in json.dumps(written(sent))
