"""The benign crowd of a plan: real traces' behaviour where they are there, and every twin."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING

import real_sources as sources

from quality import observed
from quality.jargon import with_jargon
from quality.plan import DAY_S
from stream.tools.simulate.benign.company import company
from stream.tools.simulate.benign.conversing import conversing, failing_over, opening_alike
from stream.tools.simulate.benign.customers import joining, teamed
from stream.tools.simulate.benign.jobs import batches, evaluations, pipelines
from stream.tools.simulate.benign.networks import phones, vpn_customers
from stream.tools.simulate.benign.occasions import adopting, benchmarkers, failovers
from stream.tools.simulate.benign.people import people, tool_users
from stream.tools.simulate.benign.services import migrations, services, tutoring
from stream.tools.simulate.benign.shared_key import team_keys
from stream.tools.simulate.dice import Dice
from stream.tools.simulate.planted.turned import standing
from stream.tools.simulate.world import World

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from quality.plan import Plan
    from quality.texts import Texts
    from stream.tools.simulate.account import Account

#: Shares of a simulated service's usual load, so that the whole fits an hour's run.
_SERVICE_SCALE = 0.06
#: Customers that sign up during the traffic, take up the new model, or share a payment.
_NEWCOMERS = 0.07
_ADOPTERS = 0.15
_COLLEAGUES = 0.15


def crowd(plan: Plan, texts: Texts, data: Path | None) -> list[Account]:
    """Make all benign accounts; ids may stand several times, for parts of an account's traffic."""
    world = World(Dice(plan.rng("crowd")), plan.start_s)
    customers = [
        *chain.from_iterable(_people(world, plan, texts, data)),
        *chain.from_iterable(_products(world, plan, texts, data)),
    ]
    accounts = [
        *_lived(world, plan, teamed(world, customers, share=_COLLEAGUES)),
        *with_jargon(_twins(world, plan, texts)),
        *sleepers(plan),
    ]
    return list(conversing(Dice(plan.rng("dialogues")), accounts))


def passing(plan: Plan) -> list[Account]:
    """Make the benign accounts between which conversations pass, or seem to.

    Their traffic is made by itself, so that they change nothing about the crowd's.
    """
    world, sizes = World(Dice(plan.rng("passing")), plan.start_s), plan.crowd
    span_s = plan.days * DAY_S
    links = opening_alike(world, sizes.links, kind="shared-link", openings=6, share=0.3, given=True)
    suggested = opening_alike(
        world, sizes.suggested, kind="suggested", openings=12, share=0.5, given=False
    )
    return [
        *team_keys(world, sizes.team_keys, plan.end_s),
        *failing_over(world, sizes.two_keys, span_s),
        *with_jargon(links, kind="person"),
        *with_jargon(suggested, kind="person"),
    ]


def _lived(world: World, plan: Plan, accounts: Iterable[Account]) -> Iterator[Account]:
    """Let some sign up during the traffic, and some take up the model that is released."""
    release_s = plan.start_s + plan.release_d * DAY_S
    for account in joining(world, accounts, share=_NEWCOMERS, span_s=plan.days * DAY_S):
        if world.dice.chance(_ADOPTERS):
            yield from adopting(world, account, release_s=release_s)
        else:
            yield account


def sleepers(plan: Plan) -> list[Account]:
    """Make the accounts that some campaign will turn; in all other scenarios they stay as they are.

    The one that is taken over comes first.
    """
    world = World(Dice(plan.rng("sleepers")), plan.start_s)
    one, many = plan.campaign("takeover"), plan.campaign("pivot")
    age_d = 14 - plan.begins_d
    accounts = [
        standing(world, one.per_day, age_d),
        *(standing(world, many.per_day) for _ in range(many.accounts)),
    ]
    return list(with_jargon(accounts))


def _people(world: World, plan: Plan, texts: Texts, data: Path | None) -> Iterator[list[Account]]:
    sizes = plan.crowd
    tool = list(tool_users(world, sizes.coders + sizes.tool_users))
    coders, tool = tool[: sizes.coders], tool[sizes.coders :]
    known = people(world, sizes.conversations + sizes.chats + sizes.writers)
    asking = list(with_jargon(known))
    conversations, asking = asking[: sizes.conversations], asking[sizes.conversations :]
    chats, writers = asking[: sizes.chats], asking[sizes.chats :]
    if data is not None:
        rng = plan.rng("azure")
        coders = list(observed.hourly(sources.azure(data, "code", sizes.coders, rng), plan, coders))
        conversations = list(
            observed.hourly(
                sources.azure(data, "conv", sizes.conversations, rng), plan, conversations
            )
        )
        chats = list(observed.hourly(sources.mooncake(data, sizes.chats), plan, chats))
        coding = len(texts.programmers)
        writers = [
            *observed.programmers(plan, texts.programmers, writers[:coding]),
            *observed.writers(plan, texts.prompts, writers[coding:]),
        ]
    yield from (tool, coders, conversations, chats, writers)
    yield list(with_jargon(people(world, sizes.people)))
    yield list(with_jargon(vpn_customers(world, sizes.vpn)))
    yield list(with_jargon(phones(world, sizes.phones)))


def _products(world: World, plan: Plan, texts: Texts, data: Path | None) -> Iterator[list[Account]]:
    sizes = plan.crowd
    followed = list(with_jargon(services(world, sizes.clients, _SERVICE_SCALE)))
    if data is not None:
        followed = list(observed.clients(data, plan, followed))
    others = list(with_jargon(services(world, sizes.services, _SERVICE_SCALE)))
    yield list(observed.documented(plan, [*followed, *others], texts.documents))


def _twins(world: World, plan: Plan, texts: Texts) -> Iterator[Account]:
    sizes, start_s = plan.crowd, plan.start_s
    release_s = start_s + plan.release_d * DAY_S
    for _ in range(2):
        yield from company(world, sizes.staff)
    yield from batches(world, sizes.batches, requests=1500)
    yield from evaluations(world, sizes.evaluations, per_day=900, public=texts.public)
    yield from pipelines(world, sizes.pipelines)
    yield from migrations(world, sizes.migrations, start_s + plan.days * DAY_S / 2, per_day=900)
    yield from tutoring(world, sizes.tutoring, per_day=900)
    yield from benchmarkers(world, sizes.benchmarks, release_s=release_s, public=texts.public)
    yield from failovers(world, sizes.failovers, outage_s=start_s + plan.outage_d * DAY_S)
