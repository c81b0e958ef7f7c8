"""Which context is an account's own, by the tokens of its earlier requests and answers."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stream.accounts.windows.contexts import KEPT, LEAST_TOKENS, QUESTION, Contexts
from stream.accounts.windows.sketches import DAY_S
from stream.store.account_table import AccountTable

START_S = 1_772_409_600.0
#: Input and output tokens of a request.
Asked = tuple[int, int]


class Known:
    """A few accounts, the turns of which are known."""

    def __init__(self) -> None:
        self.table = AccountTable(Contexts.FIELDS, max_accounts=8)
        self.contexts = Contexts(self.table)

    def window(
        self,
        *requests: Asked,
        account: str = "a",
        status: int = 200,
        prompt: int = 0,
        time: float = START_S,
    ) -> list[bool]:
        """Let an account ask; return which of its turns carry context that is not its own."""
        return self.windows({account: [*requests]}, status=status, prompt=prompt, time=time)

    def windows(
        self, asked: dict[str, list[Asked]], *, status: int = 200, prompt: int = 0, time: float
    ) -> list[bool]:
        slots = self.table.slots([*asked], priority=lambda slots: slots.astype(float))
        rows = [one for requests in asked.values() for one in requests]
        into, out = np.array(rows, np.int32).reshape(-1, 2).T
        columns: dict[str, Any] = {
            "input_tokens": into,
            "output_tokens": out,
            "status": np.full(len(rows), status, np.int16),
            "prompt": np.full(len(rows), prompt, np.uint64),
            "conversation": np.zeros(len(rows), np.uint64),
        }
        at = np.cumsum([0, *(len(one) for one in asked.values())])[:-1]
        return self.contexts.add(slots, columns, at, time).unexplained.tolist()

    def share(self, account: str = "a") -> float:
        slot = self.table.slot(account)
        return float(self.contexts.unexplained_share(np.array([slot]))[0])


def talk(first: int, *, turns: int, question: int = 40, answer: int = 300) -> list[Asked]:
    """Return the requests of a conversation whose context is all of it."""
    return [(first + n * (question + answer), answer) for n in range(turns)]


def test_what_its_own_turns_add_up_to_is_explained_in_one_window_and_over_many() -> None:
    turns = talk(600, turns=6)
    assert Known().window(*turns) == [True, *[False] * 5]
    known = Known()
    assert [known.window(turn) for turn in turns] == [[True], *[[False]] * 5]


def test_what_another_account_produced_is_not_explained() -> None:
    known = Known()
    first, *others = talk(600, turns=4)
    known.window(first)
    assert [known.window(turn, account="b") for turn in others] == [[True], [False], [False]]
    both = {"a": [first], "c": [others[0]]}
    assert known.windows(both, time=START_S) == [True, True]


def test_the_question_may_be_as_long_as_a_page_and_the_answer_loses_a_few_tokens() -> None:
    least, below = QUESTION
    for question, expected in (
        (least - 1, True),
        (least, False),
        (below - 1, False),
        (below, True),
    ):
        known = Known()
        known.window((1000, 500))
        assert known.window((1500 + question, 10)) == [expected], question


def test_a_question_carries_no_context() -> None:
    known = Known()
    assert known.window((LEAST_TOKENS - 1, 200)) == [False]
    assert math.isnan(known.share())


def test_an_edit_and_a_new_answer_are_explained_by_the_turn_before() -> None:
    known = Known()
    known.window(*talk(600, turns=3))
    again = talk(600, turns=3)[-1]
    assert known.window(again, (again[0] + 30, 80)) == [False, False]


def test_conversations_side_by_side_are_known() -> None:
    known = Known()
    talks = [talk(600 + 5000 * n, turns=4) for n in range(KEPT)]
    rounds = [known.window(*turns) for turns in zip(*talks, strict=True)]
    assert rounds == [[True] * KEPT, *[[False] * KEPT] * 3]
    # One more is too much, in turn.
    more = Known()
    talks.append(talk(600 + 5000 * KEPT, turns=4))
    rounds = [more.window(*turns) for turns in zip(*talks, strict=True)]
    assert all(any(one) for one in rounds)


@pytest.mark.parametrize(
    "requests",
    [
        pytest.param([(2400, 150)] * 12, id="a service with a fixed prompt"),
        pytest.param([(700 + 613 * n % 5003, 90) for n in range(12)], id="documents"),
        pytest.param([(1200 + n % 3, 700) for n in range(12)], id="a trimmed history"),
    ],
)
def test_context_from_elsewhere_is_not_explained(requests: list[Asked]) -> None:
    known = Known()
    for one in requests:
        known.window(one)
    assert known.share() > 0.8


def test_a_person_explains_most_of_the_context() -> None:
    known = Known()
    for n in range(6):
        for turn in talk(100 + 700 * n, turns=8):
            known.window(turn)
    assert known.share() < 0.2


def test_a_request_that_failed_is_no_turn() -> None:
    known = Known()
    assert known.window((900, 300), status=429) == []
    assert known.window((1240, 10)) == [True]
    assert known.window((900, 0)) == []


def test_with_text_it_counts_nothing() -> None:
    known = Known()
    assert known.window(*talk(600, turns=20), prompt=7) == []
    assert math.isnan(known.share())


def test_old_requests_fade() -> None:
    known = Known()
    for n in range(20):
        known.window((2000 + 900 * n, 1))
    assert known.share() == 1
    for day in range(1, 5):
        for turn in talk(600, turns=20):
            known.window(turn, time=START_S + day * DAY_S)
    assert known.share() < 0.12


requests = st.tuples(st.integers(0, 3000), st.integers(0, 900))


@given(st.lists(st.lists(st.tuples(st.sampled_from("ab"), requests), max_size=14), max_size=6))
@settings(deadline=None, max_examples=100)
def test_as_request_by_request(played: list[list[tuple[str, Asked]]]) -> None:
    known, turns, found, expected = Known(), dict[str, list[int]](a=[], b=[]), [], []
    for window in played:
        asked = {name: [one for who, one in window if who == name] for name in "ab"}
        asked = {name: some for name, some in asked.items() if some}
        if not asked:
            continue
        found += known.windows(asked, time=START_S)
        least, below = QUESTION
        for name, some in asked.items():
            before = turns[name][-KEPT:]
            new: list[int] = []
            for into, out in some:
                if out:
                    # Those that the window began with are known to its end.
                    near = any(least <= into - one < below for one in [*before, *new[-KEPT:]])
                    expected.append(into >= LEAST_TOKENS and not near)
                    new.append(into + out)
            turns[name] += new
    assert found == expected
