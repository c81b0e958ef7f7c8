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
from typing import TYPE_CHECKING, Final

import numpy as np

from stream.core.errors import UsageError
from stream.trace.answer_matches import AnswerMatches
from stream.trace.answer_record import Answers
from stream.trace.attribution import Attribution
from stream.trace.file_hashes import FileHashes
from stream.trace.sketcher import Sketcher
from stream.trace.suspects import Suspect, components

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from stream.trace.trace_result import TracedGroup

KEY: Final = b"a key of the benchmark, 32 bytes"
THINNEST: Final = 64
LEVEL: Final = 0.001
ROWS: Final = 10_000
CAMPAIGN: Final = 40
SECOND: Final = 20
CONTROLS: Final = 400
SKETCHER: Final = Sketcher(KEY)


@dataclass(frozen=True)
class Day:
    """Who was given what: texts by account."""

    given: dict[str, list[str]]
    unused: list[str]

    @property
    def campaign(self) -> list[str]:
        """Every answer that the first campaign was given."""
        return [
            text for name, texts in self.given.items() if name.startswith("c1-") for text in texts
        ]


def alpaca(data: Path) -> list[str]:
    with lzma.open(data / "attack/alpaca_en.jsonl.xz", "rt") as file:
        return [json.loads(line)["output"] for line in file]


def programmers(data: Path) -> list[dict[str, str]]:
    with lzma.open(data / "text/realhumaneval_dev.csv.xz", "rt") as file:
        return [row for row in csv.DictReader(io.StringIO(file.read())) if row["response"]]


def a_day(data: Path, random: np.random.Generator) -> Day:
    texts = alpaca(data)
    order = iter([texts[at] for at in random.permutation(len(texts))])
    take = lambda count: [next(order) for _ in range(count)]  # noqa: E731
    given = {f"c1-{n}": take(ROWS // CAMPAIGN) for n in range(CAMPAIGN)}
    unused = take(ROWS)
    given |= {f"c2-{n}": take(100) for n in range(SECOND)}
    volume = np.minimum(np.exp(random.normal(3.6, 1.0, CONTROLS)).astype(int) + 1, 500)
    volume = (volume * min(1.0, 29_000 / volume.sum())).astype(int) + 1
    given |= {f"other-{n}": take(int(size)) for n, size in enumerate(volume)}
    for row in programmers(data):
        given.setdefault(f"programmer-{row['programmer_id']}", []).append(row["response"])
    return Day(given, unused)


def stored(given: dict[str, list[str]], one_in: int = THINNEST) -> list[Answers]:
    """What intake keeps of these answers."""
    found = []
    for name, texts in given.items():
        sketches = SKETCHER.sketches(texts, one_in)
        which, count = np.unique(sketches.text, return_counts=True)
        found.append(
            Answers(
                "0" * 16,
                [name],
                np.zeros(len(which), np.uint32),
                np.full(len(which), 1_772_000_000, np.uint32) + which,
                np.full(len(which), one_in, np.uint16),
                count.astype(np.uint32),
                sketches.hashes,
            )
        )
    return found


def file_of(texts: Sequence[str]) -> FileHashes:
    file = FileHashes()
    sketches = SKETCHER.sketches(texts, THINNEST)
    file.add(sketches.hashes, sketches.text + 1)
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
    answers, suspects = stored(day.given), groups(day)
    print(
        "| rows of the campaign | treated | named | p | rows found | as a whole | falsely named |"
    )
    print("|---|---|---|---|---|---|---|")
    for share in (0.0, 0.01, 0.1, 0.5):
        count = round(ROWS * share)
        chosen = [day.campaign[at] for at in random.permutation(ROWS)[:count]]
        for name, treat in TREATMENTS.items():
            texts = [treat(text, random) for text in chosen] + day.unused[: ROWS - count]
            order = random.permutation(len(texts))
            rows = {at + 1 for at, place in enumerate(order) if place < count}
            found = traced(answers, suspects, file_of([texts[at] for at in order]))
            first = next(one for one in found if one.alert_id == "c1")
            others = sum(one.named for one in found if one.alert_id != "c1")
            right = len(rows & set(first.rows)) / max(min(count, 1000), 1)
            whole = "" if first.whole_share is None else f"{first.whole_share:.2f}"
            print(
                f"| {share:.0%} | {name} | {'yes' if first.named else 'no'} | {first.p:.1g} "
                f"| {right:.0%} | {whole} | {others + (first.named and not count)} |"
            )
            if not count:
                break


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
        raise UsageError(f"{arguments.data}: no such folder")
    random = np.random.default_rng(20261129)
    day = a_day(arguments.data, random)
    shares(day, random)


if __name__ == "__main__":
    main()
