"""What has come of decisions, in the keeper's metrics."""

from __future__ import annotations

import msgspec
from prometheus_client import generate_latest

from stream.core.decisions import Reason, TrafficBefore
from stream.core.effects import EffectReport
from stream.core.secret import Secret
from stream.decisions.audit_chain import Link
from stream.decisions.bookkeeping import Bookkeeping
from stream.decisions.settings import DecisionSettings
from stream.decisions.signature import EFFECTS, Signer
from stream.decisions.transitions import approve
from stream.enforcement.decision_gauges import DecisionGauges
from stream.enforcement.metrics import DecisionMetrics
from testlib import metrics
from testlib.decisions import ALICE, CANARY, DAY_S, KEY, NOW_S, SIGNER, proposal, read, stored

SIGNS = Signer(Secret(KEY), EFFECTS)
BEFORE = TrafficBefore(
    accounts=1, requests=10, output_tokens=5_000, output_tokens_last_hour=10_000_000
)


class Keeper:
    """The books of a keeper, and what it shows of them."""

    def __init__(self, **settings):
        self.books = Bookkeeping(
            DecisionSettings(**settings), SIGNER, Link(), reporters=SIGNS, new_canary=lambda: CANARY
        )
        self.metrics = DecisionMetrics()
        self.gauges = DecisionGauges(self.metrics)

    def approve(self, number, *, after_s=0.0, **changes):
        reason = Reason(alert_id="inc_1", alerted_at=NOW_S - 60, before=BEFORE)
        made = proposal(decision_id=f"dec_{number:020d}", reason=reason, **changes)
        read(self.books.register, approve(stored(made), ALICE, NOW_S + after_s))

    def report(self, number, **counts):
        one = EffectReport(
            decision_id=f"dec_{number:020d}",
            enforcer="edge-1",
            run="0" * 16,
            gateway="1",
            held_at=NOW_S,
            **counts,
        )
        key, value = one.key.encode(), msgspec.json.encode(one)
        self.books.effects.read(key, value, SIGNS.sign(key, value))

    def shown(self, name, **labels):
        text = generate_latest(self.metrics.registry).decode()
        return metrics.total(text, f"distillwatch_{name}", **labels)


def test_effects_are_added_up_by_action():
    keeper = Keeper()
    keeper.approve(1)
    keeper.approve(2)
    keeper.approve(3, action="throttle")
    keeper.report(1, refused_requests=3, first_refused_at=NOW_S + 4)
    keeper.report(2, refused_requests=4, first_refused_at=NOW_S + 8)
    keeper.report(3, slowed_requests=2, changed_requests=5, first_refused_at=NOW_S + 60)
    keeper.gauges.show(keeper.books, NOW_S + 3600)
    effects = "decision_effect_requests"
    assert keeper.shown(effects, action="suspend", effect="refused") == 7
    assert keeper.shown(effects, action="throttle", effect="slowed") == 2
    assert keeper.shown(effects, action="throttle", effect="changed") == 5
    assert keeper.shown(effects) == 14
    assert keeper.shown("decision_tokens_not_taken_estimate") == 9 * 500
    assert keeper.shown("decision_approval_to_refusal_seconds") == 8
    keeper.gauges.clear()
    assert keeper.shown(effects) == keeper.shown("decision_tokens_not_taken_estimate") == 0


def test_times_are_of_the_decisions_of_a_day():
    keeper = Keeper()
    keeper.approve(1, after_s=10)
    keeper.approve(2, after_s=40)
    keeper.approve(3, after_s=50)
    keeper.gauges.show(keeper.books, NOW_S + 60)
    assert keeper.shown("decision_alert_to_approval_seconds") == 100
    assert keeper.shown("decision_approval_to_refusal_seconds") == 0
    keeper.gauges.show(keeper.books, NOW_S + 2 * DAY_S)
    assert keeper.shown("decision_alert_to_approval_seconds") == 0


def test_a_decision_that_no_enforcer_holds_grows_old():
    keeper = Keeper()
    keeper.approve(1, simulated=True)
    keeper.gauges.show(keeper.books, NOW_S + 30)
    assert keeper.shown("decision_unapplied_seconds") == 0
    keeper.approve(2)
    keeper.gauges.show(keeper.books, NOW_S + 40)
    assert keeper.shown("decision_unapplied_seconds") == 40
    keeper.report(2)
    (active,) = keeper.books.on_time(NOW_S + 41)
    read(keeper.books.register, active)
    keeper.gauges.show(keeper.books, NOW_S + 42)
    assert keeper.shown("decision_unapplied_seconds") == 0


def test_dropped_decisions_are_shown_by_their_state():
    keeper = Keeper(max_decisions=100)
    for number in range(101):
        keeper.approve(number)
    keeper.gauges.show(keeper.books, NOW_S + 30)
    assert keeper.shown("decisions_dropped", state="approved") == 10
    assert keeper.shown("decisions_dropped") == 10
    keeper.gauges.clear()
    assert keeper.shown("decisions_dropped") == 0
