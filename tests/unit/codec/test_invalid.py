"""A deployment that is broken stops; one that only meets some rubbish does not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.core.errors import InvalidShareError
from stream.intake.codec.invalid import InvalidShare
from stream.intake.codec.settings import IntakeSettings


def share() -> InvalidShare:
    return InvalidShare(IntakeSettings(invalid_span=100, invalid_share=0.5))


def test_it_stops_when_most_of_a_span_is_invalid() -> None:
    watch = share()
    watch.observe(49, 50)
    with pytest.raises(InvalidShareError, match=r"51% of the last 100 records cannot be decoded"):
        watch.observe(0, 1)


def test_less_than_a_span_never_stops_it() -> None:
    share().observe(0, 99)


def test_a_long_good_past_does_not_hide_a_broken_present() -> None:
    watch = share()
    for _ in range(100):
        watch.observe(100, 0)
    for _ in range(9):
        watch.observe(0, 10)
    with pytest.raises(InvalidShareError):
        watch.observe(0, 10)


def test_reset_starts_afresh() -> None:
    watch = share()
    watch.observe(0, 99)
    watch.reset()
    watch.observe(0, 99)
    assert watch.share == 1.0


@given(st.lists(st.tuples(st.integers(0, 60), st.integers(0, 60)).filter(any)))
def test_it_stops_exactly_when_the_last_batches_of_a_span_say_so(
    batches: list[tuple[int, int]],
) -> None:
    watch = share()
    for end in range(1, len(batches) + 1):
        total = invalid = 0
        for good, bad in reversed(batches[:end]):
            total, invalid = total + good + bad, invalid + bad
            if total >= 100:
                break
        if total >= 100 and invalid > total / 2:
            with pytest.raises(InvalidShareError):
                watch.observe(*batches[end - 1])
        else:
            watch.observe(*batches[end - 1])
