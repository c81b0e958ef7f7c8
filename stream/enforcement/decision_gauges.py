"""Shows the register of decisions in the metrics."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from stream.core.decisions import ACTIONS
from stream.enforcement.effect_gauges import EffectGauges
from stream.enforcement.metrics import STATES

if TYPE_CHECKING:
    from stream.core.decisions import DecisionState
    from stream.decisions.bookkeeping import Bookkeeping
    from stream.decisions.register import Reading
    from stream.enforcement.metrics import DecisionMetrics


class DecisionGauges:
    """The leader's figures; 0 in a worker that leads no more."""

    def __init__(self, metrics: DecisionMetrics) -> None:
        """Write to ``metrics``."""
        self._metrics = metrics
        self._effects = EffectGauges(metrics)

    def count(self, reading: Reading) -> None:
        """Count a record of the decisions topic."""
        self._metrics.decision_records_total.labels(reading=reading).inc()

    def count_effect(self, reading: Reading) -> None:
        """Count a record of the effects topic."""
        self._metrics.decision_effect_records_total.labels(reading=reading).inc()

    def show(self, books: Bookkeeping, time: float) -> None:
        """Show decisions by action and state, and what waits; ``time`` in epoch seconds."""
        decisions = [one.decision for one in books.register.states if not one.decision.drill]
        self._show_counts(Counter((one.action, one.state) for one in decisions))
        proposed = [one for one in decisions if one.state == "proposed"]
        # A simulated one waits for no one: nothing would be carried out.
        waiting = [one.proposed_at for one in proposed if not one.simulated]
        self._metrics.decision_waiting_seconds.set(max(time - min(waiting, default=time), 0.0))
        held_back = books.rails.exceeding(decisions)
        self._metrics.decisions_held_back.set(len(held_back))
        self._metrics.decision_audit_entries.set(books.audited.number)
        self._show_dropped(books.register.dropped)
        self._effects.show(decisions, held_back, books.effects, time)

    def clear(self) -> None:
        """Show nothing: another worker leads."""
        self._effects.clear()
        self._show_counts(Counter())
        self._show_dropped(Counter())
        for gauge in (
            self._metrics.decision_waiting_seconds,
            self._metrics.decisions_held_back,
            self._metrics.decision_audit_entries,
        ):
            gauge.set(0)

    def _show_counts(self, counts: Counter[tuple[str, str]]) -> None:
        for action in ACTIONS:
            for state in STATES:
                self._metrics.decisions.labels(action=action, state=state).set(
                    counts[action, state]
                )

    def _show_dropped(self, counts: Counter[DecisionState]) -> None:
        for state in STATES:
            self._metrics.decisions_dropped.labels(state=state).set(counts[state])
