"""Looks: groups as the score saw them while a scenario was played, with the truth about them.

A look is a campaign's when most of its accounts extract, and harmless when none does; other looks
teach nothing. Looks of one group hour after hour are one observation, not many: looks that share
half of their members are one unit, and every unit weighs the same.
"""

from __future__ import annotations

import math
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final
from unittest.mock import patch

import msgspec
import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from quality.plan import BENIGN
from quality.run import Run
from stream.campaigns.clusters import scorer
from stream.campaigns.scoring.claim import LinkBasis
from stream.campaigns.scoring.statistics import statistics

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from quality.store import Truth
    from stream.tools.report.scores import ScoreLog

_HALF: Final = 0.5
#: A group is recorded this often; the detector scores it three times as often.
_EVERY_S: Final = 900.0


class Look(msgspec.Struct, frozen=True, array_like=True):
    """One group at one time; an unknown statistic is None, one that does not apply is absent."""

    time: float
    members: list[str]
    links: LinkBasis
    statistics: dict[str, float | None]

    def known(self) -> dict[str, float]:
        """Return the statistics as the model reads them."""
        return {name: math.nan if x is None else x for name, x in self.statistics.items()}


class Unit(msgspec.Struct, frozen=True):
    """All looks at one group, in the order of time."""

    scenario: str
    campaign: bool
    looks: list[Look]


class RecordingRun(Run):
    """Plays scenarios and keeps the looks of each in a file beside its result."""

    def play(self, scenarios: Sequence[str]) -> None:
        """Play the scenarios; raises RuntimeError when a child fails."""
        with recorded() as self.looks:
            super().play(scenarios)

    def _campaign(self, name: str, day: int) -> None:
        self.looks.clear()  # of the benign days before it, which the benign scenario keeps
        super()._campaign(name, day)

    def _finish(self, name: str, truth: Truth | None, log: ScoreLog) -> None:
        super()._finish(name, truth, log)
        path = looks_path(self.results, self.mode, name)
        path.write_bytes(msgspec.msgpack.encode([*self.looks.values()]))


def looks_path(results: Path, mode: str, name: str) -> Path:
    """Return where the looks of a scenario are."""
    return results / mode / f"{name}.looks"


def units(path: Path, name: str, truth: Truth | None) -> list[Unit]:
    """Return what was recorded of a scenario: harmless groups of the benign one, else campaigns."""
    looks = msgspec.msgpack.decode(path.read_bytes(), type=list[Look])
    attackers = frozenset(() if truth is None else truth.attackers)
    if name == BENIGN:
        return [Unit(name, campaign=False, looks=group) for group in _groups(looks)]
    # All groups of a campaign are one observation of how campaigns look.
    planted = [
        look
        for look in looks
        if sum(member in attackers for member in look.members) > _HALF * len(look.members)
    ]
    return [Unit(name, campaign=True, looks=planted)] if planted else []


def _groups(looks: list[Look]) -> list[list[Look]]:
    """Return the looks by unit, each in the order of time."""
    sets = [frozenset(look.members) for look in looks]
    different = [*dict.fromkeys(sets)]
    same = [
        (i, j)
        for i, left in enumerate(different)
        for j, right in enumerate(different[:i])
        if len(left & right) >= _HALF * min(len(left), len(right))
    ]
    pairs = np.array(same, np.int64).reshape(-1, 2).T
    ones = np.ones(len(same))
    _, unit = connected_components(coo_array((ones, pairs), shape=(len(different),) * 2))
    of = dict(zip(different, unit.tolist(), strict=True))
    found: dict[int, list[Look]] = {}
    for look, members in sorted(zip(looks, sets, strict=True), key=lambda pair: pair[0].time):
        found.setdefault(of[members], []).append(look)
    return [*found.values()]


@contextmanager
def recorded() -> Iterator[dict[tuple[int, frozenset[str]], Look]]:
    """Keep every group that is scored, once in a quarter of an hour."""
    kept: dict[tuple[int, frozenset[str]], Look] = {}
    features, score = scorer.features, scorer.score
    now: dict[int, tuple[float, list[str]]] = {}  # of the last features

    def counted(graph, population, members, **given):
        found = features(graph, population, members, **given)
        now.clear()
        now[id(found)] = population.snapshot.time, graph.names(members.accounts)
        return found

    def scored(found, *, novelty=math.nan, **given):
        time, names = now[id(found)]
        known = statistics(found, novelty=novelty)
        shown = {name: None if math.isnan(x) else float(x) for name, x in known.items()}
        key = int(time // _EVERY_S), frozenset(names)
        kept[key] = Look(time, sorted(names), found.links, shown)
        return score(found, novelty=novelty, **given)

    with patch.object(scorer, "features", counted), patch.object(scorer, "score", scored):
        yield kept
