"""The estimate: the lower of two figures that are each too high."""

from __future__ import annotations

import msgspec
import pytest

from stream.core.decisions import Reason, TrafficBefore
from stream.core.effects import Effect
from stream.decisions.tokens_not_taken import tokens_not_taken
from stream.decisions.transitions import approve
from testlib.decisions import ALICE, NOW_S, of_accounts, proposal, stored

HOUR_S = 3600.0
#: 500 output tokens a request; 100,000 an hour of ten accounts.
BEFORE = TrafficBefore(
    accounts=10, requests=1000, output_tokens=500_000, output_tokens_last_hour=100_000
)


def decision(**changes):
    reason = Reason(alert_id="inc_1", before=changes.pop("before", BEFORE))
    made = of_accounts(5, reason=reason, **changes)
    return approve(stored(made), ALICE, NOW_S).decision


def estimate(effect, hours=1.0, **changes):
    return tokens_not_taken(decision(**changes), effect, NOW_S + hours * HOUR_S)


def test_refused_requests_count_with_what_a_request_took_before():
    assert estimate(Effect(refused=20, slowed=10)) == 30 * 500


def test_callers_that_repeat_what_is_refused_do_not_raise_it_beyond_their_own_rate():
    # Five of the ten accounts are acted on: half of the rate, for two hours.
    assert estimate(Effect(refused=10**6), hours=2.0) == 100_000


def test_what_passes_a_throttle_is_no_longer_not_taken():
    assert estimate(Effect(slowed=10**6, changed=60), action="throttle") == 50_000 - 60 * 500
    assert estimate(Effect(slowed=10**6, changed=10**6), action="throttle") == 0


def test_no_time_and_no_refusal_are_no_tokens():
    assert estimate(Effect(refused=10), hours=0.0) == 0
    assert estimate(Effect(refused=10), hours=-5.0) == 0
    assert estimate(Effect()) == 0


@pytest.mark.parametrize("action", ["watch", "verify", "hide_reasoning", "mark", "reroute"])
def test_an_action_that_stops_no_request_has_no_estimate(action):
    assert estimate(Effect(changed=10), action=action) is None


def test_without_traffic_before_there_is_no_estimate():
    assert estimate(Effect(refused=10), before=None) is None
    nothing = msgspec.structs.replace(BEFORE, requests=0)
    assert estimate(Effect(refused=10), before=nothing) is None
    assert tokens_not_taken(proposal(), Effect(refused=10), NOW_S) is None


def test_a_simulation_has_no_estimate():
    assert estimate(Effect(simulated=10), simulated=True) is None
