import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.decisions.throttles import Throttles, retry_after


def test_a_caller_has_a_minutes_requests_and_then_waits():
    throttles = Throttles(most=10)
    assert [throttles.wait_s("a", 2, 100.0) for _ in range(2)] == [0, 0]
    assert throttles.wait_s("a", 2, 100.0) == pytest.approx(30)
    assert throttles.wait_s("a", 2, 115.0) == pytest.approx(15)
    assert throttles.wait_s("a", 2, 130.0) == 0
    assert throttles.wait_s("b", 2, 130.0) == 0


@given(
    st.integers(1, 60),
    st.lists(st.floats(0, 20), min_size=1, max_size=200),
)
def test_no_caller_gets_more_than_two_minutes_requests_in_any_minute(rate, pauses):
    throttles, now, passed = Throttles(most=10), 0.0, []
    for pause in pauses:
        now += pause
        if throttles.wait_s("a", rate, now) == 0:
            passed.append(now)
    for end in passed:
        assert sum(end - 60 < at <= end for at in passed) <= 2 * rate


def test_a_clock_that_goes_back_gives_nothing_for_free():
    throttles = Throttles(most=10)
    throttles.wait_s("a", 1, 100.0)
    assert throttles.wait_s("a", 1, 50.0) > 0
    assert throttles.wait_s("a", 1, 101.0) > 0


def test_callers_are_bounded():
    throttles = Throttles(most=3)
    for caller in "abcd":
        throttles.wait_s(caller, 1, 0.0)
    assert throttles.wait_s("a", 1, 1.0) == 0  # forgotten
    assert throttles.wait_s("d", 1, 1.0) > 0


@pytest.mark.parametrize(("wait", "expected"), [(0.01, "1"), (1.0, "1"), (1.2, "2"), (30, "30")])
def test_retry_after_is_in_whole_seconds(wait, expected):
    assert retry_after(wait) == expected
