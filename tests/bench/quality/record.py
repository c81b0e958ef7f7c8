"""Recorded results, one file for each plan and mode, and what has become worse than they allow.

Traffic and detector are deterministic, so a difference is a change of the code; the tolerances
leave room for changes that mean nothing. Getting better is no failure: record it.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec

from quality.measure import Outcome
from quality.table import OURS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from quality.plan import Plan
    from quality.run import Result

HERE: Final = Path(__file__).parent / "recorded"

_RECALL: Final = 0.02
_PRECISION: Final = 0.01
_LEAKED: Final = 0.01
_LATER: Final = 1.1
_LATER_S: Final = 600.0


class MixedRevisionsError(ValueError):
    """Results of several revisions of the detector stand in one record."""


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """The results of one plan and mode, with where they come from."""

    plan: str  # its name
    mode: str
    parameters: str  # of the plan, all of them
    traffic: str  # fitted to real traces, or simulated alone; name of the stored traffic
    revisions: dict[str, str]  # scenario -> revision of the detector
    outcomes: list[Outcome]

    @property
    def revision(self) -> str:
        """Return the one revision of all results; raises MixedRevisionsError."""
        scenarios: dict[str, list[str]] = {}
        for scenario, revision in self.revisions.items():
            scenarios.setdefault(revision, []).append(scenario)
        if len(scenarios) != 1:
            mixed = "; ".join(f"{r}: {', '.join(names)}" for r, names in sorted(scenarios.items()))
            raise MixedRevisionsError(
                f"{self.plan}, {self.mode} mixes revisions ({mixed or 'no result'}): "
                "play the whole table at one revision"
            )
        return next(iter(scenarios))


def of(plan: Plan, mode: str, traffic: str, results: Sequence[Result]) -> Record:
    """Return what the results of one mode are as a record."""
    ours = [result for result in results if result.mode == mode]
    return Record(
        plan=plan.name,
        mode=mode,
        parameters=repr(plan),
        traffic=traffic,
        revisions={result.scenario: result.revision for result in ours},
        outcomes=[outcome for result in ours for outcome in result.outcomes],
    )


def path(plan: str, mode: str) -> Path:
    """Return where the results of a plan and mode are recorded."""
    return HERE / plan / f"{mode}.json"


def write(record: Record) -> Path:
    """Write a record so that a change of a figure is a change of a line.

    Raises MixedRevisionsError.
    """
    _ = record.revision
    where = path(record.plan, record.mode)
    where.parent.mkdir(parents=True, exist_ok=True)
    where.write_bytes(msgspec.json.format(msgspec.json.encode(record)) + b"\n")
    return where


def read(plan: str, mode: str) -> Record | None:
    """Return what was recorded, None where nothing was."""
    where = path(plan, mode)
    return msgspec.json.decode(where.read_bytes(), type=Record) if where.exists() else None


def worse(recorded: Record, outcomes: Sequence[Outcome]) -> list[str]:
    """Return one line for each figure of ours that is worse than recorded by more than allowed."""
    before = {(o.scenario, o.mode): o for o in recorded.outcomes if o.detector == OURS}
    lines = []
    for now in outcomes:
        known = before.get((now.scenario, now.mode))
        if now.detector == OURS and known is not None:
            where = f"{now.scenario}, {now.mode}"
            lines += [f"{where}: {what}" for what in _differences(known, now)]
    return lines


def _differences(before: Outcome, now: Outcome) -> Iterator[str]:
    if now.false_incidents > before.false_incidents:
        yield f"false incidents {before.false_incidents} -> {now.false_incidents}"
    was, found = before.campaign, now.campaign
    if was is None or found is None:
        return
    if was.found and not found.found:
        yield "found -> not found"
    if found.recall < was.recall - _RECALL:
        yield f"recall {was.recall:.3f} -> {found.recall:.3f}"
    if (found.precision or 0.0) < (was.precision or 0.0) - _PRECISION:
        yield f"precision {was.precision} -> {found.precision}"
    if found.leaked > was.leaked + _LEAKED:
        yield f"leaked {was.leaked:.3f} -> {found.leaked:.3f}"
    latest_s = max((was.after_s or 0.0) * _LATER, (was.after_s or 0.0) + _LATER_S)
    if was.found and found.after_s is not None and found.after_s > latest_s:
        yield f"found after {was.after_s:.0f} s -> {found.after_s:.0f} s"
