import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.core.errors import StateError
from stream.core.records import Record
from stream.worker.positions import Positions
from stream.worker.record_batch import TP, RecordBatch

HERE = TP("t", 0)


def _batch(start: int, offsets: list[int]) -> RecordBatch:
    return RecordBatch(HERE, start, [Record(offset, 1.0, b"") for offset in offsets], 0)


def _at(position: int) -> Positions:
    positions = Positions()
    positions.set({HERE: position})
    return positions


def test_records_of_a_partition_that_is_not_ours_are_not_taken() -> None:
    assert not Positions().unprocessed(_batch(0, [0, 1]))


def test_a_repetition_is_cut_off() -> None:
    assert [record.offset for record in _at(5).unprocessed(_batch(3, [3, 4, 5, 6]))] == [5, 6]
    assert not _at(7).unprocessed(_batch(3, [3, 4, 5, 6]))


def test_holes_of_the_log_are_no_loss() -> None:
    assert len(_at(5).unprocessed(_batch(5, [9, 20]))) == 2


def test_a_record_batch_that_was_never_delivered_is_an_error() -> None:
    with pytest.raises(StateError, match=r"t\[0\]: records 5 to 8 were never delivered"):
        _at(5).unprocessed(_batch(9, [9, 10]))


def test_a_forgotten_partition_stays_forgotten() -> None:
    positions = _at(5)
    positions.forget([HERE])
    positions.advance(_batch(5, [5]))
    assert positions.get(HERE) is None


@given(st.lists(st.integers(1, 5), min_size=1, max_size=20), st.data())
def test_any_rereading_takes_each_record_once(sizes: list[int], data: st.DataObject) -> None:
    """The reader is sought back to the position at any time, before or after a batch."""
    end = sum(sizes)
    positions, taken, read_to = _at(0), [], 0
    for _ in range(200):
        if data.draw(st.booleans()):
            read_to = positions.get(HERE) or 0
        if read_to >= end:
            if (positions.get(HERE) or 0) >= end:
                break
            continue
        size = min(data.draw(st.integers(1, 5)), end - read_to)
        batch = _batch(read_to, list(range(read_to, read_to + size)))
        read_to += size
        taken += [record.offset for record in positions.unprocessed(batch)]
        positions.advance(batch)
    assert taken == list(range(len(taken)))
