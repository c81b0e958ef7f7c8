"""The results as tables for a terminal: ours with targets, all detectors side by side."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from rich.table import Table

from quality.modes import MODES
from quality.plan import BENIGN, TWINS
from stream.tools.report.scorecard_table import duration

if TYPE_CHECKING:
    from collections.abc import Sequence

    from quality.content import Separation
    from quality.measure import Outcome
    from quality.plan import Campaign, Plan

OURS: Final = "distillwatch"
#: False incidents per 10,000 benign accounts a day.
FALSE_TARGET: Final = 1.0
PRECISION_TARGET: Final = 0.95

COLUMNS: Final = (
    "campaign", "accounts", "found", "recall", "target", "precision", "false /10k a day",
    "found after", "requests before", "leaked", "target", "exposed",
)  # fmt: skip


def ours(plan: Plan, outcomes: Sequence[Outcome], mode: str) -> Table:
    """Return our own results in one mode, a row for each campaign."""
    table = Table(title=f"{plan.name}: {OURS}, {MODES[mode].title}", title_justify="left")
    for name in COLUMNS:
        table.add_column(name, justify="left" if name == "campaign" else "right")
    rows = of_mode(outcomes, mode)
    for campaign in plan.campaigns:
        if campaign.id in rows:
            outcome = rows[campaign.id]
            style = None if reached(campaign, outcome) else "red"
            table.add_row(*cells(campaign, outcome), style=style)
    table.caption = overall(list(rows.values()))
    table.caption_justify = "left"
    return table


def of_mode(outcomes: Sequence[Outcome], mode: str) -> dict[str, Outcome]:
    """Return our own outcomes in one mode, by scenario."""
    return {o.scenario: o for o in outcomes if o.mode == mode and o.detector == OURS}


def cells(campaign: Campaign, outcome: Outcome) -> tuple[str, ...]:
    """Return one row, by :data:`COLUMNS`."""
    found = outcome.campaign
    assert found is not None
    text = MODES[outcome.mode].has_text
    recall = f"{campaign.recall:.2f}" if text else "found"
    wanted = text or campaign.without_text
    return (
        campaign.id,
        f"{found.accounts:,}",
        "yes" if found.found else "no",
        f"{found.recall:.2f}",
        recall if wanted else "-",
        "-" if found.precision is None else f"{found.precision:.2f}",
        f"{outcome.false_per_10k_day:.1f}",
        duration(found.after_s),
        "-" if found.requests is None else f"{found.requests:,}",
        f"{found.leaked:.1%}",
        f"{campaign.leaked:.0%}" if text else "-",
        f"{found.exposed:.1%}",
    )


def reached(campaign: Campaign, outcome: Outcome) -> bool:
    """Say whether a campaign's own targets were reached."""
    found = outcome.campaign
    assert found is not None
    if (found.precision or 1.0) < campaign.precision:
        return False
    if not MODES[outcome.mode].has_text:
        return found.found or not campaign.without_text
    return found.found and found.recall >= campaign.recall and found.leaked <= campaign.leaked


def overall(rows: Sequence[Outcome]) -> str:
    """Return the sentence below a table: what holds for the whole."""
    planted = [row for row in rows if row.campaign is not None]
    accused, right = sum(row.accused for row in planted), sum(row.right for row in planted)
    benign = next((row for row in rows if row.scenario == BENIGN), None)
    found = sum(row.campaign is not None and row.campaign.found for row in planted)
    parts = [
        f"found {found} of {len(planted)}",
        f"account precision {right / accused:.3f}" if accused else "nobody accused",
    ]
    if benign is not None:
        parts.append(
            f"{benign.false_incidents} false incidents without any campaign "
            f"({benign.false_per_10k_day:.1f} per 10,000 accounts a day)"
        )
    return ", ".join(parts)


def compared(plan: Plan, outcomes: Sequence[Outcome]) -> Table:
    """Return every detector's recall on each campaign, and its false incidents."""
    table = Table(title=f"{plan.name}: account recall of all detectors", title_justify="left")
    names = [campaign.id for campaign in plan.campaigns]
    for name in ("detector", "false /10k a day", *names):
        table.add_column(name, justify="left" if name == "detector" else "right")
    for label, rows in detectors(outcomes).items():
        false = rows[BENIGN].false_per_10k_day if BENIGN in rows else None
        table.add_row(
            label,
            "-" if false is None else f"{false:.1f}",
            *(_recall(rows.get(name)) for name in names),
        )
    return table


def detectors(outcomes: Sequence[Outcome]) -> dict[str, dict[str, Outcome]]:
    """Return the outcomes by detector (ours by mode) and scenario."""
    found: dict[str, dict[str, Outcome]] = {}
    for outcome in outcomes:
        label = outcome.detector
        if outcome.detector == OURS:
            label = f"{OURS}, {MODES[outcome.mode].title}"
        found.setdefault(label, {})[outcome.scenario] = outcome
    return found


def _recall(outcome: Outcome | None) -> str:
    if outcome is None or outcome.campaign is None:
        return "-"
    return f"{outcome.campaign.recall:.2f}" + ("" if outcome.campaign.found else " (no)")


def twins(plan: Plan, outcomes: Sequence[Outcome], benign_kinds: dict[str, int]) -> Table:
    """Return for each benign twin, and other kinds, how many accounts each detector accuses."""
    rows = {label: rows[BENIGN] for label, rows in detectors(outcomes).items() if BENIGN in rows}
    table = Table(title=f"{plan.name}: benign accounts accused", title_justify="left")
    table.add_column("kind")
    table.add_column("accounts", justify="right")
    for label in rows:
        table.add_column(label, justify="right")
    kinds = [*TWINS, *sorted(benign_kinds.keys() - TWINS.keys())]
    for kind in kinds:
        accused = [str(row.false_kinds.get(kind, 0) or "silent") for row in rows.values()]
        table.add_row(TWINS.get(kind, kind), str(benign_kinds.get(kind, 0)), *accused)
    return table


def content(found: Sequence[Separation]) -> Table:
    """Return how well content alone separates."""
    table = Table(title="windows of 100 prompts, batch MMD alone", title_justify="left")
    for name in ("campaign", "windows", "benign windows", "TPR", "FPR", "balanced accuracy"):
        table.add_column(name, justify="left" if name == "campaign" else "right")
    for row in found:
        table.add_row(
            row.scenario, f"{row.windows:,}", f"{row.benign_windows:,}",
            f"{row.true_positives:.3f}", f"{row.false_positives:.3f}",
            f"{row.balanced_accuracy:.3f}",
        )  # fmt: skip
    return table
