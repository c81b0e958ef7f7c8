"""Composes what a worker needs to keep hashes of answers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from stream.enforcement.accounts_in_force import AccountsInForce
from stream.enforcement.decision_feed import DecisionFeed
from stream.kafka.connection import client_options
from stream.trace.answer_sketches import AnswerSketches

if TYPE_CHECKING:
    from stream.metrics import Metrics
    from stream.settings import Settings

_NAME: Final = "answers"


def traced_answers(
    settings: Settings, metrics: Metrics
) -> tuple[AnswerSketches | None, list[DecisionFeed]]:
    """Return the sketches of answers (None unless they are traced), and who reads decisions.

    Of accounts that a decision in force is about more is kept, where decisions have a key.
    """
    if not settings.trace.enabled:
        return None, []
    accounts = AccountsInForce()
    sketches = AnswerSketches(settings.trace, metrics, accounts.current)
    if not settings.decisions.key:
        return sketches, []
    feed = DecisionFeed(
        settings.decisions,
        name=_NAME,
        topic=settings.topics.decisions,
        connection={
            **client_options(settings.kafka),
            "client_id": f"{settings.kafka.app_id}-{_NAME}",
        },
        exact=settings.kafka.transactions,
        metrics=metrics,
        renewed=accounts.renew,
    )
    return sketches, [feed]
