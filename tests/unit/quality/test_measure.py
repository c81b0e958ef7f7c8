import msgspec
import numpy as np
import pytest
from quality.alarms import Alarm
from quality.measure import measure
from quality.store import Truth

BENIGN = Truth(kinds={"a": "person", "b": "batch", "t": "service"}, requests=9)
#: x extracts at 100, 200 and 300 s, y at 200 s; ten tokens each.
PLANTED = Truth(
    kinds={"x": "pool", "y": "pool"},
    requests=4,
    begins_s=100.0,
    attackers=["x", "y"],
    times=np.array([100.0, 200.0, 200.0, 300.0]).tobytes(),
    tokens=np.array([10, 10, 10, 10]).tobytes(),
    account=np.array([0, 0, 1, 0], np.int32).tobytes(),
)


def outcome(*alarms, planted=PLANTED, days=1.0):
    return measure(alarms, BENIGN, planted, scenario="s", detector="d", mode="gateway", days=days)


def campaign(time, *accounts, incident="i"):
    return Alarm(time, incident, "campaign", accounts)


def single(time, account):
    return Alarm(time, f"i-{account}", "account", (account,))


def test_silence_finds_nothing_and_leaks_everything():
    found = outcome().campaign
    assert (found.found, found.recall, found.precision) == (False, 0.0, None)
    assert (found.leaked, found.exposed, found.requests) == (1.0, 1.0, None)


def test_a_right_alert_on_a_group_finds_the_campaign():
    found = outcome(campaign(250.0, "x", "y")).campaign
    assert found.found
    assert (found.recall, found.after_s, found.requests) == (1.0, 150.0, 3)
    assert found.leaked == found.exposed == 0.75


def test_a_single_account_is_half_of_a_campaign_of_two():
    assert outcome(single(150.0, "x")).campaign.after_s == 50.0
    assert outcome(single(150.0, "x")).campaign.recall == 0.5


def test_what_an_account_takes_after_it_was_named_is_not_exposed():
    # x is named before its second request, y never.
    assert outcome(single(150.0, "x")).campaign.exposed == 0.5


def test_an_alert_before_the_first_request_is_false_but_counts_from_then_on():
    told = outcome(single(50.0, "x"))
    assert told.false_incidents == 1
    assert told.campaign.recall == 0.5
    assert not told.campaign.found


def test_an_incident_of_which_half_are_benign_is_false():
    told = outcome(campaign(250.0, "x", "a"))
    assert told.false_incidents == 1
    assert told.false_kinds == {"person": 1}
    assert not told.campaign.found
    assert told.campaign.precision == 0.5


def test_an_incident_that_grows_counts_once():
    told = outcome(campaign(150.0, "x"), campaign(250.0, "x", "y"))
    assert told.incidents == 1
    assert told.campaign.exposed == 0.5


def test_false_incidents_are_a_rate_over_benign_accounts_and_days():
    told = outcome(single(0.0, "a"), single(0.0, "b"), planted=None, days=2.0)
    assert told.campaign is None
    assert told.false_per_10k_day == pytest.approx(2 / 3 / 2 * 1e4)


def test_an_account_that_turns_is_not_among_the_innocent():
    turned = Truth(
        kinds={"t": "service"}, requests=1, attackers=["t"], times=np.array([100.0]).tobytes(),
        tokens=np.array([5]).tobytes(), account=np.array([0], np.int32).tobytes(),
    )  # fmt: skip
    told = outcome(single(0.0, "a"), planted=turned)
    assert told.false_per_10k_day == pytest.approx(1 / 2 * 1e4)
    assert outcome(single(100.0, "t"), planted=turned).campaign.found


def test_benign_accounts_that_a_scenario_has_of_its_own_are_innocent():
    known = msgspec.structs.replace(
        PLANTED, kinds={"x": "pool", "y": "pool", "z": "pool", "own": "service"}
    )
    told = outcome(single(300.0, "own"), single(300.0, "z"), planted=known)
    assert told.false_kinds == {"service": 1}  # z never extracted, and is no benign account
    assert told.false_per_10k_day == pytest.approx(2 / 4 * 1e4)
