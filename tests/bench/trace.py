"""Whether answers that were given to a campaign are found in data sets made of them.

A simulated day of one gateway: 10,000 answers of Alpaca were given to a campaign of 40 accounts,
others to 400 accounts outside of it and to 20 of a second campaign; those of real programmers to
themselves. Data sets of 10,000 rows have a share of the first campaign's answers, treated in some
way; all other rows are answers of Alpaca that nobody was given.

Run: python tests/bench/trace.py [--data ../shared/data] [--trials 200]
"""

from __future__ import annotations

import argparse
import csv
import io
import json
import lzma
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self

import numpy as np

from stream.trace.answer_matches import AnswerMatches
from stream.trace.answer_record import Answers
from stream.trace.attribution import Attribution
from stream.trace.file_hashes import FileHashes
from stream.trace.sketcher import Sketcher
from stream.trace.suspects import Suspect, components

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from stream.core.batch import Fingerprints
    from stream.trace.trace_result import TracedGroup

KEY: Final = b"a key of the benchmark, 32 bytes"
THINNEST: Final = 64
LEVEL: Final = 0.001
ROWS: Final = 10_000
CAMPAIGN: Final = 40
SECOND: Final = 20
CONTROLS: Final = 400
_SAME_PROMPTS: Final = 50
_LEVELS: Final = (0.01, 0.05, 0.2, 0.5)
SKETCHER: Final = Sketcher(KEY)


@dataclass(frozen=True)
class Sketched:
    """Texts with their hashes, and the number of the text of each hash."""

    texts: list[str]
    hashes: list[Fingerprints]

    @classmethod
    def of(cls, texts: list[str]) -> Self:
        sketches = SKETCHER.sketches(texts, THINNEST)
        ends = np.searchsorted(sketches.text, np.arange(1, len(texts)))
        return cls(texts, np.split(sketches.hashes, ends))


@dataclass(frozen=True)
class Day:
    """Who was given which of the texts, and which nobody was."""

    known: Sketched
    given: dict[str, list[int]]
    unused: list[int]

    @property
    def campaign(self) -> list[str]:
        """Every answer that the first campaign was given."""
        members = [one for name, one in self.given.items() if name.startswith("c1-")]
        return [self.known.texts[at] for one in members for at in one]


def all_texts(data: Path) -> tuple[list[str], list[dict[str, str]]]:
    """Return the outputs of Alpaca, and the rows of the programmers."""
    with lzma.open(data / "attack/alpaca_en.jsonl.xz", "rt") as file:
        alpaca = [json.loads(line)["output"] for line in file]
    with lzma.open(data / "text/realhumaneval_dev.csv.xz", "rt") as file:
        rows = [row for row in csv.DictReader(io.StringIO(file.read())) if row["response"]]
    return alpaca, rows


