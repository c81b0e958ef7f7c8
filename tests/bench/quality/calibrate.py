"""Fits the table of the campaigns' score on recorded looks: ``python -m quality.calibrate``.

Each claim is fitted on its own (fit.py) and then tried in the table. It is taken where, on the same
looks, no harmless group comes to score as a candidate that did not before, and no campaign reaches
the open score later than before. Other rows stay as they are, and the report says why. Whatever is
taken is only a proposal: the scenarios and their benign twins, and the benchmark, decide.
"""

from __future__ import annotations

import argparse
import math
import multiprocessing
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from quality.__main__ import _HERE, _cache
from quality.fit import Sample, TooFewLooksError, fit
from quality.looks import RecordingRun, looks_path, units
from quality.modes import HEADLINE, MODES
from quality.plan import BENIGN, first, quick
from quality.revision import revision
from quality.rewrite import rewritten
from quality.store import Store
from stream.campaigns.scoring import model
from stream.campaigns.scoring.decision import ClusterDecision, decide
from stream.campaigns.scoring.table import CLAIMS
from stream.core.thresholds import DEFAULT_THRESHOLDS
from stream.settings import load

if TYPE_CHECKING:
    from collections.abc import Sequence

    from quality.looks import Look, Unit
    from stream.campaigns.scoring.claim import Claim

_RULE_OF_THREE: Final = 3
TABLE: Final = Path(model.__file__).parent / "table.py"


@dataclass(frozen=True, slots=True)
class Outcomes:
    """What a table makes of recorded looks."""

    candidates: frozenset[int]  # numbers of the harmless units that ever reach the clear score
    peaks: tuple[float, ...]  # greatest score of each unit
    opened: tuple[float, ...]  # when each campaign reaches the open score, inf: never

    def no_worse_than(self, before: Outcomes) -> bool:
        """Say whether nothing is lost."""
        later = [now > then for now, then in zip(self.opened, before.opened, strict=True)]
        return self.candidates <= before.candidates and not any(later)


def outcomes(found: Sequence[Unit], claims: Sequence[Claim]) -> Outcomes:
    """Score all looks with a table."""
    scores = [[score(look, claims) for look in unit.looks] for unit in found]
    peaks = tuple(max(each) for each in scores)
    clear, opens = DEFAULT_THRESHOLDS.clear_score, DEFAULT_THRESHOLDS.open_score
    return Outcomes(
        candidates=frozenset(
            number
            for number, (unit, peak) in enumerate(zip(found, peaks, strict=True))
            if not unit.campaign and peak >= clear
        ),
        peaks=peaks,
        opened=tuple(
            min(
                (o.time for o, s in zip(unit.looks, each, strict=True) if s >= opens),
                default=math.inf,
            )
            for unit, each in zip(found, scores, strict=True)
            if unit.campaign
        ),
    )


def score(look: Look, claims: Sequence[Claim]) -> float:
    """Return the score that a table gives a look, 0 where the decision rule holds it back."""
    weighed = model.weigh(look.known(), claims)
    counted = model.strongest(weighed)
    owners = int(look.statistics["owners"] or 0)
    if decide(counted, weighed, owners=owners) is not ClusterDecision.MAY_ALERT:
        return 0.0
    return model.probability(look.links, counted, budget_ratio=1)


def calibrated(found: Sequence[Unit], source: str) -> tuple[list[Claim], list[str]]:
    """Return the table with what could be fitted, and a line on each claim."""
    claims, lines = list(CLAIMS), []
    before = outcomes(found, claims)
    for number, claim in enumerate(CLAIMS):
        sample = Sample.of(found, claim.curve.statistic)
        try:
            knots = fit(sample, claim.curve)
        except TooFewLooksError as error:
            lines.append(_line(claim, f"stays: {error}"))
            continue
        if len({y for _, y in knots}) < 2:
            lines.append(_line(claim, f"stays: {sample} show no difference"))
            continue
        trial = replace(
            claim, curve=replace(claim.curve, knots=knots), source=f"measured: {sample} of {source}"
        )
        tried = [*claims[:number], trial, *claims[number + 1 :]]
        if outcomes(found, tried).no_worse_than(before):
            claims = tried
            lines.append(_line(claim, f"fitted on {sample}: {knots}"))
        else:
            lines.append(_line(claim, f"stays: the fit on {sample} is worse there: {knots}"))
    return claims, lines


