"""Products that call from servers: bursty services, a tutoring product, a migrated key.

Fitted to the 109 clients of the ServeGen trace (m-mid), volume scaled down to what a demo can
carry (their median is 77,000 requests a day): share of active ten-minute windows 0.001 / 0.02 /
0.10 / 0.51 / 0.96 at the 5th to 95th percentile of the clients with token data, peak over mean
3 / 14 / 42 / 204 / 1,531, gap CV 1.0 / 1.1 / 1.7 / 3.2 / 25, median input 132 / 245 / 385 / 1,109 /
5,136 tokens, output over input 0.006 / 0.05 / 0.10 / 0.23 / 1.07, sigma within a client about 0.3
(input) and 0.5 (output).
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from stream.tools.simulate import language
from stream.tools.simulate.account import Account, CallParameters, Origin, Paper, Text, Tokens
from stream.tools.simulate.rhythms import HOME, OFFICE, Between, Bursts
from stream.tools.simulate.vocabulary import SUBJECTS, Subject

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stream.tools.simulate.account import Writer
    from stream.tools.simulate.dice import Dice
    from stream.tools.simulate.world import World


def _lengths(d: Dice) -> Tokens:
    median = min(d.lognormal(400, 1.15), 30_000)
    ratio = min(d.lognormal(0.10, 1.35), 6.0)
    return Tokens(
        median,
        min(d.lognormal(0.3, 0.9), 1.3),
        max(1.0, min(median * ratio, 3000.0)),
        min(d.lognormal(0.5, 0.7), 1.5),
        cached_share=d.between(0.0, 0.6),
        reasoning_share=0.7 if d.chance(0.12) else 0.0,
    )


def _bursts(d: Dice, scale: float) -> Bursts:
    # A fifth is always on; the shares of the others are spread evenly over the orders of magnitude.
    active = 0.96 if d.chance(0.18) else max(0.01, math.exp(d.between(-5.2, -0.2)))
    return Bursts(
        per_day=min(d.lognormal(1500 * scale, 1.3), 15_000 * scale),
        active=active,
        on_s=d.lognormal(900, 0.8),
        peak_sigma=d.between(0.4, 1.8),
        zone_h=d.between(-8, 9),
        hours=d.pick((None, HOME, OFFICE)),
    )


def filling(system: str | None, frame: str, subject: Subject, sentences: int) -> Writer:
    """Write the prompts of a template: a fixed frame around material that never repeats."""

    def write(dice: Dice) -> Text:
        body = language.passage(dice, subject, 1 + dice.below(sentences))
        return Text(system, f"{frame}\n\n{body}")

    return write


def frame(dice: Dice, subject: Subject) -> str:
    """Write the fixed words that a product puts in front of its data."""
    return f"{language.instruction(dice, subject).capitalize()}. {language.name(dice)} format:"


def service(world: World, scale: float = 1.0) -> Account:
    """Make one product of one company, on a few servers."""
    d = world.dice
    subject = language.own(d, d.pick(SUBJECTS))
    organization, payment = world.company()
    system = language.system_prompt(d, subject, 2 + d.below(9)) if d.chance(0.75) else None
    return Account(
        account_id=world.account_id(),
        kind="service",
        rhythm=_bursts(d, scale),
        writer=filling(system, frame(d, subject), subject, 2 + d.below(7)),
        tokens=_lengths(d),
        calls=CallParameters(
            models=(d.pick(("atlas-large", "atlas-mini", "atlas-mini", "atlas-reason")),),
            temperatures=(d.pick((0.0, 0.0, 0.2, 0.7, 1.0, None)),),
            max_tokens=d.pick((None, 64, 256, 1024, 4096)),
            logprobs=1.0 if d.chance(0.08) else 0.0,
            stream=float(d.chance(0.3)),
            errors=min(d.lognormal(0.008, 0.9), 0.2),
            limited=0.02 if d.chance(0.2) else 0.0,
        ),
        origin=Origin(
            tuple(world.cloud() for _ in range(1 + min(d.below(6), d.below(6)))),
            (world.sdk(),),
            moves=0.4,
        ),
        paper=Paper(world.created(), d.pick(("payg", "team", "enterprise")), payment, organization),
        cv=min(d.lognormal(1.7, 0.6), 8.0),
    )


def services(world: World, count: int, scale: float = 1.0) -> Iterator[Account]:
    """Yield unrelated products."""
    for _ in range(count):
        yield service(world, scale)


def migrations(world: World, count: int, at_s: float, per_day: float = 2500) -> Iterator[Account]:
    """Yield pairs: a product and, from about ``at_s``, its new account at full rate at once."""
    d = world.dice
    for _ in range(count):
        old = service(world)
        when = at_s + d.between(-4, 4) * 3600
        paper = Paper(when - d.between(0.1, 20) * 3600, *_terms(old.paper))
        rate, active = d.lognormal(per_day, 0.4), d.between(0.4, 0.96)
        for account_id, papers, start_s, end_s in (
            (old.account_id, old.paper, 0.0, when + 1800),
            (world.account_id(), paper, when, math.inf),
        ):
            inner = Bursts(per_day=rate, active=active, on_s=3600, peak_sigma=0.4)
            yield Account(
                account_id=account_id,
                kind="migration",
                rhythm=Between(inner, start_s, end_s),
                writer=old.writer,
                tokens=old.tokens,
                calls=old.calls,
                origin=old.origin,
                paper=papers,
                cv=old.cv,
            )


def _terms(paper: Paper) -> tuple[str, str | None, str | None]:
    return paper.plan, paper.payment_id, paper.organization_id


def tutoring(world: World, count: int, per_day: float = 1800) -> Iterator[Account]:
    """Yield school products that request step-by-step reasoning, a key per region each."""
    d = world.dice
    organization, payment = "", ""
    system, subject = "", SUBJECTS[0]
    for number in range(count):
        if number % 3 == 0:
            organization, payment = world.company()
            subject = language.own(d, d.pick(SUBJECTS))
            system = (
                f"You are {language.name(d)}, a patient tutor. Reason step by step, show the whole "
                "chain of thought before the answer, name each rule, then ask one question back. "
                + language.system_prompt(d, subject, 3)
            )
        yield Account(
            account_id=world.account_id(),
            kind="tutoring",
            rhythm=Bursts(
                per_day=d.lognormal(per_day, 0.5),
                active=0.9,
                on_s=4 * 3600,
                peak_sigma=0.4,
                zone_h=d.between(-8, 9),
                hours=HOME,
            ),
            writer=_pupils(system, subject),
            tokens=Tokens(d.lognormal(600, 0.3), 0.4, d.lognormal(700, 0.3), 0.5, 0.5, 0.5),
            calls=CallParameters(models=("atlas-reason",), temperatures=(1.0,), stream=1.0),
            origin=Origin(tuple(world.cloud() for _ in range(3)), (world.sdk(),), moves=0.5),
            paper=Paper(world.created(), "team", payment, organization),
            cv=1.3,
        )


def _pupils(system: str, subject: Subject) -> Writer:
    def write(dice: Dice) -> Text:
        task = language.instruction(dice, subject)
        numbers = f"{dice.below(900) + 2} and {dice.below(90) + 2}"
        return Text(system, f"{language.name(dice)} asks: {task} when given {numbers}?")

    return write
