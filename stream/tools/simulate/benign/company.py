"""One company's egress gateway: many accounts behind an address or two, one bill, one jargon."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stream.tools.simulate import language
from stream.tools.simulate.account import Account, CallParameters, Origin, Paper, Text, Tokens
from stream.tools.simulate.rhythms import OFFICE, Sessions
from stream.tools.simulate.vocabulary import SUBJECTS, Subject
from stream.tools.simulate.world import ZONES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stream.tools.simulate.account import Writer
    from stream.tools.simulate.dice import Dice
    from stream.tools.simulate.world import World


def company(world: World, count: int) -> Iterator[Account]:
    """Yield the staff: a shared prompt library, shared product names, all on one payment."""
    d = world.dice
    organization, payment = world.company()
    egress = (world.home("DE"), world.home("DE"))
    base = language.own(d, d.pick(SUBJECTS))
    jargon = Subject(
        base.name,
        base.things[:14] + tuple(language.name(d) for _ in range(12)),
        base.acts,
        base.kinds,
    )
    library = [f"{language.instruction(d, jargon).capitalize()}. Text:" for _ in range(12)]
    software = [world.browser(), world.browser(), world.sdk()]
    founded = world.created(0.0)
    rollout = world.created(1.0)
    for _ in range(count):
        yield Account(
            account_id=world.account_id(),
            kind="company",
            rhythm=Sessions(
                per_day=min(d.lognormal(2.5, 0.7), 20),
                gap_s=d.lognormal(110, 0.4),
                messages=d.lognormal(6, 0.5),
                zone_h=ZONES["DE"],
                hours=OFFICE,
                weekend=0.05,
            ),
            writer=_clerk(language.voice(d), jargon, d.some(library, 4)),
            tokens=Tokens(d.lognormal(1300, 0.4), 0.8, d.lognormal(220, 0.4), 0.7),
            calls=CallParameters(models=("atlas-large", "atlas-mini"), stream=0.9),
            origin=Origin(egress, (d.pick(software),), moves=0.1),
            # A department was added this week: all of its accounts are young at once.
            paper=Paper(
                min(
                    rollout + d.between(0, 3600) if d.chance(0.3) else founded + d.between(0, 9e6),
                    world.start_s - 60,
                ),
                "enterprise",
                payment,
                organization,
            ),
            cv=1.2,
        )


def _clerk(voice: language.Voice, jargon: Subject, library: tuple[str, ...]) -> Writer:
    def write(dice: Dice) -> Text:
        luck = dice.unit()
        if luck < 0.25:  # noqa: PLR2004 - a share
            body = language.passage(dice, jargon, 1 + dice.below(5))
            return Text(None, f"{dice.pick(library)}\n{body}")
        if luck < 0.6:  # noqa: PLR2004 - a share
            return Text(None, language.instruction(dice, jargon))
        return Text(None, voice.request(dice))

    return write