def _line(claim: Claim, what: str) -> str:
    return f"{claim.curve.statistic:30} {what}"


def main() -> int:
    """Play what is not recorded, fit, report, and write the table."""
    options = _options()
    plan = quick() if options.quick else first()
    store = Store.open(options.cache, plan, options.data if options.data.is_dir() else None)
    names = options.only or list(plan.ids)
    _play(store, names, options)
    results = _results(store)
    found = [
        unit
        for mode in options.modes
        for name in names
        for unit in units(
            looks_path(results, mode, name), name, None if name == BENIGN else store.truth(name)
        )
    ]
    source = f"the benchmark's set {plan.name}, {', '.join(options.modes)}"
    claims, lines = calibrated(found, source)
    crowd = len(store.truth(BENIGN).kinds)
    lines += [*_comparison(found, claims), false_incidents(found, claims, plan.days * crowd)]
    print("\n".join([source, *lines]))
    if not options.dry_run:
        TABLE.write_text(rewritten(TABLE.read_text(), claims))
        print(f"written: {TABLE}; look at git diff, then run the scenarios and the benchmark")
    return 0


def false_incidents(found: Sequence[Unit], claims: Sequence[Claim], account_days: int) -> str:
    """Return what the looks show of the budget: observed false incidents and their upper bound.

    No event in a span bounds the rate at three in that span with 95 % confidence (rule of three).
    """
    peaks = [
        peak
        for unit, peak in zip(found, outcomes(found, claims).peaks, strict=True)
        if not unit.campaign
    ]
    over = sum(peak >= DEFAULT_THRESHOLDS.open_score for peak in peaks)
    bound = (_RULE_OF_THREE + over) / account_days * 1e4
    return (
        f"{over} of {len(peaks)} harmless groups reach the open score in {account_days:,} account "
        f"days: at most {bound:.1f} false incidents per 10,000 accounts a day are shown"
    )


def _comparison(found: Sequence[Unit], claims: Sequence[Claim]) -> list[str]:
    """Return a line on each unit: its greatest score, before and after."""
    before, after = outcomes(found, CLAIMS), outcomes(found, claims)
    return [
        f"{unit.scenario:14} {'campaign' if unit.campaign else 'harmless'} "
        f"{len(unit.looks):5} looks  greatest score {was:.3f} -> {now:.3f}"
        for unit, was, now in zip(found, before.peaks, after.peaks, strict=True)
    ]


def _play(store: Store, names: Sequence[str], options: argparse.Namespace) -> None:
    context = multiprocessing.get_context("fork")
    room = context.Semaphore(options.jobs)
    settings = load(_HERE / "quality.toml", {}).stages
    results = _results(store)
    results.mkdir(exist_ok=True)
    families = []
    for name in (BENIGN, *names):
        if not store.has(name):
            store.make(name)
    for mode in options.modes:
        missing = [name for name in names if not looks_path(results, mode, name).exists()]
        run = RecordingRun(
            store, mode, settings, results, revision(), room, print, alone=True, hours=options.hours
        )
        families.append(context.Process(target=run.play, args=(missing,)))
    for family in families:
        family.start()
    for family in families:
        family.join()
    if any(family.exitcode for family in families):
        sys.exit("a scenario failed")


def _results(store: Store) -> Path:
    """Return where looks are kept: of one revision of the detector."""
    return store.root / f"looks-{revision()}"


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="calibrate", description=__doc__)
    parser.add_argument(
        "--quick", action="store_true", help="the smaller set: too few looks to fit"
    )
    parser.add_argument("--only", nargs="+", metavar="ID", help="these scenarios")
    parser.add_argument("--modes", nargs="+", choices=MODES, default=[HEADLINE])
    parser.add_argument("--hours", type=float, default=30.0, help="that each campaign is played")
    parser.add_argument("--jobs", type=int, default=1, help="processes at once")
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--cache", type=Path, default=_cache())
    parser.add_argument("--dry-run", action="store_true", help="report, and write nothing")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
