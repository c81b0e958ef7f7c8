"""Whatever happens, a gateway ends as the decisions and its administrator want."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from random import Random
from typing import TYPE_CHECKING, Any

from hypothesis import given, settings
from hypothesis import strategies as st

from stream.core.decisions import Limits
from stream.decisions.native_limits import LIMIT_NAMES, LimitState
from stream.enforcement.admin.account_queue import AccountQueue
from stream.enforcement.admin.admin_gateway import AdminError, GatewayAccount
from testlib.admin_apis import Keeping

if TYPE_CHECKING:
    from stream.core.decisions import Action

ACCOUNTS = ("a", "b")
RATES = (None, 3, 50, 900)


class Table:
    """A gateway in memory that fails as it is told: before a call counts, or after it."""

    def __init__(self) -> None:
        self.states = {
            account: {name: LimitState() for name in LIMIT_NAMES} for account in ACCOUNTS
        }
        self.writes = 0
        self.faults: list[str] = []  # of the next calls

    async def read(self, account: str) -> GatewayAccount:
        self._fail("before")
        return GatewayAccount(account=account, limits=dict(self.states[account]))

    async def write(self, known: GatewayAccount, changes: Any, person: str) -> None:  # noqa: ARG002
        self._fail("before", keep="after")
        self.states[known.account].update(changes)
        self.writes += 1
        self._fail("after")

    async def marked(self) -> Any:
        for account, limits in self.states.items():
            if any(one.mark for one in limits.values()):
                yield account

    async def close(self) -> None:
        """Nothing is open."""

    def _fail(self, *kinds: str, keep: str = "") -> None:
        if self.faults and self.faults[0] != keep and self.faults.pop(0) in kinds:
            raise AdminError("unavailable", "it is away")


@dataclass
class World:
    """What people have done, by which the outcome is judged."""

    administrators: dict[str, dict[str, int | None]]
    rates: dict[str, tuple[str, int | None]]  # decision -> account and rate, None: suspended


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("suspend"), st.sampled_from(ACCOUNTS)),
        st.tuples(st.just("throttle"), st.sampled_from(ACCOUNTS), st.sampled_from([2, 10, 60])),
        st.tuples(st.just("undo"), st.integers(0, 5)),
        st.tuples(st.just("block"), st.sampled_from(ACCOUNTS), st.booleans()),
        st.tuples(st.just("limit"), st.sampled_from(ACCOUNTS), st.sampled_from(RATES)),
        st.tuples(st.just("crash"), st.integers(0, 1)),
        st.tuples(st.just("work"), st.integers(0, 1)),
        st.tuples(st.just("compare"), st.integers(0, 1)),
        st.tuples(st.just("fault"), st.sampled_from(["before", "after", "none"])),
    ),
    max_size=25,
)


@settings(deadline=None)
@given(STEPS)
def test_any_order_of_events_ends_as_decisions_and_administrators_want(steps):
    asyncio.run(_played(steps))


async def _played(steps: list[Any]) -> None:
    """Two enforcers work on one gateway; the second one hears of decisions only when it works."""
    table = Table()
    pair = [Keeping(table), Keeping(table)]
    world = World({one: {"block": None, "rate": None} for one in ACCOUNTS}, {})
    for step in steps:
        await _step(table, pair, world, *step)
    table.faults.clear()
    for _ in range(2):  # whoever is behind may have changed what the other had done
        for one in pair:
            await one.compare()
            await one.later()
    for account in ACCOUNTS:
        for name in LIMIT_NAMES:
            assert table.states[account][name].limit == _expected(world, account, name)
    writes = table.writes
    for one in pair:
        one.start_again()
        await one.compare()
    assert table.writes == writes  # all is as it should be
    for one in pair:
        for decision in list(world.rates):
            one.undo(decision)
        await one.compare()
    for account in ACCOUNTS:
        limits = {name: one.limit for name, one in table.states[account].items()}
        assert limits == world.administrators[account]
        assert not any(one.mark for one in table.states[account].values())


async def _step(table: Table, pair: list[Keeping], world: World, kind: str, *given: Any) -> None:
    match kind, given:
        case "crash", (number,):
            pair[number].start_again()
        case "work", (number,):
            await pair[number].later(1)
        case "compare", (number,):
            if not table.faults:
                await pair[number].compare()
        case "fault", (fault,):
            table.faults.append(fault)
        case _:
            _people(table, pair, world, kind, *given)


def _people(table: Table, pair: list[Keeping], world: World, kind: str, *given: Any) -> None:
    match kind, given:
        case "suspend", (account,):
            _decide(pair, world, account, None)
        case "throttle", (account, rate):
            _decide(pair, world, account, rate)
        case "undo", (number,) if number < len(world.rates):
            decision = list(world.rates)[number]
            del world.rates[decision]
            for one in pair:
                one.undo(decision)
        case "block", (account, blocked):
            _administer(table, world, account, "block", 0 if blocked else None)
        case "limit", (account, limit):
            _administer(table, world, account, "rate", limit)


def _decide(pair: list[Keeping], world: World, account: str, rate: int | None) -> None:
    number = 1 + max((int(one[-3:]) for one in world.rates), default=0)
    number = max(number, 1 + len(pair[0].register))
    limits = Limits(requests_per_minute=rate)
    action: Action = "throttle" if rate else "suspend"
    for one in pair:
        name = one.decide(number, account, action, limits=limits)
    world.rates[name] = account, rate


def _administer(table: Table, world: World, account: str, name: Any, limit: int | None) -> None:
    """Change a limit; one that is exactly ours already is no change that can be seen."""
    known = table.states[account][name]
    if known.mark and limit == known.mark.set:
        return
    table.states[account][name] = replace(known, limit=limit)
    world.administrators[account][name] = limit


def _expected(world: World, account: str, name: str) -> int | None:
    wanted = [rate for one, rate in world.rates.values() if one == account]
    if name == "block":
        limits = [0 for rate in wanted if rate is None]
    else:
        limits = [rate for rate in wanted if rate is not None]
    limits += [one for one in [world.administrators[account][name]] if one is not None]
    return min(limits, default=None)


async def test_one_account_is_changed_by_one_step_at_a_time():
    busy: list[str] = []

    class Slow(Table):
        async def read(self, account: str) -> GatewayAccount:
            assert account not in busy
            busy.append(account)
            return await super().read(account)

        async def write(self, known: GatewayAccount, changes: Any, person: str) -> None:
            if len(keeping.in_force()) == 1:
                keeping.undo(f"dec_{1:020d}")  # while it is carried out
                await keeping.reconciler.look()
                assert not await keeping.reconciler.work()
            await super().write(known, changes, person)
            busy.remove(known.account)

    table = Slow()
    keeping = Keeping(table)
    keeping.decide(1, "a")
    await keeping.reconciler.look()
    assert await keeping.reconciler.work()
    assert table.states["a"]["block"].mark
    assert keeping.counted("accounts", standing="pending") == 1
    await keeping.settle()
    assert table.states["a"]["block"] == LimitState()


async def test_all_accounts_wait_while_the_gateway_is_away_and_no_longer():
    keeping = Keeping(Table(), accounts_a_minute=60, longest_retry_s=30)
    pace = keeping.reconciler.pace
    pace.count()
    assert pace.paused_s == 1  # 60 accounts a minute
    keeping.passed += 1
    for _ in range(20):
        pace.failed(AdminError("unavailable", "x"))
    assert 0 < pace.paused_s <= 30
    pace.failed(AdminError("unavailable", "x", delay_s=45))
    assert pace.paused_s == 45
    pace.succeeded()
    assert pace.paused_s == 0


def test_an_account_that_fails_delays_no_other_and_is_tried_later_each_time():
    queue = AccountQueue(longest_retry_s=60, random=Random(1))
    queue.add("bad", 0.0)
    queue.add("good", 0.0)
    queue.compare("routine")
    assert queue.take(0.0) == "bad"
    queue.retry("bad", 0.0)
    assert queue.take(0.0) == "good"
    queue.finish("good")
    assert queue.take(0.0) == "routine"
    queue.finish("routine")
    assert (queue.pending, queue.oldest_s(5.0)) == (1, 5.0)
    for failures in range(1, 50):
        assert queue.take(100.0 * failures) == "bad"
        queue.retry("bad", 100.0 * failures)
    assert queue.take(10_000.0) == "bad"
    queue.finish("bad")
    assert (queue.pending, queue.take(1e9)) == (0, None)
