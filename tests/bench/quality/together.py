"""Nine campaigns at once, behind prompts of benign accounts: are the right accounts accused?

Three in ten of their requests repeat what a third of the people in the same log have sent (for the
disjoint hydra, all of its chat), as one would who wants others suspended, or wants company.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

import msgspec

from quality.campaigns import Planted, planted
from stream.tools.simulate.account import Text

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from quality.plan import Campaign, Plan
    from quality.texts import Texts
    from stream.tools.simulate.account import Account, Writer
    from stream.tools.simulate.dice import Dice

TOGETHER: Final = "all-at-once"
NINE: Final = (
    "pool-evasive", "hydra-evasive", "relay-evasive", "slow", "lone", "router", "reseller",
    "hydra-disjoint", "succession",
)  # fmt: skip
#: Campaigns whose requests are people's anyway: they need no camouflage.
_OPEN: Final = frozenset({"relay-evasive", "router", "reseller"})
_PEOPLE: Final = frozenset({"person", "company", "vpn", "phone"})
_SHARE: Final = 0.3
_EVERY: Final = 3
_MOST_EACH: Final = 12


class _Sent(msgspec.Struct, gc=False):
    account_id: str
    prompt: str | None = None


def prompts(kinds: dict[str, str], lines: Iterable[bytes]) -> list[str]:
    """Return prompts of every third of the people, a dozen of each at most."""
    people = sorted(account for account, kind in kinds.items() if kind in _PEOPLE)
    taken = dict.fromkeys(people[::_EVERY], 0)
    decode = msgspec.json.Decoder(_Sent).decode
    found = []
    for line in lines:
        sent = decode(line)
        if sent.prompt is not None and taken.get(sent.account_id, _MOST_EACH) < _MOST_EACH:
            taken[sent.account_id] += 1
            found.append(sent.prompt)
    return found


def together(plan: Plan, texts: Texts, camouflage: Sequence[str]) -> Planted:
    """Make half of each of the nine, with other accounts than those that they have alone."""
    halves = replace(
        plan,
        name=f"{plan.name}, {TOGETHER}",
        campaigns=tuple(map(_half, plan.campaigns)),
    )
    made = []
    for name in NINE:
        # One recorded session is relayed by one of them.
        own = replace(texts, sessions=texts.sessions[name == "router" :: 2])
        made.append(planted(halves, name, own))
    accounts = [
        account if name in _OPEN else _hidden(account, camouflage)
        for name, one in zip(NINE, made, strict=True)
        for account in one.accounts
    ]
    return Planted(accounts, min(one.begins_s for one in made))


def _half(campaign: Campaign) -> Campaign:
    accounts = campaign.accounts
    return campaign if accounts == 1 else replace(campaign, accounts=max(10, accounts // 2))


def _hidden(account: Account, camouflage: Sequence[str]) -> Account:
    share = _SHARE if account.attack else 1.0
    return replace(account, writer=_repeating(account.writer, camouflage, share))


def _repeating(writer: Writer, camouflage: Sequence[str], share: float) -> Writer:
    def write(dice: Dice) -> Text:
        if dice.chance(share):
            return Text(None, dice.pick(camouflage))
        return writer(dice)

    return write
