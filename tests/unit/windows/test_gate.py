"""Steps close when every source has passed them, once, whole, and never backwards."""

from __future__ import annotations

import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from stream.accounts.windows.gate import StepGate, step_ends


class Numbers(list):
    def take(self, index):
        return Numbers(np.array(self, float)[index].tolist())


def gate(**kwargs):
    return StepGate(window_s=10.0, **kwargs)


def hear(some, source, mark, *, sources=2, idle=False, floor=0):
    some.hear(source, sources=sources, mark=mark, idle=idle, floor=floor)


def hold(some, offset, times):
    rows = Numbers(times)
    some.hold(offset, rows, step_ends(np.array(times, float), some.window_s), dict(some.sources))


def test_nothing_closes_before_every_source_has_spoken():
    some = gate()
    hear(some, 0, 100)
    assert some.closable() == -math.inf
    hear(some, 1, 35)
    assert some.closable() == 30


def test_an_idle_source_holds_nobody_up():
    some = gate()
    hear(some, 0, 100)
    hear(some, 1, -math.inf, idle=True)
    assert some.closable() == 100


def test_what_an_idle_source_has_later_is_not_late():
    """Whoever read source 1 fails, and reads on when source 0 is far ahead."""
    some = gate()
    hear(some, 0, 100)
    hear(some, 1, 35, idle=True)
    hear(some, 0, 500)
    assert some.closable() == 100
    hear(some, 1, 120)
    assert some.closable() == 120
    hear(some, 1, 120, idle=True)
    assert some.closable() == 500


def test_when_all_are_idle_their_own_clocks_go_on():
    some = gate()
    hear(some, 0, 58, idle=True)
    hear(some, 1, 35, idle=True)
    assert some.closable() == 50
    hear(some, 0, 63, idle=True)
    hear(some, 1, 40, idle=True)
    assert some.closable() == 60


def test_a_source_of_another_origin_counts_anew_and_its_mark_goes_on():
    some = gate()
    some.hear(0, sources=1, mark=100, idle=False, floor=77, origin="a")
    some.hear(0, sources=1, mark=90, idle=False, floor=3, origin="b")
    assert (some.sources[0].floor, some.sources[0].mark) == (3, 100)


def test_an_unknown_origin_may_be_the_same():
    for first, second in (("", "a"), ("a", "")):
        some = gate()
        some.hear(0, sources=1, mark=100, idle=False, floor=77, origin=first)
        some.hear(0, sources=1, mark=100, idle=False, floor=3, origin=second)
        assert some.sources[0].floor == 77
        some.hear(0, sources=1, mark=100, idle=False, floor=3, origin="b")
        assert some.sources[0].floor == 3


def test_nobody_waits_for_partitions_that_a_new_topic_does_not_have():
    some = gate()
    for source in range(4):
        some.hear(source, sources=4, mark=50, idle=False, floor=9, origin="a")
    for source in range(2):
        some.hear(source, sources=2, mark=100, idle=False, floor=0, origin="b")
    assert some.closable() == 100
    assert some.expected == 2


def test_partitions_that_are_added_are_waited_for():
    some = gate()
    hear(some, 0, 100, sources=1)
    hear(some, 0, 200, sources=2)
    assert some.closable() == -math.inf
    hear(some, 1, 150, sources=2)
    assert some.closable() == 150


def test_marks_never_run_backwards():
    some = gate()
    hear(some, 0, 100, sources=1)
    hear(some, 0, 20, sources=1)
    assert some.closable() == 100


def test_a_step_closes_whole_and_the_rest_waits():
    some = gate()
    hold(some, 0, [1, 11, 2])
    hold(some, 1, [3, 21])
    assert some.close(20) == [(10, [[1, 2], [3]]), (20, [[11]])]
    assert some.waiting_rows == 1
    assert some.close(20) == []


def test_a_successor_reads_on_at_the_oldest_record_that_waits():
    some = gate()
    hear(some, 0, 0, floor=4)
    hold(some, 7, [1])
    hear(some, 0, 5, floor=9)
    hold(some, 8, [15])
    offset, sources = some.resume
    assert (offset, sources[0].floor) == (7, 4)
    some.close(10)
    offset, sources = some.resume
    assert (offset, sources[0].floor) == (8, 9)
    some.close(20)
    assert some.resume[0] == 9


def test_too_many_waiting_rows_force_the_oldest_half():
    some = gate()
    hold(some, 0, [float(t) for t in range(100)])
    assert some.overfull_until(100) is None
    until = some.overfull_until(60)
    some.close(until)
    assert some.waiting_rows <= 30


def test_rows_count_by_their_weights():
    some = gate()
    times = [float(t) for t in range(100)]
    ends = step_ends(np.array(times), 10.0)
    some.hold(0, Numbers(times), ends, {}, np.full(100, 7))
    assert some.waiting_rows == 700
    assert some.overfull_until(700) is None
    some.close(some.overfull_until(400))
    assert some.waiting_rows == 7 * len([t for t in times if t >= some.closed]) <= 200


@given(
    st.lists(st.tuples(st.integers(0, 2), st.integers(0, 30)), max_size=60),
    st.randoms(use_true_random=False),
)
def test_the_interleaving_of_sources_does_not_matter(rows, random):
    """The same per-source sequences, interleaved differently, close the same steps."""

    def run(order):
        some = gate()
        closed, clock = {}, dict.fromkeys(range(3), 0)
        for offset, (source, ahead) in enumerate(order):
            clock[source] += ahead
            hold(some, offset, [clock[source]])
            hear(some, source, clock[source], sources=3)
            for end, parts in some.close(some.closable()):
                closed.setdefault(end, []).extend(value for part in parts for value in part)
        for end, parts in some.close(some.last_end or 0):
            closed.setdefault(end, []).extend(value for part in parts for value in part)
        return {end: sorted(values) for end, values in closed.items()}

    other = list(rows)
    random.shuffle(other)
    queues = {n: [row for row in rows if row[0] == n] for n in range(3)}
    assert run(rows) == run([queues[source].pop(0) for source, _ in other])


@given(st.lists(st.lists(st.integers(0, 99), max_size=8), max_size=5), st.integers(0, 12))
def test_closing_many_steps_at_once_is_closing_them_one_by_one(records, last):
    once, each = gate(), gate()
    for some in (once, each):
        for offset, times in enumerate(records):
            hold(some, offset, times)
    until = last * once.window_s
    one_by_one = [
        step for end in np.arange(0, until + 1, each.window_s) for step in each.close(float(end))
    ]
    assert once.close(until) == one_by_one
    assert (once.resume, once.waiting_rows) == (each.resume, each.waiting_rows)
