"""Traffic by account and bin is what a plain count of the same events gives."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.intake.codec.event import RequestEvent
from stream.tools.report.account_traffic import WIDTHS, Traffic

EVENTS = st.lists(
    st.builds(
        RequestEvent,
        timestamp=st.floats(1e9, 1e9 + 90_000),
        account_id=st.sampled_from("abcde"),
        model=st.just("m"),
        input_tokens=st.none() | st.integers(0, 10**9),
        output_tokens=st.none() | st.integers(0, 10**9),
    ),
    min_size=1,
    max_size=60,
)


def observed(events, cuts, most):
    traffic = Traffic(most)
    for part in np.array_split(np.array(events, object), cuts):
        traffic.observe(part.tolist())
        traffic.total()  # settles
    return traffic


@given(EVENTS, st.integers(1, 4), st.sampled_from([1, 10, 1000]))
def test_it_is_a_plain_count(events, cuts, most):
    traffic = observed(events, cuts, most)
    for name in "abcdef":
        own = [event for event in events if event.account_id == name]
        found = traffic.account(name)
        if not own:
            assert found is None
            continue
        times = [event.timestamp for event in own]
        assert (found.first, found.last) == (min(times), max(times))
        assert found.requests == len(own)
        assert found.input_tokens == sum(event.input_tokens or 0 for event in own)
        assert found.output_tokens == sum(event.output_tokens or 0 for event in own)
    assert traffic.total("ab")[0] == sum(event.account_id in "ab" for event in events)
    width_s = next(w for w in WIDTHS if w >= max(traffic.width_s, 3600))
    series = traffic.series("ab", width_s=width_s)
    expected = np.zeros(len(series.requests), int)
    for event in events:
        if event.account_id in "ab":
            expected[int(event.timestamp // width_s - series.start_s // width_s)] += 1
    assert series.requests.tolist() == expected.tolist()


def test_rows_are_bounded_by_wider_bins():
    traffic = Traffic(most_rows=50)
    events = [
        RequestEvent(timestamp=1e9 + 600 * n, account_id=str(n % 5), model="m", output_tokens=1)
        for n in range(1000)
    ]
    traffic.observe(events)
    assert traffic.total() == (1000, 0, 1000)
    assert len(traffic._keys) <= 50
    assert traffic.width_s == 86_400


@pytest.mark.parametrize("accounts", [(), ("nobody",)])
def test_those_without_requests_have_a_line_of_zeros(accounts):
    traffic = Traffic()
    traffic.observe([RequestEvent(timestamp=1e9, account_id="a", model="m")])
    assert traffic.series(accounts, width_s=60).requests.tolist() == [0]
    assert Traffic().total() == (0, 0, 0)
