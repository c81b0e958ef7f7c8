from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from stream.delivery.offset_ledger import OffsetLedger


def test_a_commit_stops_before_the_oldest_open_record() -> None:
    ledger = OffsetLedger()
    for offset in (4, 5, 6, 9):
        ledger.begin(0, offset)
    for offset in (4, 5, 9):
        ledger.finish(0, offset)
    assert ledger.committable() == {0: 6}
    assert (ledger.held, ledger.unfinished, ledger.read_until(0)) == (2, 1, 10)
    ledger.finish(0, 6)
    assert ledger.committable() == {0: 10}
    ledger.committed({0: 10})
    assert ledger.committable() == {}


def test_clear_forgets() -> None:
    ledger = OffsetLedger()
    ledger.begin(3, 1)
    ledger.finish(3, 1)
    ledger.begin(3, 2)
    ledger.clear()
    assert (ledger.held, ledger.committable(), ledger.read_until(3)) == (0, {}, None)


@given(st.data())
def test_it_equals_looking_at_all_records(data: st.DataObject) -> None:
    offsets = sorted(data.draw(st.sets(st.integers(0, 60), min_size=1)))
    order = data.draw(st.permutations(offsets))
    stop = data.draw(st.integers(0, len(order)))
    ledger = OffsetLedger()
    for offset in offsets:
        ledger.begin(0, offset)
    for offset in order[:stop]:
        ledger.finish(0, offset)
    done = set(order[:stop])
    prefix = []
    for offset in offsets:
        if offset not in done:
            break
        prefix.append(offset)
    assert ledger.committable() == ({0: prefix[-1] + 1} if prefix else {})
    assert ledger.held == len(offsets) - len(prefix)
    assert ledger.unfinished == len(offsets) - stop
