"""What is shown as a duplicate is what the accounts stage does not count."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from stream.accounts.windows.duplicates import MOST_CALLS, calls
from stream.accounts.windows.request_ids import RequestIds
from stream.intake.codec.event import RequestEvent
from stream.intake.fingerprint.fingerprinter import Fingerprinter
from stream.tools.report.repeats import Repeats

WINDOW_S = 60.0
FINGERPRINTER = Fingerprinter(b"salt")

events = st.lists(
    st.fixed_dictionaries(
        {
            "timestamp": st.sampled_from([1.0, 1.5, 59.0, 60.0, 130.0, 300.0, 700.0]),
            "account_id": st.sampled_from("ab"),
            "request_id": st.sampled_from(["r", "s", None, ""]),
            "prompt": st.sampled_from(["one question", "One  Question", "another"]),
            "input_tokens": st.integers(1, 2),
            "output_tokens": st.integers(1, 2),
        }
    ),
    max_size=24,
)


@given(events, st.sampled_from([0.0, 60.0, 600.0]))
def test_they_are_the_copies_of_the_accounts_stage(
    log: list[dict[str, Any]], duplicate_window_s: float
) -> None:
    log.sort(key=lambda event: event["timestamp"])
    repeats, known = (
        Repeats(duplicate_window_s, window_s=WINDOW_S),
        RequestIds(duplicate_window_s, window_s=WINDOW_S),
    )
    shown = [repeats.again(event) for event in log]
    for end in sorted({(event["timestamp"] // WINDOW_S + 1) * WINDOW_S for event in log}):
        here = [n for n, event in enumerate(log) if end - WINDOW_S <= event["timestamp"] < end]
        rows = [RequestEvent(model="m", **log[n]) for n in here]
        found = calls(FINGERPRINTER.columns(rows, here), end, known)
        assert found.copies == sum(shown[n] for n in here)


def test_what_says_nothing_new_is_a_duplicate_and_what_says_more_is_not() -> None:
    repeats = Repeats(600.0, window_s=WINDOW_S)
    call = {"timestamp": 5.0, "account_id": "a", "request_id": "r"}
    assert not repeats.again(call | {"output_tokens": 3})
    assert repeats.again(call)
    assert not repeats.again(call | {"output_tokens": 3, "prompt": "hello"})
    assert repeats.again(call | {"prompt": "hello"})


def test_an_id_for_everything_hides_nothing_and_takes_no_memory() -> None:
    repeats = Repeats(600.0, window_s=WINDOW_S)
    call = {"timestamp": 5.0, "account_id": "a", "request_id": "r"}
    assert not any(repeats.again(call | {"output_tokens": n}) for n in range(1, 1000))
    assert len(repeats._calls["a", "r"]) == MOST_CALLS
