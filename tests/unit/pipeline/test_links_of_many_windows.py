"""Making the links of many windows at once gives those of each window, made one by one."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from stream.accounts.windows.account_windows import AccountWindows
from stream.core.links import LinkBatch, LinkKind
from stream.intake.codec.event import RequestEvent
from stream.intake.fingerprint.fingerprinter import Fingerprinter
from stream.pipeline.link_extraction import WindowSnapshot, links_of
from stream.pipeline.window_rows import window_rows
from stream.store.account_table import AccountTable

START_S = 1_772_409_600.0
WINDOW_S = 60.0
ANSWERS = ["first_answer", "response"]
FIELDS = ["system_prompt", "client_ip", "payment_id", "prompt", "first_prompt", *ANSWERS]
NETWORKS = 20

# Account, second of the window, output tokens, which fields it has and what is in them.
asked = st.tuples(
    st.sampled_from("cab"),
    st.integers(0, 59),
    st.integers(0, 1000),
    st.sets(st.sampled_from(FIELDS)),
    st.sampled_from(["one thing and then another", "what is it that they all ask"]),
)
window_lists = st.lists(st.lists(asked, min_size=1, max_size=6), min_size=1, max_size=6)


def value(field: str, text: str, second: int) -> str:
    """Return what a field has: an answer is long enough to be unique."""
    if field == "client_ip":
        return f"10.0.{second % NETWORKS}.1"
    return 4 * text if field in ANSWERS else text


def look(
    number: int, asked: list[tuple[str, int, int, set[str], str]], windows: AccountWindows
) -> list[WindowSnapshot]:
    """Return the looks at one window; account a has turned."""
    end = START_S + number * WINDOW_S
    events = [
        RequestEvent(
            timestamp=end - WINDOW_S + second,
            account_id=name,
            model="m",
            output_tokens=tokens,
            **{field: value(field, text, second) for field in fields},  # type: ignore[arg-type]
        )
        for name, second, tokens, fields, text in asked
    ]
    batch = Fingerprinter(b"salt").columns(events, range(len(events)))
    table, found = windows._table, []
    for rows in window_rows(end, WINDOW_S, [batch], most=2):
        slots = windows.update(rows)
        turned = np.array([START_S if name == "a" else np.nan for name in rows.accounts])
        least = np.where(np.isnan(turned), np.inf, 100)
        found.append(WindowSnapshot.at(rows, windows, table, slots, (turned, least)))
    return found


@given(window_lists)
@settings(deadline=None, max_examples=60)
def test_at_once_as_one_by_one(played: list[list[tuple[str, int, int, set[str], str]]]) -> None:
    windows = AccountWindows(AccountTable(AccountWindows.FIELDS, max_accounts=8))
    looks = [one for number, window in enumerate(played) for one in look(number, window, windows)]
    once, each = links_of(looks), LinkBatch.merge([links_of([one]) for one in looks])
    assert list(once.accounts) == list(each.accounts)
    for name, column in each.columns.items():
        assert once.columns[name].tobytes() == column.tobytes(), name


def test_every_kind_is_among_them() -> None:
    played = [
        ("a", i, 500, {*FIELDS}, f"one thing {i} and then another {i}") for i in range(NETWORKS)
    ]
    windows = AccountWindows(AccountTable(AccountWindows.FIELDS, max_accounts=8))
    kinds = set(links_of(look(0, played, windows)).columns["kind"].tolist())
    # Alerting finds topics, successions and contexts that others produced.
    found_later = {LinkKind.TOPIC, LinkKind.SUCCESSION, LinkKind.CONTEXT}
    assert kinds == {*LinkKind} - {LinkKind.CLIENT, LinkKind.INDICATOR} - found_later
