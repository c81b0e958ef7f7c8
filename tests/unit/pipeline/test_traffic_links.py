"""Every link says what its account has done so far and had before the window, by brute force."""

from __future__ import annotations

from collections import defaultdict

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from stream.accounts.windows.account_windows import AccountWindows
from stream.core.packets import ChunkHeader, link_rows, pack, unpack
from stream.intake.codec.event import RequestEvent
from stream.intake.fingerprint.fingerprinter import Fingerprinter
from stream.pipeline.link_extraction import WindowSnapshot, links_of
from stream.pipeline.window_rows import window_rows
from stream.store.account_table import AccountTable

START_S = 1_772_409_600.0
WINDOW_S = 60.0
PANE_S = 600.0

# Account, second of the window, input and output tokens, and which of the optional fields it has.
asked = st.tuples(
    st.sampled_from("abc"),
    st.integers(0, 59),
    st.integers(0, 2**31 - 1),
    st.integers(0, 9),
    st.sets(st.sampled_from(["system_prompt", "client_ip", "payment_id"]), min_size=1),
)
window_lists = st.lists(
    st.tuples(st.integers(1, 40), st.lists(asked, min_size=1, max_size=6)), max_size=8
)


@given(window_lists)
@settings(deadline=None, max_examples=60)
def test_links_carry_the_counters_of_their_accounts(
    played: list[tuple[int, list[tuple[str, int, int, int, set[str]]]]],
) -> None:
    table = AccountTable(AccountWindows.FIELDS, max_accounts=8)
    windows = AccountWindows(table)
    done = defaultdict(lambda: np.zeros(4, np.int64))
    seen: dict[str, list[float]] = defaultdict(list)
    end = START_S
    for pause, requests in played:
        end += pause * WINDOW_S
        before = {name: counted.copy() for name, counted in done.items()}
        events = []
        for name, second, received, sent, fields in requests:
            done[name] += (1, received, sent, sent // 3)
            seen[name].append(end - WINDOW_S + second)
            events.append(
                RequestEvent(
                    timestamp=end - WINDOW_S + second,
                    account_id=name,
                    model="m",
                    input_tokens=received,
                    output_tokens=sent,
                    reasoning_tokens=sent // 3,
                    **dict.fromkeys(fields, "10.0.0.1"),  # type: ignore[arg-type]
                )
            )
        batch = Fingerprinter(b"salt").columns(events, range(len(events)))
        [rows] = window_rows(end, WINDOW_S, [batch], most=8)
        found = links_of([WindowSnapshot.at(rows, windows, table, windows.update(rows))])
        value = pack(source=0, sources=1, header=ChunkHeader(end), rows=found)
        found = link_rows(unpack(value))
        assert {found.accounts[i] for i in found.columns["account"]} == {r[0] for r in requests}
        for at, traffic, earlier in zip(
            *(found.columns[name] for name in ("account", "traffic", "before")), strict=True
        ):
            name = found.accounts[at]
            assert list(traffic["total"]) == done[name].tolist()
            assert list(earlier) == before.get(name, np.zeros(4)).tolist()
            assert (traffic["since"], traffic["seen"]) == (min(seen[name]), end)
            # An hour is six panes of ten minutes; the newest is open, or begins now.
            newest = end // PANE_S
            hour = sum((time - time % WINDOW_S) // PANE_S > newest - 6 for time in seen[name])
            assert traffic["hour_requests"] == hour
