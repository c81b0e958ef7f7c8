"""Records of one call count once, whatever their order, and no reused id hides what differs."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.accounts.windows.duplicates import COMPARED, MOST_CALLS, MOST_COPIES, calls
from stream.accounts.windows.request_ids import ROW, RequestIds
from stream.core.events import EVENT_COLUMNS, EventBatch

WINDOW_S = 60.0
FIELDS = ("request_id", "time", *COMPARED, "address")
Row = Any  # numbers, as FIELDS

rows_of_a_log = st.lists(
    st.tuples(
        st.integers(0, 3),  # request id; 0: absent
        st.sampled_from([*range(0, 400, 13), 59, 60, 119.5]),
        st.integers(0, 2),
        st.integers(0, 2),
        st.integers(0, 1),
        st.integers(0, 2),
    ),
    max_size=60,
)


def batch(rows: list[Row], account: str = "a") -> EventBatch:
    columns = {name: np.zeros(len(rows), dtype) for name, dtype in EVENT_COLUMNS.items()}
    for name, values in zip(FIELDS, zip(*rows, strict=True), strict=False):
        columns[name] = np.array(values).astype(EVENT_COLUMNS[name])
    return EventBatch([account], columns)


def windows(rows: list[Row]) -> list[tuple[float, list[Row]]]:
    found: dict[float, list[Row]] = {}
    for row in rows:
        found.setdefault((row[1] // WINDOW_S + 1) * WINDOW_S, []).append(row)
    return sorted(found.items())


def shown(rows: EventBatch) -> list[Row]:
    return sorted(zip(*(rows.columns[name].tolist() for name in FIELDS), strict=True))


def played(rows: list[Row], known: RequestIds) -> tuple[list[list[Row]], int, int]:
    """Return the calls of each window, the number of copies and that of reused ids."""
    kept, copies, reused = [], 0, 0
    for end, some in windows(rows):
        found = calls(batch(some), end, known)
        kept.append(shown(found.rows))
        copies, reused = copies + found.copies, reused + found.reused
    return kept, copies, reused


def plainly(rows: list[Row], duplicate_window_s: float) -> list[list[Row]]:
    """Return the same, one row after the other: the rule as the module says it."""
    counted: list[Row] = []
    result = []
    for end, some in windows(rows):
        kept = [row for row in some if not row[0]]
        learnt: list[Row] = []
        for id_ in sorted({row[0] for row in some} - {0}):
            since = end - WINDOW_S - duplicate_window_s
            leaders = sorted(
                (row for row in counted if row[0] == id_ and row[1] >= since), key=rank
            )
            of = dict.fromkeys(leaders, 0)
            some_of = sorted((row for row in some if row[0] == id_), key=rank)
            mine: list[list[Any]] = []
            for row in some_of:
                match = next(
                    (one for one in leaders if is_copy(row, one, duplicate_window_s)), None
                )
                own = next((one for one in mine if is_copy(row, one[0], duplicate_window_s)), None)
                if match is not None and (row[1] == match[1] or of[match] < MOST_COPIES):
                    of[match] += row[1] != match[1]
                elif match is not None:
                    kept.append(row)
                elif own is not None and (row[1] == own[0][1] or own[1] < MOST_COPIES):
                    own[1] += row[1] != own[0][1]
                    own[2] = max(own[2], row[5])
                elif own is not None:
                    kept.append(row)
                elif len(leaders) + len(mine) < MOST_CALLS:
                    mine.append([row, 0, row[5]])
                else:
                    kept.append(row)
            kept += [(*row[:5], row[5] or address) for row, _, address in mine]
            learnt += [row for row, _, _ in mine]
        counted += learnt
        result.append(sorted(kept))
    return result


class Log(dict[bytes, bytes]):
    """What a compacted topic has of the rows."""

    def write(self, known: RequestIds) -> None:
        for key, value in known.take_changes():
            if value is None:
                self.pop(key, None)
            else:
                self[key] = value

    def successor(self, duplicate_window_s: float) -> RequestIds:
        made = RequestIds(duplicate_window_s, window_s=WINDOW_S)
        made.load(self)
        made.loaded()
        return made


def rank(row: Row) -> tuple[float, ...]:
    """Put first what says most, then what is earliest."""
    return (sum(not value for value in row[2:5]), row[1], row[4], row[3], row[2], row[5])


def is_copy(row: Row, counted: Row, duplicate_window_s: float) -> bool:
    near = abs(row[1] - counted[1]) <= duplicate_window_s
    return near and all(a in (0, b) for a, b in zip(row[2:5], counted[2:5], strict=True))


@given(rows_of_a_log, st.sampled_from([30.0, 60.0, 150.0, 1000.0]))
def test_a_column_is_its_rows_one_by_one(rows: list[Row], duplicate_window_s: float) -> None:
    # More calls of an id than are compared are another test's.
    few = [row for row in rows if Counter(r[0] for r in rows)[row[0]] <= MOST_CALLS or not row[0]]
    kept, copies, _ = played(few, RequestIds(duplicate_window_s, window_s=WINDOW_S))
    assert kept == plainly(few, duplicate_window_s)
    assert copies == len(few) - sum(map(len, kept))


@given(rows_of_a_log, st.randoms(use_true_random=False), st.sampled_from([60.0, 150.0, 1000.0]))
def test_the_order_of_rows_does_not_matter(
    rows: list[Row], random: Any, duplicate_window_s: float
) -> None:
    expected = played(rows, RequestIds(duplicate_window_s, window_s=WINDOW_S))
    random.shuffle(rows)
    assert played(rows, RequestIds(duplicate_window_s, window_s=WINDOW_S)) == expected


@given(rows_of_a_log, st.sampled_from([60.0, 150.0, 1000.0]))
def test_a_successor_at_any_step_knows_the_same_calls(
    rows: list[Row], duplicate_window_s: float
) -> None:
    one, log = RequestIds(duplicate_window_s, window_s=WINDOW_S), Log()
    for end, some in windows(rows):
        heir = log.successor(duplicate_window_s)
        assert len(heir) == len(one)
        assert shown(calls(batch(some), end, heir).rows) == shown(calls(batch(some), end, one).rows)
        again = Log(log)
        log.write(one)
        again.write(heir)
        assert again == log


@given(rows_of_a_log)
def test_nothing_that_is_said_is_lost(rows: list[Row]) -> None:
    kept, _, _ = played(rows, RequestIds(1000.0, window_s=WINDOW_S))
    left = [row for some in kept for row in some]
    for column in range(2, 5):
        assert {(r[0], r[column]) for r in rows} - {(r[0], 0) for r in rows} <= {
            (r[0], r[column]) for r in left
        }


def test_twice_the_same_log_is_once_the_log() -> None:
    rows = [(n + 1, n * 7.0, 5, 9, 1000 + n, 3) for n in range(100)]
    known = RequestIds(600.0, window_s=WINDOW_S)
    kept, copies, reused = played(rows + rows, known)
    assert [row for some in kept for row in some] == rows
    assert (copies, reused) == (100, 0)


def test_a_retry_with_another_id_is_a_call() -> None:
    rows = [(1, 5.0, 2, 2, 9, 0), (2, 5.0, 2, 2, 9, 0)]
    kept, copies, _ = played(rows, RequestIds(600, window_s=60))
    assert (len(kept[0]), copies) == (2, 0)


def test_without_an_id_nothing_is_a_duplicate() -> None:
    kept, copies, _ = played([(0, 5.0, 2, 2, 9, 0)] * 5, RequestIds(600, window_s=60))
    assert (len(kept[0]), copies) == (5, 0)


def test_a_window_of_zero_is_off() -> None:
    known = RequestIds(0.0, window_s=60)
    kept, copies, _ = played([(1, 5.0, 2, 2, 9, 0)] * 5, known)
    assert (len(kept[0]), copies, len(known)) == (5, 0, 0)


def test_one_id_for_all_requests_hides_none_that_differs() -> None:
    rows = [(7, n * 0.01, 20 + n % 50, 10, 1 + n, 1) for n in range(3000)]
    known = RequestIds(600.0, window_s=WINDOW_S)
    kept, copies, reused = played(rows, known)
    assert sum(map(len, kept)) == len(rows)
    assert (copies, reused) == (0, len(rows) - 1)
    assert len(known) <= MOST_CALLS


def test_one_id_for_equal_requests_hides_but_a_few_of_a_step() -> None:
    rows = [(7, n * 0.5, 20, 10, 77, 1) for n in range(600)]  # five minutes
    kept, copies, reused = played(rows, RequestIds(600.0, window_s=WINDOW_S))
    assert copies == 5 * MOST_COPIES
    assert reused == len(rows) - copies - 1
    assert sum(map(len, kept)) == len(rows) - copies


def test_the_call_keeps_what_only_a_copy_says() -> None:
    inner, outer = (1, 5.0, 8, 9, 0, 0), (1, 4.0, 0, 0, 0, 3)
    kept, copies, _ = played([outer, inner], RequestIds(600, window_s=60))
    assert (kept, copies) == ([[(1, 5.0, 8, 9, 0, 3)]], 1)


@pytest.mark.parametrize(("apart_s", "left"), [(600.0, 1), (600.5, 2)])
def test_copies_are_near_in_event_time(apart_s: float, left: int) -> None:
    rows = [(1, 59.0, 2, 2, 9, 0), (1, 59.0 + apart_s, 2, 2, 9, 0)]
    kept, copies, _ = played(rows, RequestIds(600.0, window_s=WINDOW_S))
    assert (sum(map(len, kept)), copies) == (left, 2 - left)


def test_memory_is_bounded_and_what_is_forgotten_is_counted() -> None:
    known = RequestIds(600.0, window_s=WINDOW_S, most=1000)
    log = Log()
    for window in range(40):
        rows = [(1 + 500 * window + n, window * WINDOW_S + n / 10, 1, 1, 1, 1) for n in range(500)]
        calls(batch(rows), (window + 1) * WINDOW_S, known)
        assert len(known) <= 1000
        log.write(known)
        assert sum(map(len, log.values())) == len(known) * ROW.itemsize
    assert known.forgotten == 40 * 500 - len(known)


def test_old_calls_go_by_themselves() -> None:
    known = RequestIds(600.0, window_s=WINDOW_S)
    for window in range(100):
        rows = [(1 + 50 * window + n, window * WINDOW_S, 1, 1, 1, 1) for n in range(50)]
        calls(batch(rows), (window + 1) * WINDOW_S, known)
        assert len(known) <= 50 * (10 + 4)
    assert known.forgotten == 0
