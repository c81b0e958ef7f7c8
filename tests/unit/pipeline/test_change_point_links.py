"""Answers after a change point link an account with others that changed on that day."""

from __future__ import annotations

import numpy as np

from stream.accounts.windows.account_windows import AccountWindows, WindowRows
from stream.core.links import LinkKind
from stream.intake.codec.event import RequestEvent
from stream.intake.fingerprint.fingerprinter import Fingerprinter
from stream.pipeline.link_extraction import WindowSnapshot, links_of
from stream.store.account_table import AccountTable

DAY_S = 86_400.0
START_S = 1_772_409_600.0  # midnight
WINDOW_S = 60.0


def linked(change_point: float, answers: list[int], least: float = 200) -> dict[int, int]:
    """Return value -> requests of one account with these answers."""
    events = [
        RequestEvent(timestamp=START_S, account_id="a", model="m", output_tokens=tokens)
        for tokens in answers
    ]
    batch = Fingerprinter(b"salt").columns(events, range(len(events)))
    table = AccountTable(AccountWindows.FIELDS, max_accounts=4)
    windows = AccountWindows(table)
    rows = WindowRows(START_S + WINDOW_S, WINDOW_S, ["a"], np.array([0]), batch.columns)
    change_points = np.array([change_point]), np.array([least])
    found = links_of(
        [WindowSnapshot.at(rows, windows, table, windows.update(rows), change_points)]
    ).columns
    own = found["kind"] == LinkKind.CHANGE_POINT
    value, requests = (found[name][own].tolist() for name in ("value", "requests"))
    return dict(zip(value, requests, strict=True))


def test_only_the_new_answers_count() -> None:
    found = linked(START_S, [900, 20, 300, 199])
    assert list(found.values()) == [2] * 2


def test_without_a_change_point_there_is_no_link() -> None:
    assert linked(float("nan"), [900], least=float("inf")) == {}


def test_change_points_within_half_a_day_have_a_day_in_common() -> None:
    early, noon, late, next_noon = (
        set(linked(START_S + hours * 3600, [900])) for hours in (1, 13, 23.9, 30)
    )
    assert len(early & noon) == len(noon & next_noon) == 1
    assert noon == late
    assert not early & next_noon
