"""What a missing field disables is what changes in the real windows and links without it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from stream.accounts.features.table import COLUMN, FEATURES, compute
from stream.accounts.windows.account_windows import AccountWindows, WindowRows
from stream.core.links import LinkKind
from stream.intake.codec.event import RequestEvent
from stream.intake.fingerprint.fingerprinter import Fingerprinter
from stream.pipeline.link_extraction import WindowSnapshot, links_of
from stream.store.account_table import AccountTable
from stream.tools.report.uses import USES

START = 1_772_409_600.0
WINDOW_S = 60.0
REQUESTS = 40
GIVEN = {
    "input_tokens": 10,
    "output_tokens": 30,
    "cached_tokens": 5,
    "reasoning_tokens": 5,
    "status": 429,
    "duration_s": 1.0,
    "stream": True,
    "temperature": 1.5,
    "max_tokens": 100,
    "logprobs": True,
    "system_prompt": "Answer as a teacher would, at length",
    "prompt": "Explain why the sky is blue to a child of five years",
    "prompt_fingerprint": "9f3c",
    "first_prompt": "Why is the sky blue?",
    "first_answer": "Molecules of the atmosphere scatter sunlight, and blue light more than red.",
    "response": "In waves.",
    "account_created_at": START - 40 * 86400,
    "client_ip": "203.0.113.7",
    "user_agent": "u",
    "tls_fingerprint": "t13d",
    "payment_id": "p",
    "asn": 64500,
    "operation": "chat",
    "request_id": "r",
    "api_key_id": "k",
    "organization_id": "o",
    "country": "DE",
    "plan": "pro",
}


def seen(without: str | None):
    """Return the features of an account, and the kinds of its links, without a field."""
    fields: dict[str, Any] = {name: value for name, value in GIVEN.items() if name != without}
    # Several networks link it, and as many clients.
    elsewhere = [f"203.0.{i % 10}.7" for i in range(REQUESTS)]
    clients = [f"u{i % 10}" for i in range(REQUESTS)]
    events = [
        RequestEvent(
            timestamp=START + i,
            account_id="a",
            model="m",
            **fields
            | ({"client_ip": elsewhere[i]} if "client_ip" in fields else {})
            | ({"user_agent": clients[i]} if "user_agent" in fields else {}),
        )
        for i in range(REQUESTS)
    ]
    batch = Fingerprinter(b"salt").columns(events, range(REQUESTS))
    table = AccountTable(AccountWindows.FIELDS, max_accounts=4)
    windows = AccountWindows(table)
    rows = WindowRows(START + WINDOW_S, WINDOW_S, ["a"], np.array([0]), batch.columns)
    slots = windows.update(rows)
    row = compute(windows, slots, START + WINDOW_S)[0]
    kinds = links_of([WindowSnapshot.at(rows, windows, table, slots)]).columns["kind"]
    return {name: float(row[i]) for name, i in COLUMN.items()}, {LinkKind(k) for k in kinds}


def test_every_optional_field_is_listed():
    required = {"timestamp", "account_id", "model"}
    # What is in the messages is read into the two texts.
    assert USES.keys() == set(RequestEvent.__struct_fields__) - required - {"messages"}
    named = {name for use in USES.values() for name in use.features}
    assert named <= {feature.name for feature in FEATURES}


@pytest.mark.parametrize("field", USES)
def test_without_a_field_goes_what_it_is_said_to_be_good_for(field):
    (whole, all_links), (features, kinds) = seen(None), seen(field)
    changed = {
        name for name in whole if not np.array_equal(whole[name], features[name], equal_nan=True)
    }
    if field == "prompt":
        changed |= {"prompts"}  # the gateway's own fingerprint stands in here
    assert changed == set(USES[field].features)
    # Alerting makes links by topic, of the prompts of all tasks: tests/unit/topics.
    assert all_links - kinds == set(USES[field].links) - {LinkKind.TOPIC}


def test_a_use_is_a_few_words():
    features = "addresses, networks, many_clients, exit_rotation"
    assert str(USES["client_ip"]) == f"{features}; links by address, network, customers"
    assert str(USES["payment_id"]) == "links by payment"
    assert str(USES["plan"]) == "accounts are compared with those on their plan"
    assert str(USES["stream"]) == ""