def a_day(known: Sketched, programmers: list[dict[str, str]], random: np.random.Generator) -> Day:
    """Deal out the texts; those of the programmers are the last ones of ``known``."""
    own = len(known.texts) - len(programmers)
    order = iter(random.permutation(own).tolist())

    def take(count: int) -> list[int]:
        return [next(order) for _ in range(count)]

    given = {f"c1-{n}": take(ROWS // CAMPAIGN) for n in range(CAMPAIGN)}
    unused = take(ROWS)
    given |= {f"c2-{n}": take(100) for n in range(SECOND)}
    volume = np.minimum(np.exp(random.normal(3.6, 1.0, CONTROLS)).astype(int) + 1, 500)
    volume = (volume * min(1.0, 29_000 / volume.sum())).astype(int) + 1
    given |= {f"other-{n}": take(int(size)) for n, size in enumerate(volume)}
    for at, row in enumerate(programmers, own):
        given.setdefault(f"programmer-{row['programmer_id']}", []).append(at)
    return Day(known, given, unused)


def stored(day: Day) -> list[Answers]:
    """What intake keeps of these answers."""
    found = []
    for name, texts in day.given.items():
        hashes = [day.known.hashes[at] for at in texts if len(day.known.hashes[at])]
        if hashes:
            found.append(
                Answers(
                    "0" * 16,
                    [name],
                    np.zeros(len(hashes), np.uint32),
                    np.full(len(hashes), 1_772_000_000, np.uint32),
                    np.full(len(hashes), THINNEST, np.uint16),
                    np.array([len(one) for one in hashes], np.uint32),
                    np.concatenate(hashes),
                )
            )
    return found


def file_of(texts: Sequence[Fingerprints]) -> FileHashes:
    file = FileHashes()
    for number, hashes in enumerate(texts, 1):
        file.add(hashes, np.full(len(hashes), number, np.uint32))
    file.merge()
    return file


def traced(answers: list[Answers], suspects: list[Suspect], file: FileHashes) -> list[TracedGroup]:
    related = components(suspects)
    matches = AnswerMatches(file, related, thinnest=THINNEST)
    for record in answers:
        matches.take(record)
    attribution = Attribution(
        matches.found(), suspects, related, level=LEVEL, dated=False, seed=file.seed()
    )
    return attribution.groups()


# -- what is done to answers


def cleaned(text: str, _: np.random.Generator) -> str:
    """Without markup, and with white space and punctuation of another kind."""
    text = re.sub(r"```\w*|[*_#`>|]|^\s*(-|\d+[.)])\s+", " ", text, flags=re.MULTILINE)
    return re.sub(r"\s+", " ", text).replace("\u2019", "'").strip().upper()


def sentences(text: str) -> list[str]:
    return re.split(r"(?<=[.!?])\s+|\n+", text)


def shuffled(text: str, random: np.random.Generator) -> str:
    parts = sentences(text)
    return " ".join(parts[at] for at in random.permutation(len(parts)))


def truncated(text: str, _: np.random.Generator) -> str:
    words = text.split()
    return " ".join(words[: len(words) // 2])


def replaced(share: float) -> Callable[[str, np.random.Generator], str]:
    def treat(text: str, random: np.random.Generator) -> str:
        words = text.split()
        return " ".join(
            f"word{random.integers(10_000)}" if random.random() < share else w for w in words
        )

    return treat


def paraphrased(text: str, random: np.random.Generator) -> str:
    """Crude: sentences in another order, and one word in three another one."""
    return replaced(1 / 3)(shuffled(text, random), random)


TREATMENTS: Final = {
    "verbatim": lambda text, _: text,
    "cleaned of markup, upper case": cleaned,
    "sentences shuffled": shuffled,
    "first half only": truncated,
    "one word in ten replaced": replaced(0.1),
    "paraphrased (crudely)": paraphrased,
}


def shares(day: Day, random: np.random.Generator) -> None:
    answers, suspects, hashes = stored(day), groups(day), day.known.hashes
    print("| rows of the campaign | treated | named | p | rows found | as a whole | others named |")
    print("|---|---|---|---|---|---|---|")
    for share in (0.0, 0.01, 0.1, 0.5):
        count = round(ROWS * share)
        chosen = [day.campaign[at] for at in random.permutation(ROWS)[:count]]
        for name, treat in TREATMENTS.items():
            copied = Sketched.of([treat(text, random) for text in chosen]).hashes if count else []
            rows = [*copied, *(hashes[at] for at in day.unused[: ROWS - count])]
            order = random.permutation(len(rows))
            found = traced(answers, suspects, file_of([rows[at] for at in order]))
            first = next(one for one in found if one.alert_id == "c1")
            others = sum(one.named for one in found if one.alert_id != "c1")
            right = sum(order[row - 1] < count for row in first.rows) / max(len(first.rows), 1)
            recall = right * first.matched_rows / count if count else 0.0
            whole = "" if first.whole_share is None else f"{first.whole_share:.2f}"
            print(
                f"| {share:.0%} | {name} | {'yes' if first.named else 'no'} | {first.p:.0e} "
                f"| {recall:.0%} | {whole} | {others} |",
                flush=True,
            )
            if not count:
                break


def same_prompts(day: Day, programmers: list[dict[str, str]], random: np.random.Generator) -> None:
    """Data sets of other answers to the campaign's own prompts: no row is of the campaign."""
    names = sorted({row["programmer_id"] for row in programmers})
    named, shares, least = 0, [], 1.0
    for _ in range(_SAME_PROMPTS):
        members = {names[at] for at in random.permutation(len(names))[: len(names) // 2]}
        ids = [name for name in day.given if name.removeprefix("programmer-") in members]
        others = [
            at
            for name, texts in day.given.items()
            if name.startswith("programmer-") and name not in ids
            for at in texts
        ]
        given = {name: one for name, one in day.given.items() if name in ids or "pro" not in name}
        rows = [day.known.hashes[at] for at in [*others, *day.unused[:1000]]]
        suspects = [Suspect("p", "p", tuple(ids), ())]
        (found,) = traced(stored(Day(day.known, given, [])), suspects, file_of(rows))
        named += found.named
        least = min(least, found.p)
        shares.append(found.whole_share or 0.0)
    print(
        f"other answers to the same prompts, {_SAME_PROMPTS} times: named {named}, least p "
        f"{least:.0e}, as a whole at most {max(shares):.2f}"
    )


def without_reuse(
    known: Sketched, programmers: list[dict[str, str]], trials: int, random: np.random.Generator
) -> None:
    """Another day and data set each time, of which no row was given to anyone."""
    p, named = [], 0
    for _ in range(trials):
        day = a_day(known, programmers, random)
        file = file_of([known.hashes[at] for at in day.unused])
        found = traced(stored(day), groups(day), file)
        p += [one.p for one in found]
        named += sum(one.named for one in found)
    below = ", ".join(f"{np.mean(np.array(p) <= one):.3f} at most {one}" for one in _LEVELS)
    print(f"{trials} trials without reuse, {len(p)} p: {below}; named {named}")


def groups(day: Day) -> list[Suspect]:
    return [
        Suspect(name, name, tuple(one for one in day.given if one.startswith(f"{name}-")), ())
        for name in ("c1", "c2")
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--trials", type=int, default=200)
    arguments = parser.parse_args()
    if not arguments.data.is_dir():
        parser.error(f"{arguments.data}: no such folder")
    random = np.random.default_rng(20261129)
    alpaca, programmers = all_texts(arguments.data)
    known = Sketched.of([*alpaca, *(row["response"] for row in programmers)])
    day = a_day(known, programmers, random)
    shares(day, random)
    same_prompts(day, programmers, random)
    without_reuse(known, programmers, arguments.trials, random)


if __name__ == "__main__":
    main()
