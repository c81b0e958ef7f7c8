"""An account's age depends on its events and the stream's, not on evictions or restarts."""

from __future__ import annotations

from dataclasses import replace

import msgspec
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from stream.accounts.features.table import compute
from stream.core.events import EVENT_COLUMNS, EventBatch
from stream.metrics import Metrics
from stream.pipeline.accounts import AccountsStage
from stream.pipeline.build import accounts_task
from stream.settings import Settings

WINDOW_S = 3600.0
START = 1_760_000_400.0
#: Where so many accounts are known, a few more than needed are evicted at once: their slots stay
#: free for a while, with what was in them.
ROOM = 192
FEW = replace(
    Settings().stages,
    tasks=1,
    windows=msgspec.structs.replace(Settings().windows, window_s=WINDOW_S, max_accounts=ROOM),
)


def stage() -> AccountsStage:
    made = accounts_task(FEW, 0, Metrics())._stage
    assert isinstance(made, AccountsStage)
    return made


def step(to: AccountsStage, hour: int, accounts: list[str]) -> None:
    columns = {name: np.zeros(len(accounts), dtype) for name, dtype in EVENT_COLUMNS.items()}
    columns["time"][:] = START + hour * WINDOW_S + 1
    columns["created_at"][:] = np.nan
    columns["account"][:] = np.arange(len(accounts))
    to.process_window(START + (hour + 1) * WINDOW_S, [EventBatch(accounts, columns)])


def features(of: AccountsStage, hour: int) -> dict[str, list[float]]:
    slots = of._state.table.columns.in_use
    matrix = compute(of._state.windows, slots, START + (hour + 1) * WINDOW_S)
    return {
        of._state.table.name(s): row.tolist() for s, row in zip(slots.tolist(), matrix, strict=True)
    }


@settings(deadline=None, max_examples=15)
@given(
    early=st.integers(ROOM - 6, ROOM - 3),
    visits=st.lists(
        st.tuples(st.sampled_from([30, 75, 80, 85, 100]), st.integers(0, 9)),
        min_size=1,
        max_size=12,
    ),
)
def test_a_successor_computes_the_same_features(early: int, visits: list[tuple[int, int]]) -> None:
    one, log = stage(), {}
    step(one, 0, ["earliest 1", "earliest 2", "earliest 3"])
    for portion in batched([f"early{n:03}" for n in range(early)], 20):
        step(one, 20, portion)
    for hour in sorted({hour for hour, _ in visits}):
        step(one, hour, sorted({f"a{account}" for other, account in visits if other == hour}))
        log |= dict(one.take_changes())
    recovered_task = stage()
    recovered_task.load("windows", [*log.items()])
    for part in recovered_task.layouts:
        recovered_task.loaded(part)
    np.testing.assert_equal(features(recovered_task, hour), features(one, hour))


def batched(names: list[str], size: int) -> list[list[str]]:
    return [names[first : first + size] for first in range(0, len(names), size)]


def test_a_newcomer_is_new_although_the_earliest_account_is_evicted() -> None:
    one = stage()
    step(one, 0, ["earliest"])
    for hour in range(4 * 24, 4 * 24 + ROOM):
        step(one, hour, [f"a{hour}"])
    assert one._state.table.slot("earliest") is None
    slot = np.array([one._state.table.slot(f"a{hour}")])
    age = one._state.windows.age_s(slot, START + (hour + 1) * WINDOW_S)
    assert age.tolist() == [WINDOW_S - 1]


def test_who_is_there_from_the_beginning_has_no_known_age() -> None:
    one = stage()
    step(one, 0, ["a"])
    step(one, 24, ["b"])
    age = one._state.windows.age_s(
        np.array([one._state.table.slot("a"), one._state.table.slot("b")]), START + 1e5
    )
    assert np.isnan(age).all()
