"""The recorded results as tables in documents: ``python -m quality.readme [--write]``.

The README shows the headline mode, ``docs/evaluation.md`` all modes. Tests hold both against the
records, so no figure there is typed. A table is of one plan, mode and revision of the detector and
says which; a record of several revisions is refused.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from quality import held_out, record
from quality.modes import HEADLINE, MODES
from quality.plan import BENIGN, CAMPAIGNS, first, quick
from quality.table import detectors, of_mode, overall
from stream.tools.report.scorecard_table import duration

if TYPE_CHECKING:
    from collections.abc import Iterator

    from quality.measure import Outcome
    from quality.plan import Campaign
    from quality.record import Record

README: Final = Path(__file__).parents[3] / "README.md"
EVALUATION: Final = Path(__file__).parents[3] / "docs" / "evaluation.md"
BEGIN: Final = "<!-- quality results, written by python -m quality.readme --write -->"
END: Final = "<!-- end of quality results -->"

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
    "router": "router: conversations dealt request by request, another exit each time",
    "router-sticky": "the same, each conversation with one account",
    "reseller": "reseller: dozens of customers an account, banned ones replaced",
    "hydra-disjoint": "hydra with disjoint tasks: 60 % chat, one narrow capability",
    "succession": "succession: banned within minutes, as many new carry on",
    "lone-hard": "patient lone: older than the log, silent, then 4,000 a day",
    "all-at-once": "nine campaigns at once, behind benign accounts' prompts",
}
_SIZES: Final = {
    first().name: "full size",
    quick().name: "an eighth of the accounts, three days",
    held_out.name(first()): "full size, seeds and parameters drawn for this run",
    held_out.name(quick()): "the quick plan's sizes, seeds and parameters drawn for this run",
}
_COLUMNS: Final = ("recall", "precision", "false", "time to detect", "tokens lost")


def headline() -> str:
    """Return the part of the README between :data:`BEGIN` and :data:`END`."""
    best = _best(HEADLINE)
    return _nothing(HEADLINE) if best is None else _short(best)


def _short(known: Record) -> str:
    """Return a record as the README has it: campaigns by their ids, and less of each."""
    rows = of_mode(known.outcomes, known.mode)
    return "\n".join(
        [
            f"{_origin(known)}: {overall(list(rows.values()))}.{_missing(rows)}",
            "",
            "| campaign | recall | found after | tokens lost |",
            "|---|---|---|---|",
            *(_short_row(rows[campaign.id]) for campaign in CAMPAIGNS if campaign.id in rows),
        ]
    )


def _short_row(outcome: Outcome) -> str:
    found = outcome.campaign
    assert found is not None
    cells = (
        outcome.scenario,
        f"{found.recall:.2f}",
        duration(found.after_s) if found.found else "not found",
        f"{found.leaked:.1%}" if found.found else "",
    )
    return f"| {' | '.join(cells)} |"


def results() -> str:
    """Return the part of ``docs/evaluation.md`` between :data:`BEGIN` and :data:`END`."""
    plans = [plan for plan in _SIZES if any(record.read(plan, mode) for mode in MODES)]
    parts: list[str] = []
    for plan in plans:
        for mode in MODES:
            known = record.read(plan, mode)
            parts.append(_nothing(mode, plan) if known is None else table(known))
            if known is not None and _has_others(known):
                parts.append(comparison(known))
    return "\n\n".join(parts or [_nothing(HEADLINE)])


def _best(mode: str) -> Record | None:
    """Return the record of the full-sized plan, or that of the quick one."""
    return record.read(first().name, mode) or record.read(quick().name, mode)


def _nothing(mode: str, plan: str = first().name) -> str:
    return f"Nothing is recorded for {MODES[mode].title} (`{mode}`), plan `{plan}`."


def table(known: Record) -> str:
    """Return our results of a record; raises MixedRevisionsError."""
    rows = of_mode(known.outcomes, known.mode)
    return "\n".join(
        [
            f"{_origin(known)}: {overall(list(rows.values()))}.{_missing(rows)}",
            "",
            f"| campaign | accounts | {' | '.join(_COLUMNS)} | target |",
            "|---" * (len(_COLUMNS) + 3) + "|",
            *(_row(campaign, rows[campaign.id]) for campaign in CAMPAIGNS if campaign.id in rows),
        ]
    )


def _origin(known: Record) -> str:
    traffic = known.traffic.partition(",")[0]
    return (
        f"**{MODES[known.mode].title.capitalize()}** (`{known.mode}`), plan `{known.plan}` "
        f"({_SIZES[known.plan]}; {traffic}), revision `{known.revision}`"
    )


def _missing(rows: dict[str, Outcome]) -> str:
    names = [name for name in (BENIGN, *_NAMES) if name not in rows]
    return f" Not played: {', '.join(names)}." if names else ""


def _row(campaign: Campaign, outcome: Outcome) -> str:
    found = outcome.campaign
    assert found is not None
    cells = (
        _NAMES[campaign.id],
        f"{found.accounts:,}",
        f"{found.recall:.2f}",
        "" if found.precision is None else f"{found.precision:.2f}",
        str(outcome.false_incidents),
        duration(found.after_s) if found.found else "not found",
        f"{found.leaked:.1%}" if found.found else "",
        _target(campaign, outcome.mode),
    )
    return f"| {' | '.join(cells)} |"


def _target(campaign: Campaign, mode: str) -> str:
    if MODES[mode].has_text:
        return f"{campaign.leaked:.0%}"
    return "found" if campaign.without_text else ""


def _has_others(known: Record) -> bool:
    return len({outcome.detector for outcome in known.outcomes}) > 1


def comparison(known: Record) -> str:
    """Return every detector of a record; raises MixedRevisionsError."""
    return "\n".join([f"All detectors. {_origin(known)}.", "", *_detectors(known)])


def _detectors(known: Record) -> Iterator[str]:
    yield "| detector | false incidents per 10,000 benign accounts a day | campaigns found |"
    yield "|---|---|---|"
    for label, rows in detectors(known.outcomes).items():
        false = f"{rows[BENIGN].false_per_10k_day:.1f}" if BENIGN in rows else ""
        played = [row for row in rows.values() if row.campaign is not None]
        names = [row.scenario for row in played if row.campaign and row.campaign.found]
        which = "all" if len(names) == len(played) else ", ".join(names) or "none"
        yield f"| {label} | {false} | {len(names)} of {len(played)}: {which} |"


def inserted(text: str, shown: str) -> str:
    """Return the document's text with ``shown`` between the two comments."""
    before, _, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not end:
        raise ValueError(f"the document lacks the lines {BEGIN!r} and {END!r}")
    return f"{before}{BEGIN}\n\n{shown}\n\n{END}{after}"


def main() -> int:
    """Print the tables, or write them where they belong."""
    parser = argparse.ArgumentParser(prog="quality.readme", description=__doc__)
    parser.add_argument("--write", action="store_true", help="write them into the documents")
    options = parser.parse_args()
    try:
        if options.write:
            README.write_text(inserted(README.read_text(), headline()))
            EVALUATION.write_text(inserted(EVALUATION.read_text(), results()))
        else:
            print(f"{headline()}\n\n{results()}")
    except record.MixedRevisionsError as mixed:
        sys.exit(str(mixed))
    return 0


if __name__ == "__main__":
    sys.exit(main())
