"""Every receiver that is set has a reader of the alerts topic, and nothing else has."""

from __future__ import annotations

import base64

import pytest

from stream.cli.compose import worker_components
from stream.delivery.alertmanager import Alertmanager
from stream.delivery.outbox import Outbox
from stream.delivery.posting import PostingSink
from stream.delivery.topic_reader import TopicReader
from stream.settings import load
from stream.tools.drill.receivers import receivers
from stream.worker.directory import DirectoryFeed

RECEIVERS = {
    "webhook": {
        "WEBHOOK_URL": "https://hooks.example.org/",
        "WEBHOOK_SECRET": "whsec_" + base64.b64encode(b"a" * 32).decode(),
    },
    "alertmanager": {"ALERTMANAGER_URLS": "https://am-0.example.org https://am-1.example.org"},
    "pagerduty": {"PAGERDUTY_ROUTING_KEY": "R0123456789abcdef"},
    "slack": {"SLACK_URL": "https://hooks.slack.example/services/T/B/x"},
    "ocsf": {"OCSF_URL": "https://siem.example.org/raw"},
}


def readers(*names: str) -> dict[str, type[TopicReader]]:
    variables = {
        f"DISTILLWATCH_{variable}": value
        for name in names
        for variable, value in RECEIVERS[name].items()
    }
    settings = load(None, variables)
    services = worker_components(settings).services
    found = [s for s in services if isinstance(s, TopicReader) and not isinstance(s, DirectoryFeed)]
    # A drill waits for the same ones.
    assert {r.name: r.group for r in receivers(settings)} == {
        s._name: s._options["group_id"]  # type: ignore[attr-defined]
        for s in found
    }
    return {s._name: type(s) for s in found}


def test_none_is_set_by_default() -> None:
    assert readers() == {"log": Outbox}


@pytest.mark.parametrize("name", RECEIVERS)
def test_each_by_itself(name: str) -> None:
    kind = Alertmanager if name == "alertmanager" else Outbox
    assert readers(name) == {"log": Outbox, name: kind}


def test_all_together() -> None:
    assert readers(*RECEIVERS).keys() == {"log", *RECEIVERS}


def test_all_link_to_the_page() -> None:
    url = "https://distillwatch.example.org/page/"
    given = {name: value for one in RECEIVERS.values() for name, value in one.items()}
    variables = {f"DISTILLWATCH_{name}": value for name, value in given.items()}
    services = worker_components(load(None, variables | {"DISTILLWATCH_PAGE_URL": url})).services
    sinks = [one._sink for one in services if isinstance(one, Outbox)]
    posting = [one._page for one in sinks if isinstance(one, PostingSink)]
    assert posting == [url] * (len(RECEIVERS) - 1)
    assert [one._page for one in services if isinstance(one, Alertmanager)] == [url]
