"""Windows close when every source has passed them, once, as a whole, and never backwards."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.core.packets import IdleClaim
from stream.pipeline.event_time import EventTimeBuffer, window_ends

CLAIM = IdleClaim(offset=1, reader=1)
CONFIRMED = IdleClaim(offset=1, reader=1, confirmed=True)


class Numbers(list):
    def take(self, index):
        return Numbers(np.array(self, float)[index].tolist())


def buffer_of(**kwargs):
    return EventTimeBuffer(window_s=10.0, **kwargs)


def observe(some, source, watermark, *, sources=2, idle=None, offset=0, topic_id=""):
    some.observe_watermark(
        source,
        sources=sources,
        watermark=watermark,
        idle=idle,
        last_applied_offset=offset,
        topic_id=topic_id,
    )


def buffer(some, offset, times):
    rows = Numbers(times)
    some.buffer(
        offset, rows, window_ends(np.array(times, float), some.window_s), dict(some.sources)
    )


def test_no_window_closes_before_every_source_has_a_watermark():
    some = buffer_of()
    observe(some, 0, 100)
    assert some.next_window_end() == -math.inf
    observe(some, 1, 35)
    assert some.next_window_end() == 30


def test_an_idle_source_does_not_delay_the_watermark():
    some = buffer_of()
    observe(some, 0, 100)
    observe(some, 1, -math.inf, idle=CLAIM)
    assert some.next_window_end() == -math.inf
    observe(some, 1, -math.inf, idle=CLAIM)
    assert some.next_window_end() == -math.inf  # announced, not confirmed
    observe(some, 1, -math.inf, idle=CONFIRMED)
    assert some.next_window_end() == 100


def test_records_of_a_source_that_was_idle_are_not_late():
    """The worker that reads source 1 fails; another resumes when source 0 is far ahead."""
    some = buffer_of()
    observe(some, 0, 100)
    observe(some, 1, 35, idle=CLAIM)
    observe(some, 0, 500)
    observe(some, 1, 35, idle=CONFIRMED)
    assert some.next_window_end() == 100
    observe(some, 0, 600)
    observe(some, 1, 35, idle=CONFIRMED)
    assert some.next_window_end() == 100
    observe(some, 1, 120)
    assert some.next_window_end() == 120
    observe(some, 1, 120, idle=IdleClaim(offset=2, reader=1))
    assert some.next_window_end() == 120
    observe(some, 1, 120, idle=IdleClaim(offset=2, reader=1, confirmed=True))
    assert some.next_window_end() == 600


@pytest.mark.parametrize("other", [{"offset": 2, "reader": 1}, {"offset": 1, "reader": 2}])
def test_only_the_same_claim_of_the_same_reader_is_confirmed(other):
    some = buffer_of()
    observe(some, 0, 100)
    observe(some, 1, 35, idle=CLAIM)
    observe(some, 1, 35, idle=IdleClaim(**other, confirmed=True))
    assert some.next_window_end() == 30
    observe(some, 1, 35, idle=CONFIRMED)
    assert some.next_window_end() == 30


def test_a_record_after_an_announcement_leaves_it_without_effect():
    some = buffer_of()
    observe(some, 0, 100)
    observe(some, 1, 35, idle=CLAIM)
    observe(some, 1, 41)
    observe(some, 1, 41, idle=CONFIRMED)
    assert some.next_window_end() == 40


def test_when_all_sources_are_idle_their_own_watermarks_advance():
    some = buffer_of()
    observe(some, 0, 53, idle=CLAIM)
    observe(some, 1, 35, idle=CLAIM)
    observe(some, 0, 58, idle=CONFIRMED)
    assert some.next_window_end() == 30
    observe(some, 1, 40, idle=CONFIRMED)
    assert some.next_window_end() == 50
    for claim, ahead in ((CLAIM, 0), (CONFIRMED, 10)):
        observe(some, 0, 58 + ahead, idle=claim)
        observe(some, 1, 40 + ahead, idle=claim)
    assert some.next_window_end() == 50
    for claim in (CLAIM, CONFIRMED):
        observe(some, 0, 68, idle=claim)
        observe(some, 1, 50, idle=claim)
    assert some.next_window_end() == 60


def test_a_claim_of_a_topic_that_was_made_again_confirms_none_of_the_old_one():
    some = buffer_of()
    for source in range(2):
        observe(some, source, 100 + source, idle=CLAIM, topic_id="a")
    observe(some, 0, 100, idle=CONFIRMED, topic_id="b")
    assert some.sources[0].watermark == 100


def test_a_new_topic_starts_with_new_offsets_and_keeps_the_watermark():
    some = buffer_of()
    observe(some, 0, 100, sources=1, offset=77, topic_id="a")
    observe(some, 0, 90, sources=1, offset=3, topic_id="b")
    assert (some.sources[0].last_applied_offset, some.sources[0].watermark) == (3, 100)


def test_an_unknown_topic_id_may_be_the_same_topic():
    for first, second in (("", "a"), ("a", "")):
        some = buffer_of()
        observe(some, 0, 100, sources=1, offset=77, topic_id=first)
        observe(some, 0, 100, sources=1, offset=3, topic_id=second)
        assert some.sources[0].last_applied_offset == 77
        observe(some, 0, 100, sources=1, offset=3, topic_id="b")
        assert some.sources[0].last_applied_offset == 3


def test_partitions_that_a_new_topic_lacks_are_not_waited_for():
    some = buffer_of()
    for source in range(4):
        observe(some, source, 50, sources=4, offset=9, topic_id="a")
    for source in range(2):
        observe(some, source, 100, sources=2, offset=0, topic_id="b")
    assert some.next_window_end() == 100
    assert some.expected_sources == 2


def test_partitions_that_are_added_are_waited_for():
    some = buffer_of()
    observe(some, 0, 100, sources=1)
    observe(some, 0, 200, sources=2)
    assert some.next_window_end() == -math.inf
    observe(some, 1, 150, sources=2)
    assert some.next_window_end() == 150


def test_watermarks_never_decrease():
    some = buffer_of()
    observe(some, 0, 100, sources=1)
    observe(some, 0, 20, sources=1)
    assert some.next_window_end() == 100


def test_a_window_closes_as_a_whole_and_later_rows_stay_buffered():
    some = buffer_of()
    buffer(some, 0, [1, 11, 2])
    buffer(some, 1, [3, 21])
    assert some.close(20) == [(10, [[1, 2], [3]]), (20, [[11]])]
    assert some.buffered_rows == 1
    assert some.close(20) == []


def test_a_recovered_task_resumes_at_the_oldest_buffered_record():
    some = buffer_of()
    observe(some, 0, 0, offset=4)
    buffer(some, 7, [1])
    observe(some, 0, 5, offset=9)
    buffer(some, 8, [15])
    offset, sources = some.resume_point
    assert (offset, sources[0].last_applied_offset) == (7, 4)
    some.close(10)
    offset, sources = some.resume_point
    assert (offset, sources[0].last_applied_offset) == (8, 9)
    some.close(20)
    assert some.resume_point[0] == 9


def test_too_many_buffered_rows_fire_the_oldest_half_early():
    some = buffer_of()
    buffer(some, 0, [float(t) for t in range(100)])
    assert some.early_firing_end(100) is None
    until = some.early_firing_end(60)
    some.close(until)
    assert some.buffered_rows <= 30


def test_rows_count_by_their_weights():
    some = buffer_of()
    times = [float(t) for t in range(100)]
    ends = window_ends(np.array(times), 10.0)
    some.buffer(0, Numbers(times), ends, {}, np.full(100, 7))
    assert some.buffered_rows == 700
    assert some.early_firing_end(700) is None
    some.close(some.early_firing_end(400))
    assert some.buffered_rows == 7 * len([t for t in times if t >= some.output_watermark]) <= 200


@given(
    st.lists(st.tuples(st.integers(0, 2), st.integers(0, 30)), max_size=60),
    st.randoms(use_true_random=False),
)
def test_the_interleaving_of_sources_does_not_matter(rows, random):
    """The same per-source sequences, interleaved differently, close the same windows."""

    def run(order):
        some = buffer_of()
        closed, clock = {}, dict.fromkeys(range(3), 0)
        for offset, (source, ahead) in enumerate(order):
            clock[source] += ahead
            buffer(some, offset, [clock[source]])
            observe(some, source, clock[source], sources=3)
            for end, parts in some.close(some.next_window_end()):
                closed.setdefault(end, []).extend(value for part in parts for value in part)
        for end, parts in some.close(some.last_window_end or 0):
            closed.setdefault(end, []).extend(value for part in parts for value in part)
        return {end: sorted(values) for end, values in closed.items()}

    other = list(rows)
    random.shuffle(other)
    queues = {n: [row for row in rows if row[0] == n] for n in range(3)}
    assert run(rows) == run([queues[source].pop(0) for source, _ in other])


@given(st.lists(st.lists(st.integers(0, 99), max_size=8), max_size=5), st.integers(0, 12))
def test_closing_many_windows_at_once_is_closing_them_one_by_one(records, last):
    once, each = buffer_of(), buffer_of()
    for some in (once, each):
        for offset, times in enumerate(records):
            buffer(some, offset, times)
    until = last * once.window_s
    one_by_one = [
        window
        for end in np.arange(0, until + 1, each.window_s)
        for window in each.close(float(end))
    ]
    assert once.close(until) == one_by_one
    assert (once.resume_point, once.buffered_rows) == (each.resume_point, each.buffered_rows)
