"""Machines on a timetable: nightly batches, a nightly evaluation, build pipelines, a benchmark.

These look like extraction: one template with unique tails, long outputs, rubric grading, the same
items again and again, one key from many addresses. Sizes are chosen, not fitted: no public trace
names such jobs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from stream.tools.simulate import language
from stream.tools.simulate.account import (
    Account,
    Address,
    CallParameters,
    Origin,
    Paper,
    Text,
    Tokens,
)
from stream.tools.simulate.benign.services import filling, frame
from stream.tools.simulate.rhythms import Nightly, Runs, Steady
from stream.tools.simulate.vocabulary import SUBJECTS
from stream.tools.simulate.world import SDKS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from stream.tools.simulate.account import Software, Writer
    from stream.tools.simulate.dice import Dice
    from stream.tools.simulate.world import World


def batches(world: World, count: int, requests: float = 4000) -> Iterator[Account]:
    """Yield nightly jobs: one template over unique documents, long outputs; a few never end."""
    d = world.dice
    for number in range(count):
        subject = language.own(d, d.pick(SUBJECTS))
        organization, payment = world.company()
        size = d.lognormal(requests, 0.5)
        endless = number % 5 == 4  # noqa: PLR2004 - every fifth
        nightly = Nightly(requests=size, hour=d.between(0, 24), rate=d.lognormal(0.6, 0.5))
        yield Account(
            account_id=world.account_id(),
            kind="batch",
            rhythm=Steady(per_day=size, swing=0.2) if endless else nightly,
            writer=filling(
                language.system_prompt(d, subject, 4) if d.chance(0.5) else None,
                frame(d, subject),
                subject,
                9,
            ),
            tokens=Tokens(d.lognormal(900, 0.6), 0.5, d.lognormal(800, 0.5), 0.5),
            calls=CallParameters(
                models=(d.pick(("atlas-large", "atlas-mini")),),
                temperatures=(d.pick((0.0, 0.7, 1.0)),),
                max_tokens=4096,
                limited=0.03,
            ),
            origin=Origin((world.cloud(), world.cloud()), (world.sdk(),), moves=0.05),
            paper=Paper(world.created(0.15), "payg", payment, organization),
            cv=d.between(0.6, 1.4),
        )


def evaluations(
    world: World,
    count: int,
    per_day: float = 2500,
    public: Sequence[Sequence[str]] = (),
) -> Iterator[Account]:
    """Yield teams that put the same few hundred items to the models night after night.

    ``public`` are sets of items in common use: half of the teams take theirs from there.
    """
    d = world.dice
    for number in range(count):
        items: Sequence[str] = [item(d) for _ in range(200 + d.below(300))]
        if public and number % 4 in {1, 2}:
            items = d.pick(public)
        organization, payment = world.company()
        rubric = (
            "Grade the answer from 1 to 10 against the rubric and explain each point: "
            + language.instruction(d, d.pick(SUBJECTS))
        )
        hourly = number % 2 == 1
        yield Account(
            account_id=world.account_id(),
            kind="evaluation",
            rhythm=Steady(per_day=per_day)
            if hourly
            else Nightly(requests=per_day, hour=d.between(0, 24), rate=0.9),
            writer=_replaying(items, rubric),
            tokens=Tokens(450, 0.4, d.lognormal(350, 0.4), 0.7),
            calls=CallParameters(
                models=("atlas-large", "atlas-mini", "atlas-reason"),
                temperatures=(0.0, 1.0),
                max_tokens=2048,
                logprobs=1.0,
            ),
            origin=Origin((world.cloud(),), (world.sdk(),)),
            paper=Paper(world.created(0.2), "team", payment, organization),
            cv=1.0,
        )


def item(dice: Dice) -> str:
    """Write one item of a test set."""
    subject = dice.pick(SUBJECTS)
    return f"{language.instruction(dice, subject)}\n{language.passage(dice, subject, 2)}"


def _replaying(items: Sequence[str], rubric: str) -> Writer:
    def write(dice: Dice) -> Text:
        item = dice.pick(items)
        return Text(None, f"{rubric}\n\n{item}" if dice.chance(0.4) else item)

    return write


def pipelines(world: World, count: int) -> Iterator[Account]:
    """Yield build runners: one key, an address per runner, several client versions."""
    d = world.dice
    runners = [
        Address(f"10.{d.below(256)}.{d.below(256)}.{1 + d.below(254)}", 64512 + d.below(3), "US")
        for _ in range(400)
    ]
    for _ in range(count):
        organization, payment = world.company()
        project = language.identifier(d)
        system = language.system_prompt(d, language.SOFTWARE, 5)
        yield Account(
            account_id=world.account_id(),
            kind="pipeline",
            rhythm=Runs(
                per_day=d.lognormal(35, 0.5), requests=25, rate=0.5, zone_h=d.between(-8, 9)
            ),
            writer=_reviewing(system, project),
            tokens=Tokens(d.lognormal(2500, 0.4), 0.8, d.lognormal(250, 0.4), 0.8, 0.3),
            calls=CallParameters(models=("atlas-large",), temperatures=(0.0, None), errors=0.03),
            origin=Origin(
                d.some(runners, 150),
                tuple(_versions(world, d)),
                moves=0.15,
                restarts=0.1,
            ),
            paper=Paper(world.created(), "team", payment, organization),
            cv=2.0,
        )


def _versions(world: World, dice: Dice) -> Iterator[Software]:
    for _ in range(4):
        yield world.sdk()._replace(agent=dice.pick(SDKS) + f" ci/{dice.below(9)}")


def _reviewing(system: str, project: str) -> Writer:
    def write(dice: Dice) -> Text:
        path = f"{project}/{language.identifier(dice)}"
        return Text(system, f"Review this change of {path}\n{language.code(dice, 4)}")

    return write
