"""What is said: real prompts where the data is there, the simulator's grammar where it is not.

What benign accounts and campaigns say is kept apart: no text is used on both sides. Nothing of
the data is written anywhere but into the cache of the traffic, outside the repository.
"""

from __future__ import annotations

import lzma
from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import msgspec
import real_sources as sources

from stream.tools.simulate.benign.jobs import item
from stream.tools.simulate.dice import Dice
from stream.tools.simulate.planted.materials import Material, task
from stream.tools.simulate.planted.wording import own_words

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import numpy as np
    from real_sources import Arrival

    from quality.plan import Plan

#: Public test sets, which benign teams use: so many items each, of the first rows of the data.
_PUBLIC_SETS: Final = 5
_PUBLIC_ITEMS: Final = 300
#: Shorter answers are no document.
_LEAST_DOCUMENT: Final = 60
#: Campaigns that are after reasoning ask mathematics first; the others take from everything.
_REASONING: Final = frozenset({"pool", "second-pool", "pool-evasive", "burst", "slow", "pivot"})


@dataclass(frozen=True)
class Texts:
    """All that can be said; everything empty where the simulator has to make it up."""

    prompts: list[str] = field(default_factory=list)  # people's, each to be used once
    programmers: dict[str, list[Arrival]] = field(default_factory=dict)  # benign ones
    sessions: list[list[str]] = field(default_factory=list)  # of other programmers, for relays
    documents: list[str] = field(default_factory=list)  # what services are about, each for one
    public: list[list[str]] = field(default_factory=list)
    mathematics: list[str] = field(default_factory=list)  # for campaigns
    tools: list[str] = field(default_factory=list)
    instructions: list[str] = field(default_factory=list)
    generation: str = ""  # the template of a self-instruct pipeline

    def material(self, plan: Plan, name: str) -> Material:
        """Return what one campaign asks; the same for text and without."""
        campaign, rng = plan.campaign(name), plan.rng("material", name)
        dice = Dice(rng)
        injected = self.generation if name == "lone" and self.generation else own_words(dice)
        if not self.instructions:
            return Material(injected, [task(dice) for _ in range(max(campaign.items, 1))])
        return Material(injected, self._items(name, campaign.items, rng), self.sessions)

    def _items(self, name: str, count: int, rng: np.random.Generator) -> list[str]:
        if name == "lone":
            return _drawn(self.instructions, count, rng)
        if name in _REASONING:
            some = _drawn(self.mathematics, count, rng)
            return some + _drawn(self.instructions, count - len(some), rng)
        return _drawn([*self.mathematics, *self.tools, *self.instructions[:10_000]], count, rng)


def read(data: Path) -> Texts:
    """Read the texts of ``../shared/data``."""
    generation, _ = sources.extraction(data)
    rows = _rows(data / "attack/alpaca_en.jsonl.xz")
    half = len(rows) // 2
    school = [row["question"] for row in _rows(data / "attack/gsm8k_train.jsonl.xz")]
    contest = [row["problem"] for row in _rows(data / "attack/deepscaler_math.json.xz")]
    tools = [
        f"{row['instruction']}\n{row['input']}".strip()
        for row in _rows(data / "attack/gpteacher_toolformer.json.xz")
    ]
    ordered = [text for pair in zip(school, contest, strict=False) for text in pair]
    used = _PUBLIC_SETS * _PUBLIC_ITEMS
    by_name: defaultdict[str, list[Arrival]] = defaultdict(list)
    for row in sources.programmers(data):
        by_name[row.account].append(row)
    names = sorted(by_name)
    return Texts(
        prompts=sources.prompts(data),
        programmers={name: by_name[name] for name in names[::2]},
        sessions=[
            [row.prompt for row in by_name[name] if row.prompt is not None] for name in names[1::2]
        ],
        public=[ordered[at : at + _PUBLIC_ITEMS] for at in range(0, used, _PUBLIC_ITEMS)],
        mathematics=ordered[used:],
        tools=tools,
        instructions=[f"{row['instruction']}\n{row['input']}".strip() for row in rows[:half]],
        # Answers of other rows than those that campaigns ask: real prose that no campaign sends.
        documents=[row["output"] for row in rows[half:] if len(row["output"]) > _LEAST_DOCUMENT],
        generation=generation,
    )


def made(plan: Plan) -> Texts:
    """Make up what has to exist as a list; all else is made where it is needed."""
    dice = Dice(plan.rng("texts"))
    return Texts(public=[[item(dice) for _ in range(_PUBLIC_ITEMS)] for _ in range(_PUBLIC_SETS)])


def _drawn(texts: Sequence[str], count: int, rng: np.random.Generator) -> list[str]:
    places = rng.permutation(len(texts))[: max(count, 0)]
    return [texts[place] for place in places]


def _rows(path: Path) -> list[dict[str, Any]]:
    raw = lzma.decompress(path.read_bytes())
    if path.name.endswith(".json.xz"):
        return msgspec.json.decode(raw)
    return [msgspec.json.decode(line) for line in raw.splitlines()]
