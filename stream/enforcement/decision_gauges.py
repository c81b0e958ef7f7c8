"""Shows the register of decisions in the metrics."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from stream.core.decisions import ACTIONS
from stream.enforcement.metrics import STATES

if TYPE_CHECKING:
    from stream.decisions.bookkeeping import Bookkeeping
    from stream.decisions.register import Reading
    from stream.enforcement.metrics import DecisionMetrics


class DecisionGauges:
    """The leader's figures; 0 in a worker that leads no more."""

    def __init__(self, metrics: DecisionMetrics) -> None:
        """Write to ``metrics``."""
        self._metrics = metrics

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
        self._metrics.decisions_held_back.set(len(books.rails.exceeding(decisions)))
        self._metrics.decision_audit_entries.set(books.audited.number)

    def clear(self) -> None:
        """Show nothing: another worker leads."""
        self._show_counts(Counter())
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
