"""Output tokens are counted by country and kind of network, once, and no text becomes a label."""

from __future__ import annotations

import json

import pytest

from stream.core.networks import ANONYMISER, HOSTING, country_code
from stream.core.records import Record
from stream.intake.fingerprint.networks import NetworkFacts, NoDatabases
from stream.metrics import Metrics
from stream.pipeline.chain import Chain
from stream.settings import Settings

START_S = 1_772_409_600.0


class Known(NoDatabases):
    """Knows one data centre and one VPN."""

    def of(self, address):
        hosting = {"203.0.113.1": HOSTING, "203.0.113.2": HOSTING | ANONYMISER}.get(address, 0)
        return NetworkFacts(24, 64500, country_code("DE"), hosting)


def egress(*requests):
    """Return the tokens of each country and kind after these requests."""
    metrics = Metrics()
    chain = Chain(Settings().stages, source="t", metrics=metrics, networks=Known)
    events = [
        {"timestamp": START_S + i, "account_id": "a", "model": "m", "output_tokens": 100} | one
        for i, one in enumerate(requests)
    ]
    records = [Record(i, None, json.dumps(event).encode()) for i, event in enumerate(events)]
    chain.process(records, now_s=START_S + 100)
    chain.finish()
    return {
        (sample.labels["country"], sample.labels["kind"]): sample.value
        for family in metrics.egress_tokens_total.collect()
        for sample in family.samples
        if sample.name.endswith("_total") and sample.value
    }


def test_tokens_are_counted_by_country_and_kind() -> None:
    assert egress(
        {"client_ip": "203.0.113.1"},
        {"client_ip": "203.0.113.2"},
        {"client_ip": "203.0.113.3"},
        {"client_ip": "203.0.113.3", "country": "fr", "output_tokens": 7},
        {"client_ip": "203.0.113.3", "country": "FR", "output_tokens": 8},
        {},
    ) == {("DE", "hosting"): 200, ("DE", "other"): 100, ("FR", "other"): 15}


def test_the_same_call_counts_once() -> None:
    call = {"client_ip": "203.0.113.1", "request_id": "r"}
    assert egress(call, call) == {("DE", "hosting"): 100}


@pytest.mark.parametrize("text", ["QQ", "T1", "XX", "Germany", "D", "\u017fE", "ﬀ", "", "🇩🇪"])
def test_what_is_no_country_makes_no_label(text: str) -> None:
    assert egress({"country": text}) == {}
