"""What the alerts of a soak found: campaigns, and incidents that name benign accounts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from scipy.stats import poisson

from soak.month import Month
from soak.verdict import Verdict, duration
from stream.settings import Settings
from stream.tools.report.campaign_traffic import CampaignTraffic
from stream.tools.report.scorecard import Scorecard, score

if TYPE_CHECKING:
    from soak.series import Run

#: The share of runs in which chance alone exceeds the limit of false incidents.
_CHANCE: Final = 0.05


def scorecard(run: Run) -> Scorecard:
    """Return what the alerts found; the traffic that was sent is made again from its seed."""
    month = Month(run.meta.days, run.meta.seed)
    labels = month.labels()
    traffic = CampaignTraffic(labels)
    sent = sum(run.sent.values())
    events: list = []
    for number, request in enumerate(month.requests()):
        if number >= sent:
            break
        events.append(request)
        if len(events) == 10_000:
            traffic.observe(events)
            events.clear()
    traffic.observe(events)
    return score(run.alerts, labels, traffic)


def false_incidents(run: Run, card: Scorecard) -> Verdict:
    """Compare the incidents that name benign accounts with the budget of the defaults."""
    settings = Settings()
    budget = settings.detection.alerts_budget + settings.campaigns.alerts_budget
    benign = Month(run.meta.days, run.meta.seed).labels().benign
    mean = budget * benign / 10_000 * run.days
    most = int(poisson.ppf(1 - _CHANCE, mean))
    return Verdict(
        "false incidents stay within the budget",
        f"{card.false_incidents} of {card.incidents} incidents, {benign} benign accounts",
        f"≤ {most}: the budget is {mean:.2f}, more than {most} has a chance below 5 %",
        card.false_incidents <= most,
    )


def campaigns(run: Run, card: Scorecard) -> list[Verdict]:
    """Return a verdict on each campaign; of one that was not played by half only if it is found."""
    spans = {span.campaign: span for span in Month(run.meta.days, run.meta.seed).campaigns()}
    reached = max((sample.event_s for sample in run.samples), default=0.0)
    found = []
    for result in card.campaigns:
        span = spans[result.campaign]
        played = reached >= (span.start_s + span.end_s) / 2
        if not (played or result.found):
            continue
        text = "not found"
        if result.found and result.detected_after_s is not None:
            text = (
                f"found after {duration(result.detected_after_s)}, {result.leaked or 0:.1%} of its "
                f"output tokens gone; {result.recall:.0%} of {result.accounts} accounts named"
            )
        found.append(Verdict(f"campaign {result.campaign} is found", text, "found", result.found))
    return found
