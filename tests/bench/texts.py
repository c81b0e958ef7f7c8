"""What fingerprints of prompts cost: us of processor time a kB (UTF-8), by script and length.

``PYTHONPATH=. python tests/bench/texts.py`` (of another revision: its folder as PYTHONPATH). The
least of many rounds: on a busy machine the others say what the neighbours do.
"""

from __future__ import annotations

import random
import time
from typing import Final

from stream.intake.fingerprint.prompts import Prompts

SIZES: Final = (200, 1_000, 4_000)
ROUNDS: Final = 60
_BYTES: Final = 2**17
_SYLLABLES: Final = (
    "ta",
    "re",
    "mi",
    "no",
    "sol",
    "den",
    "kar",
    "ves",
    "lin",
    "gor",
    "pa",
    "the",
    "is",
)
_HAN: Final = (
    "\u8acb\u7528\u7c21\u55ae\u7684\u8a9e\u8a00\u89e3\u91cb\u6f6e\u6c50\u8b8a\u5316\uff0c\u3002"
)


def words(dice: random.Random) -> list[str]:
    """Return three thousand words of one to four syllables."""
    return ["".join(dice.choices(_SYLLABLES, k=dice.randint(1, 4))) for _ in range(3_000)]


def texts(kind: str, size: int) -> list[str]:
    """Return texts of one kind, each of about ``size`` bytes, never the same."""
    dice = random.Random(f"{kind} {size}")
    known = words(dice)
    marks = {
        "plain": [""],
        "punctuated": [""] * 8 + [",", ".", "'s", '"', " 12", ":\n"],
        "emoji": [""] * 8 + [",", " \u2014", " \U0001f642", "\u2019s", "\u00e9"],
    }
    made = []
    for _ in range(_BYTES // size):
        if kind == "han":
            made.append("".join(dice.choices(_HAN, k=size // 3)))
        else:
            said = [dice.choice(known) + dice.choice(marks[kind]) for _ in range(size // 5)]
            made.append(" ".join(said)[:size])
    return made


def cost(kind: str, size: int) -> float:
    """Return the us of processor time a kB."""
    prompts, given = Prompts(b"salt"), texts(kind, size)
    bytes_ = sum(len(text.encode()) for text in given)
    least = float("inf")
    for _ in range(ROUNDS):
        fresh = [text[:1] + text[1:] for text in given]  # strings whose hash is not known
        start = time.process_time()
        prompts.of(fresh)
        least = min(least, time.process_time() - start)
    return least / bytes_ * 1e9


def main() -> None:
    """Print one row a kind."""
    for kind in ("plain", "punctuated", "emoji", "han"):
        print(f"{kind:12}", *(f"{size} B: {cost(kind, size):6.1f}" for size in SIZES), flush=True)


if __name__ == "__main__":
    main()
