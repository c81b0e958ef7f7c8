"""When campaigns count as found and incidents as false, with several campaigns in one run."""

from __future__ import annotations

import math

from stream.tools.report.outcome import Alarm, found_at, is_right, named_by_incident

CAMPAIGN_OF = {"a1": "a", "a2": "a", "a3": "a", "b1": "b"}
SIZES = {"a": 3, "b": 1}
ATTACKERS = dict.fromkeys(CAMPAIGN_OF, -math.inf)


def found(*alarms: Alarm) -> dict[str, float]:
    return found_at(alarms, ATTACKERS, CAMPAIGN_OF, SIZES)


def group(time: float, *accounts: str) -> Alarm:
    return Alarm(time, "g", "campaign", accounts)


def single(time: float, account: str) -> Alarm:
    return Alarm(time, f"i-{account}", "account", (account,))


def test_a_right_alert_on_a_group_finds_the_campaigns_that_it_names() -> None:
    assert found(group(1, "a1", "a2", "benign")) == {"a": 1}
    assert found(group(1, "a1", "a2", "b1")) == {"a": 1, "b": 1}


def test_an_alert_on_mostly_benign_accounts_finds_nothing() -> None:
    assert found(group(1, "a1", "benign"), group(2, "a1", "x", "y")) == {}


def test_alerts_on_single_accounts_find_a_campaign_once_they_name_half_of_it() -> None:
    assert found(single(1, "a1")) == {}
    assert found(single(1, "a1"), single(2, "a1"), single(3, "a3")) == {"a": 3}
    assert found(single(4, "b1")) == {"b": 4}


def test_an_incident_is_judged_by_all_accounts_that_it_named() -> None:
    named = named_by_incident([group(1, "a1", "x"), group(5, "a1", "a2", "a3")])
    assert named == {"g": {"a1": 1, "x": 1, "a2": 5, "a3": 5}}
    assert is_right(named["g"], ATTACKERS)


def test_an_account_is_benign_before_its_first_attacking_request() -> None:
    assert not is_right({"a1": 9.0}, {"a1": 10.0})
    assert is_right({"a1": 10.0}, {"a1": 10.0})
