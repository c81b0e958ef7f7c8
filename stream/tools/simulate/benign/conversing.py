"""Benign conversations, also those that pass between accounts: keys that fail over, shared links.

Sizes and shares are assumed: no public log shows which requests belong to one conversation.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from stream.tools.simulate.benign.people import people
from stream.tools.simulate.benign.shared_key import key_user, sharing
from stream.tools.simulate.dialogue import Openings, OwnDialogue

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from stream.tools.simulate.account import Account
    from stream.tools.simulate.dice import Dice
    from stream.tools.simulate.world import World

#: Kinds of accounts that are people at a chat; completions of a coding tool stand alone.
_CHATTING: Final = frozenset({"person", "company", "vpn", "phone"})


def conversing(dice: Dice, accounts: Iterable[Account]) -> Iterator[Account]:
    """Let people's requests continue conversations, one dialogue for each account."""
    known: dict[str, OwnDialogue] = {}
    for account in accounts:
        if account.kind not in _CHATTING:
            yield account
            continue
        dialogue = known.get(account.account_id)
        if dialogue is None:
            dialogue = known[account.account_id] = OwnDialogue(dice)
        yield replace(account, dialogue=dialogue)


def failing_over(world: World, count: int, span_s: float) -> Iterator[Account]:
    """Yield pairs of keys of one customer, whose client takes the second while the first fails.

    Twice a day, for ten minutes to an hour; conversations continue under the other key.
    """
    d = world.dice
    end_s = world.start_s + span_s
    for _ in range(count):
        organization, payment = world.company()
        user = key_user(world, 60)
        first, second = (
            (world.account_id(), replace(world.paper("team"), payment_id=payment,
                                         organization_id=organization))
            for _ in range(2)
        )  # fmt: skip
        at_s = world.start_s
        while at_s < end_s:
            fails_s = at_s + d.exponential(43_200)
            back_s = fails_s + d.between(600, 3600)
            for (account_id, paper), begin_s, until_s in (
                (first, at_s, fails_s),
                (second, fails_s, back_s),
            ):
                for part in sharing(account_id, paper, [user], begin_s, until_s):
                    yield replace(part, kind="two-keys")
            at_s = back_s


def opening_alike(
    world: World, count: int, *, kind: str, openings: int, share: float, given: bool
) -> Iterator[Account]:
    """Yield people whose conversations begin with one of a few questions and its answer.

    ``given``: they continue from shared links; otherwise they choose what a page suggests, whose
    answers are not sampled or are cached.
    """
    common = Openings.made(world.dice, openings, share=share, given=given)
    for account in people(world, count):
        dialogue = OwnDialogue(world.dice, openings=common)
        yield replace(account, kind=kind, dialogue=dialogue)
