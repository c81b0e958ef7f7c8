"""One prompt of each light account and hour goes to alerting, whatever the number of tasks."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from unittest import mock

import pytest

from stream.core.records import Record
from stream.metrics import Metrics
from stream.pipeline.chain import Chain
from stream.pipeline.light_prompts import LIGHT
from stream.pipeline.topic_groups import TopicGroups
from stream.settings import Settings

if TYPE_CHECKING:
    from stream.core.findings import LightPrompt

START = 1_772_409_600.0
SETTINGS = Settings().stages


def request(second: float, account: str, prompt: str | None, **others: object) -> bytes:
    event = {"timestamp": START + second, "account_id": account, "model": "m",
             "input_tokens": 5, "output_tokens": 7, "prompt": prompt}  # fmt: skip
    return json.dumps(event | others).encode()


def picked(lines: list[bytes], tasks: int = 2) -> list[LightPrompt]:
    """Return the prompts that reach alerting, by time and account."""
    found: list[LightPrompt] = []

    def step(*given: Any) -> list[Any]:
        found.extend(given[-1])
        return []

    with mock.patch.object(TopicGroups, "step", step):
        chain = Chain(replace(SETTINGS, tasks=tasks), source="t", metrics=Metrics(strict=False))
        chain.process([Record(i, None, line) for i, line in enumerate(lines)], now_s=2e9)
        chain.finish()
    return sorted(found, key=lambda one: (one.time, one.member.account_id))


CHAT = [
    request(minute * 60 + place, f"account-{place}", f"question {minute} of {place}")
    for minute in range(0, 150, 5)
    for place in range(6)
]


@pytest.mark.parametrize("tasks", [1, 3])
def test_each_account_has_one_prompt_an_hour(tasks: int) -> None:
    found = picked(CHAT, tasks)
    assert [(one.time - START) // 3600 for one in found].count(1) == 6
    assert len(found) == 18
    assert found == picked(CHAT, 2)


def test_a_member_has_what_was_known_then() -> None:
    lines = [request(10, "a", None), request(70, "a", "one two three", organization_id="o")]
    (one,) = picked(lines)
    assert one.time == START + 120
    member = one.member
    assert (member.account_id, member.day_requests, member.active_hours) == ("a", 2, 1)
    assert member.organization != 0
    assert member.created_at is None
    assert member.first_seen == START + 10


def test_heavy_accounts_and_those_without_text_have_none() -> None:
    heavy = [request(i / 2, "heavy", f"question {i}") for i in range(int(LIGHT) + 1)]
    assert picked([*heavy, request(40, "silent", None)]) == []
