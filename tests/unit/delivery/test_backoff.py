from __future__ import annotations

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.delivery.backoff import full_jitter, retry_after


@given(st.integers(1, 10_000), st.integers())
def test_a_pause_stays_within_its_bound(failures: int, seed: int) -> None:
    pause = full_jitter(failures, first_s=5, longest_s=3600, random=Random(seed))
    assert 0 <= pause <= min(5 * 2 ** min(failures - 1, 20), 3600)


def test_pauses_grow_and_spread() -> None:
    random = Random(1)
    late = [full_jitter(20, first_s=5, longest_s=3600, random=random) for _ in range(500)]
    assert min(late) < 100
    assert max(late) > 3500


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (None, 0),
        ("", 0),
        ("0", 0),
        ("12", 12),
        (" 12 ", 12),
        ("9" * 400, 3600),
        ("-5", 0),
        ("soon", 0),
        ("²", 0),
        ("Thu, 01 Jan 1970 00:01:00 GMT", 50),
        ("Thu, 01 Jan 1970 00:01:00 -0000", 50),
        ("Thu, 01 Jan 1970 00:00:00 GMT", 0),
        ("Fri, 01 Jan 2100 00:00:00 GMT", 3600),
        ("Thu, 99 Jan 1970 00:01:00 GMT", 0),
    ],
)
def test_the_delay_that_a_receiver_requests(header: str | None, seconds: float) -> None:
    assert retry_after(header, now_s=10.0, longest_s=3600) == seconds


@given(st.text())
def test_no_header_breaks_it(header: str) -> None:
    assert 0 <= retry_after(header, now_s=1.8e9, longest_s=60) <= 60
