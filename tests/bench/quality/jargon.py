"""Names that only one house uses, in what the simulator's grammar writes for busy accounts.

The grammar has a few hundred words: accounts with thousands of prompts would say the same six words
by chance, far more often than real ones do (benign accounts share a rare six-word shingle with
0 / 1 / 14 / 28 others, ../shared/facts/campaigns.md). Every so many words become the house's own.
"""

from __future__ import annotations

import re
import zlib
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from stream.tools.simulate.account import Text
from stream.tools.simulate.vocabulary import SYLLABLES

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from stream.tools.simulate.account import Account, Writer
    from stream.tools.simulate.dice import Dice

#: Kind -> share of its words. What is shared on purpose (test sets, a tool's orders) stays.
_SHARES: Final = {
    "service": 0.35, "batch": 0.35, "migration": 0.35, "tutoring": 0.35, "failover": 0.35,
    "pipeline": 0.35, "company": 0.25, "person": 0.12, "vpn": 0.12, "phone": 0.12,
}  # fmt: skip
_WORD: Final = re.compile(r"[A-Za-z]{4,}")
_PARTS: Final = 10_000


def with_jargon(accounts: Iterable[Account], kind: str | None = None) -> Iterator[Account]:
    """Give every account the words of its organisation, or its own where it has none.

    How many is decided by ``kind``, or by the account's own kind.
    """
    words: dict[str, _Words] = {}
    for account in accounts:
        share = _SHARES.get(kind or account.kind)
        if share is None:
            yield account
            continue
        house = account.paper.organization_id or account.account_id
        own = words.setdefault(house, _Words(house, share))
        yield replace(account, writer=_saying(account.writer, own))


class _Words(dict[str, str]):
    """Word -> what this house says instead; most words stay."""

    def __init__(self, house: str, share: float) -> None:
        super().__init__()
        self._salt = zlib.crc32(house.encode())
        self._limit = int(share * _PARTS)

    def __missing__(self, word: str) -> str:
        code = zlib.crc32(word.lower().encode(), self._salt)
        said = word
        if code % _PARTS < self._limit:
            first, second = divmod(code // _PARTS, len(SYLLABLES))
            said = SYLLABLES[first % len(SYLLABLES)] + SYLLABLES[second]
        self[word] = said
        return said

    def translated(self, text: str) -> str:
        """Return the text in the house's words."""
        return _WORD.sub(lambda word: self[word[0]], text)


def _saying(writer: Writer, words: _Words) -> Writer:
    def write(dice: Dice) -> Text:
        system, prompt = writer(dice)
        return Text(system and words.translated(system), words.translated(prompt))

    return write
