"""A dealt list of questions is found within seconds, with exactly the accounts it was dealt to."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import pytest

from stream.core.records import Record
from stream.metrics import Metrics
from stream.pipeline.chain import Chain
from stream.settings import load
from testlib.traffic.dealt_questions import ASKED, QUICK, callers, rounds, seldom

if TYPE_CHECKING:
    from stream.core.alerts import Alert
    from testlib.traffic.dealt_questions import Caller

START_S = 1_772_409_600.0


def lines(who: list[Caller], *, seconds: float, **shared: str) -> list[bytes]:
    """Return what all ask, one question after the other, and half a minute of one who goes on."""
    events = [
        {
            "timestamp": START_S + seconds * (turn + n / len(who)) / ASKED,
            "account_id": caller.key,
            "model": "small",
            "client_ip": caller.address,
            "input_tokens": 30,
            "output_tokens": 20,
            "prompt": prompt,
            **shared,
        }
        for turn, asked in enumerate(rounds(who))
        for n, (caller, prompt) in enumerate(asked)
    ]
    after = [events[-1] | {"timestamp": START_S + seconds + n, "prompt": ""} for n in range(30)]
    return [msgspec.json.encode(event) for event in (*events, *after)]


def alerts(who: list[Caller], *, seconds: float, **shared: str) -> list[Alert]:
    """Return every state of each campaign that is alerted."""
    chain = Chain(load(None, QUICK).stages, source="test", metrics=Metrics())
    sent = lines(who, seconds=seconds, **shared)
    records = [Record(i, None, line) for i, line in enumerate(sent)]
    found = [*chain.process(records, now_s=START_S + 3600), *chain.finish()]
    return [alert for alert in found if alert.account_ids]


def told(who: list[Caller], *, seconds: float, **shared: str) -> list[set[str]]:
    """Return the accounts of each campaign that is alerted."""
    found = alerts(who, seconds=seconds, **shared)
    return [*{alert.alert_id: {*(alert.account_ids or ())} for alert in found}.values()]


def test_exactly_the_accounts_it_was_dealt_to_are_alerted() -> None:
    members, strangers = callers()
    assert told(members + strangers, seconds=30) == [{caller.key for caller in members}]


def test_as_many_as_a_class_are_silent() -> None:
    members, strangers = callers()
    assert told(members[:24] + strangers, seconds=30) == []


def test_one_organization_for_everybody_hides_nothing() -> None:
    # As a gateway logs it where all keys are in its one team.
    members, strangers = callers()
    found = told(members + strangers, seconds=60, organization_id="team")
    assert found == [{caller.key for caller in members}]


@pytest.mark.parametrize("seconds", [2, 5, 6, 8, 10, 13, 17, 20, 24, 30, 45, 60])
def test_members_that_are_busier_than_others_are_certain_however_fast_all_ask(
    seconds: float,
) -> None:
    members, strangers = callers()
    *_, last = alerts(members + seldom(strangers), seconds=seconds)
    assert [(group.degree, len(group.members)) for group in last.members or ()] == [
        ("certain", len(members))
    ]
