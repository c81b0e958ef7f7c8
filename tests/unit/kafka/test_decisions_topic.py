"""What commands read of decisions and effects, while workers and enforcers write."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING

import msgspec
import pytest

from stream.core.effects import EffectReport
from stream.core.secret import Secret
from stream.decisions.settings import DecisionSettings
from stream.decisions.signature import EFFECTS, HEADER, Signer
from stream.decisions.transitions import applied, approve
from stream.kafka import decisions_topic
from stream.kafka.settings import KafkaSettings, TopicSettings
from testlib.decisions import ALICE, BOB, KEY, NOW_S, SIGNER, proposal, stored

if TYPE_CHECKING:
    from collections.abc import Callable

TOPICS = TopicSettings()
SETTINGS = DecisionSettings(key=Secret(KEY))
REPORTER = Signer(SETTINGS.key, EFFECTS)
APPROVED = approve(stored(proposal()), ALICE, NOW_S)
REPORT = EffectReport(
    decision_id=APPROVED.decision.key, enforcer="edge-1", run="0" * 16, held_at=NOW_S
)
ACTIVE = applied(APPROVED, BOB, NOW_S)


def record(topic: str, signer: Signer, name: str, value: bytes) -> SimpleNamespace:
    key = name.encode()
    headers = [(HEADER, signer.sign(key, value))]
    return SimpleNamespace(topic=topic, key=key, value=value, headers=headers)


#: In the order in which they are written: the report makes the decision active.
WRITTEN = [
    record(TOPICS.decisions, SIGNER, APPROVED.decision.key, APPROVED.value),
    record(TOPICS.effects, REPORTER, REPORT.key, msgspec.json.encode(REPORT)),
    record(TOPICS.decisions, SIGNER, ACTIVE.decision.key, ACTIVE.value),
]


@pytest.mark.parametrize("first", range(1, len(WRITTEN) + 1))
@pytest.mark.parametrize("second", range(1, len(WRITTEN) + 1))
def test_an_active_decision_is_read_with_the_report_that_made_it_active(
    monkeypatch: pytest.MonkeyPatch, first: int, second: int
) -> None:
    ends = iter([first, max(first, second)])

    def read(_: object, __: object, topic: str, take: Callable[[list[object]], None]) -> None:
        take([one for one in WRITTEN[: next(ends)] if one.topic == topic])

    monkeypatch.setattr(decisions_topic, "read", read)
    [found] = decisions_topic.DecisionsTopic(KafkaSettings(), TOPICS, SETTINGS).followed()
    assert found.state == ("active" if first == len(WRITTEN) else "approved")
    held = [one.enforcer for one in found.applied]
    assert held == (["edge-1"] if max(first, second) > 1 else [])
