"""A commit that hangs, brokers that do not answer, and commits that merely take long."""

from types import SimpleNamespace
from typing import Any

import pytest

from stream.core.errors import BrokerError
from stream.worker.commit_watch import CommitWatch


class Brokers:
    answer = True

    async def __call__(self) -> None:
        if not self.answer:
            raise BrokerError("no broker answers")


@pytest.fixture
def runtime() -> Any:
    return SimpleNamespace(commit_began=None)


async def test_a_commit_that_hangs_ends_the_worker(runtime: Any) -> None:
    watch = CommitWatch(runtime, Brokers(), longest_s=120)
    runtime.commit_began = 1000.0
    for now in range(1000, 1240, 10):
        await watch.check(now)
    with pytest.raises(BrokerError, match="has not ended for 240 s although the brokers answer"):
        await watch.check(1240)


async def test_an_outage_is_waited_for(runtime: Any) -> None:
    brokers = Brokers()
    watch = CommitWatch(runtime, brokers, longest_s=120)
    runtime.commit_began = 1000.0
    brokers.answer = False
    for now in range(1000, 5000, 10):
        await watch.check(now)
    brokers.answer = True
    for now in range(5000, 5120, 10):
        await watch.check(now)
    with pytest.raises(BrokerError):
        await watch.check(5120)


async def test_commits_that_end_are_not_added_up(runtime: Any) -> None:
    watch = CommitWatch(runtime, Brokers(), longest_s=120)
    for now in range(1000, 5000, 10):
        runtime.commit_began = now // 200 * 200.0
        await watch.check(now)
    runtime.commit_began = None
    await watch.check(9000)
