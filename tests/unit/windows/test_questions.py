"""Which conversations are an account's own: those that it began lately, however busy it is."""

from __future__ import annotations

from typing import Any

import numpy as np

from stream.accounts.windows.questions import KEPT, Questions, given
from stream.core.events import questions
from stream.core.links import CONVERSATIONS_A_DAY
from stream.store.account_table import AccountTable
from stream.store.columns import Field

DRAWN = np.random.default_rng(3).integers(1, 2**64, 4096, np.uint64)
NOTHING = np.uint64(0)


class Known:
    """Two accounts, the questions of which are known."""

    def __init__(self) -> None:
        fields = (*Questions.FIELDS, Field("other", np.dtype("u1")))
        self.table = AccountTable(fields, max_accounts=8)
        self.questions = Questions(self.table)

    def window(
        self,
        *,
        prompts: Any = (),  # fingerprints
        contexts: Any = (),
        day: float = 20,
        account: str = "a",
    ) -> list[bool]:
        """Let an account ask and continue; return which contexts are not its own."""
        slots = self.table.slots([account], priority=lambda slots: slots.astype(float))
        columns = {
            "time": np.zeros(len(prompts) + len(contexts)),
            "prompt": np.array([*prompts, *contexts], np.uint64),
            "conversation": np.array([*[NOTHING] * len(prompts), *contexts], np.uint64),
        }
        at, days = np.array([0]), np.array([day])
        self.questions.add(slots, columns, at, days)
        found = self.questions.foreign(slots, columns, at, days)
        return [bool(one) for one in found[len(prompts) :]]


def test_what_an_account_began_is_its_own_and_of_no_other() -> None:
    known = Known()
    assert known.window(prompts=DRAWN[:3], contexts=DRAWN[:1]) == [False]
    assert known.window(contexts=DRAWN[:4]) == [False, False, False, True]
    assert known.window(contexts=DRAWN[:1], account="b") == [True]


def test_the_latest_are_known_and_repeats_take_no_room() -> None:
    known = Known()
    known.window(prompts=DRAWN[:1])
    for n in range(1, KEPT):
        known.window(prompts=[DRAWN[n]] * 3)
    assert known.window(contexts=DRAWN[:KEPT]) == [False] * KEPT
    known.window(prompts=DRAWN[KEPT : KEPT + 1])
    assert known.window(contexts=[DRAWN[0], DRAWN[1], DRAWN[KEPT]]) == [True, False, False]


def test_a_window_of_very_many_fills_the_ring_and_no_more() -> None:
    known = Known()
    known.window(prompts=DRAWN[:1000])
    assert known.window(contexts=DRAWN[:1000]).count(False) == KEPT


def test_what_a_heavy_account_began_is_not_taken_for_the_conversation_of_another() -> None:
    known = Known()
    day = 40.0 * CONVERSATIONS_A_DAY
    for n in range(0, 500, 25):  # its last five hours
        known.window(prompts=DRAWN[n : n + 25], day=day)
    assert not any(known.window(contexts=DRAWN[:500], day=day))
    # Of what it did not begin, a sample shows; also where its pace has dropped to the half.
    foreign = known.window(contexts=DRAWN[1000:], day=day)
    assert 0.015 < np.mean(foreign) < 0.035
    assert not any(known.window(contexts=DRAWN[:500], day=day / 2))


def test_all_accounts_sample_the_same_answers() -> None:
    columns = {"time": np.zeros(8192), "answer": np.append(DRAWN, DRAWN)}
    light, heavy = given(columns, np.array([0, 4096]), np.array([50.0, 640.0])).reshape(2, -1)
    assert light.all()
    assert 0.08 < heavy.mean() < 0.12
    assert questions(DRAWN[heavy]).max() < questions(DRAWN[~heavy]).min()
