"""Vocabularies of the simulated world: subjects of requests, places, and syllables of names.

The words are in ``words.txt`` beside this file.
"""

from __future__ import annotations

from importlib.resources import files
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping


class Subject(NamedTuple):
    """The words of one field of life or work."""

    name: str
    things: tuple[str, ...]
    acts: tuple[str, ...]
    kinds: tuple[str, ...]


def _sections() -> Mapping[str, Mapping[str, str]]:
    """Return section -> key -> words; indented lines continue the one before."""
    text = files(__package__).joinpath("words.txt").read_text(encoding="utf-8")
    found: dict[str, dict[str, str]] = {}
    for line in text.replace("\n  ", " ").splitlines():
        if line.startswith("["):
            section = found.setdefault(line[1:-1], {})
        elif line and not line.startswith("#"):
            key, _, words = line.partition(": ")
            section[key] = words
    return found


_WORDS: Final = _sections()
SUBJECTS: Final = tuple(
    Subject(name, *(tuple(words[key].split()) for key in ("things", "acts", "kinds")))
    for name, words in _WORDS.items()
    if name
)
PLACES: Final = tuple(_WORDS[""]["places"].split())
MOODS: Final = tuple(_WORDS[""]["moods"].split(", "))

_ONSETS: Final = (
    *"bcdfghjklmnprstvwz",
    *("br", "ch", "dr", "fl", "gr", "kl", "pr", "qu", "sh", "st", "tr"),
)
_VOWELS: Final = (*"aeiou", "ai", "ea", "io", "ou")
_CODAS: Final = (*"lmnrstx", "nd", "rk", "")
#: About 2,600 syllables: two of them make some seven million names.
SYLLABLES: Final = tuple(o + v + c for o in _ONSETS for v in _VOWELS for c in _CODAS)
