"""The recorded results as the tables of the README: ``python -m quality.readme`` prints them.

A test holds the README against it, so no figure there is typed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from quality import held_out, record
from quality.plan import BENIGN, CAMPAIGNS, first
from quality.table import MODES, detectors, of_mode
from stream.report.table import duration

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from quality.measure import Outcome
    from quality.plan import Campaign

_NAMES: Final = {
    "pool": "pool: one injected prompt, young accounts",
    "hydra": "hydra: light accounts, template variations",
    "relay": "relay: sessions under one harness",
    "burst": "burst: four requests each, one pattern",
    "lone": "lone: one account, 5,000 a day",
    "slow": "slow: twenty that never sleep",
    "takeover": "takeover: one account that turns",
    "pivot": "pivot: half of the traffic to a new model",
    "second-pool": "second pool: banned, back with new accounts",
    "pool-evasive": "evasive pool: own words, old accounts, own payments",
    "hydra-evasive": "evasive hydra: the same, light",
    "relay-evasive": "evasive relay: no common words, a pool of addresses",
}


def tables() -> Iterator[str]:
    """Yield the tables: with text, without, all detectors; the second set beside, once it is."""
    known = record.read(record.HERE / f"{first().name}.json")
    again = record.read(record.HERE / f"{held_out.NAME}.json")
    ours = [] if known is None else known.outcomes
    theirs = [] if again is None else again.outcomes
    for mode in MODES:
        yield "\n".join(_campaigns(of_mode(ours, mode), of_mode(theirs, mode), mode))
    yield "\n".join(_detectors(ours))


def _campaigns(ours: dict[str, Outcome], again: dict[str, Outcome], mode: str) -> Iterator[str]:
    yield (
        f"| campaign, {MODES[mode]} | accounts | recall | precision | false | found after | leaked "
        "| asked | second set: recall | false | found after | leaked |"
    )
    yield "|---|---|---|---|---|---|---|---|---|---|---|---|"
    for campaign in CAMPAIGNS:
        if campaign.id in ours:  # a few are played while one works on something
            cells = [
                _NAMES[campaign.id],
                *_figures(ours[campaign.id]),
                _asked(campaign, mode),
                *_second(again.get(campaign.id)),
            ]
            yield f"| {' | '.join(cells)} |"


def _figures(outcome: Outcome) -> tuple[str, ...]:
    found = outcome.campaign
    assert found is not None
    precision = "" if found.precision is None else f"{found.precision:.2f}"
    false = str(outcome.false_incidents)
    return f"{found.accounts:,}", f"{found.recall:.2f}", precision, false, *_when(outcome)


def _second(outcome: Outcome | None) -> tuple[str, ...]:
    if outcome is None or outcome.campaign is None:
        return "", "", "", ""
    return f"{outcome.campaign.recall:.2f}", str(outcome.false_incidents), *_when(outcome)


def _when(outcome: Outcome) -> tuple[str, str]:
    found = outcome.campaign
    assert found is not None
    return (duration(found.after_s), f"{found.leaked:.1%}") if found.found else ("not found", "")


def _asked(campaign: Campaign, mode: str) -> str:
    if mode == "text":
        return f"{campaign.leaked:.0%}"
    return "found" if campaign.without_text else ""


def _detectors(outcomes: Sequence[Outcome]) -> Iterator[str]:
    yield "| detector | false incidents per 10,000 benign accounts a day | campaigns found |"
    yield "|---|---|---|"
    for label, rows in detectors(outcomes).items():
        false = f"{rows[BENIGN].false_per_10k_day:.1f}" if BENIGN in rows else ""
        played = [row for row in rows.values() if row.campaign is not None]
        names = [row.scenario for row in played if row.campaign and row.campaign.found]
        told = "all" if len(names) == len(played) else ", ".join(names) or "none"
        yield f"| {label} | {false} | {len(names)} of {len(played)}: {told} |"


if __name__ == "__main__":
    print("\n\n".join(tables()))
