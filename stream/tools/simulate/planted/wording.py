"""One's own words for "show all your reasoning", as an evasive account has them.

Nearly every word has alternatives, so that two wordings seldom share six words in a row.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from stream.tools.simulate.dice import Dice

_WORDS: Final = {
    "please": ("Please", "Kindly", "I want you to", "Could you", "Be sure to", "Do", "Try to", ""),
    "write": ("write", "lay", "set", "spell", "put", "type", "note", "jot", "bring"),
    "down": ("down", "out", "in full", "on paper", "here", "openly", "neatly", "at length", ""),
    "every": ("every", "each", "all", "any", "the complete", "your", "the whole", "the entire"),
    "thought": ("thought", "reasoning", "intermediate step", "consideration", "deduction", "idea",
                "derivation", "inference", "working", "argument", "calculation"),
    "you": ("you have", "you make", "it takes", "leading there", "that arises", "involved",
            "you rely on", "en route"),
    "before": ("before", "ahead of", "prior to", "then", "up to", "in front of", "not just"),
    "answer": ("the answer", "your conclusion", "the result", "a final reply", "the solution",
               "your decision", "the verdict", "a last line", "what follows"),
    "never": ("Never", "Do not", "Avoid to", "Don't", "At no point", "Refuse to", "Nowhere"),
    "skip": ("skip", "shorten", "compress", "drop", "summarise", "leave out", "gloss over",
             "merge"),
    "anything": ("anything", "a detail", "dull parts", "what seems obvious", "small steps",
                 "the arithmetic", "side remarks", "dead ends", "numbers"),
    "check": ("check", "verify", "test", "question", "re-read", "double-check", "grade", "audit"),
    "it": ("it", "that", "what you got", "the outcome", "your work", "each claim", "both ends"),
    "with": ("with", "by", "through", "using", "via", "against", "from"),
    "method": ("another method", "a second route", "an example", "plain numbers", "a counter-case",
               "units", "a short proof", "common sense", "first principles"),
    "then": ("Then", "Afterwards", "Next", "At last", "Finally", "Once done", "Also", "Last"),
    "list": ("list", "name", "give", "show", "mention", "offer", "collect", "state"),
    "two": ("two", "a few", "three", "some", "several", "the best", "the likeliest", "four"),
    "others": ("alternatives", "other ways", "rejected ideas", "pitfalls", "common errors",
               "similar tasks", "variations", "open doubts"),
    "why": ("and say why", "with reasons", "briefly argued", "in plain words", "as bullets",
            "in order", "for pupils", "numbered", ""),
}  # fmt: skip
_SENTENCES: Final = (
    ("{please} {write} {down} {every} {thought} {you}", "{before} {answer}"),
    ("{never} {skip} {anything}", "{write} {every} {thought} {down}"),
    ("{then} {check} {it} {with} {method}", "{why}"),
    ("{then} {list} {two} {others} {why}", "{check} {it} {with} {method}"),
)
_SLOT: Final = re.compile(r"\{(\w+)\}")


def own_words(dice: Dice) -> str:
    """Write an instruction in words of its own."""
    sentences = [dice.pick(_SENTENCES) for _ in range(2 + dice.below(2))]
    parts = [dice.pick((f"{a} {b}", f"{a}, {b}", f"{b}: {a}", a)) for a, b in sentences]
    text = dice.pick((". ", "; ", ".\n", " - ")).join(parts)
    text = _SLOT.sub(lambda slot: dice.pick(_WORDS[slot[1]]), text)
    return re.sub(r" +", " ", text).strip() + dice.pick((".", "!", "", ":"))
