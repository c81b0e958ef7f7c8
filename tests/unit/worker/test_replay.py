"""What a log says up to its last header reaches the task, in order, and nothing else does."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.core.errors import StateError
from stream.worker.recovery import Replay, _Former

KEYS = st.sampled_from([b"a", b"b", b"h", b"s", b""])
ROWS = st.lists(st.tuples(KEYS, st.one_of(st.none(), st.binary(max_size=3))), max_size=8)
FLUSHES = st.lists(ROWS, max_size=5)

Records = list[tuple[bytes, bytes | None]]


class Heir:
    def __init__(self) -> None:
        self.schema: bytes | None = b"never checked"
        self.rows: dict[bytes, bytes] = {}
        self.header: bytes | None = None

    def check(self, schema: bytes | None) -> None:
        self.schema = schema
        if schema != b"schema":
            raise StateError("another schema")

    def load(self, rows: Records) -> None:
        for key, value in rows:
            if value is None:
                self.rows.pop(key, None)
            else:
                self.rows[key] = value

    def restore(self, header: bytes) -> None:
        self.header = header


def _replay(log: Records, *, atomic: bool, portion: int = 1) -> tuple[Heir, Replay]:
    heir = Heir()
    replay = Replay(heir, atomic)
    for first in range(0, len(log), portion):
        replay.take(log[first : first + portion])
    replay.finish()
    return heir, replay


def _written(rows: Records) -> Records:
    return [(b"r" + key, value) for key, value in rows]


def _flushed(flushes: list[Records]) -> Records:
    log: Records = [(b"i", b"topic id"), (b"s", b"schema")] if flushes else []
    for number, rows in enumerate(flushes):
        log += [*_written(rows), (b"h", str(number).encode())]
    return log


@pytest.mark.parametrize("atomic", [True, False])
@given(flushes=FLUSHES, unfinished=ROWS, portion=st.integers(1, 9))
def test_the_state_is_what_the_log_says_up_to_its_last_header(
    flushes: list[Records], unfinished: Records, portion: int, *, atomic: bool
) -> None:
    # Where flushes are transactions, nobody sees an unfinished one.
    log = _flushed(flushes) + ([] if atomic else _written(unfinished))
    expected: dict[bytes, bytes | None] = {}
    for rows in flushes:
        expected |= dict(rows)
    heir, _ = _replay(log, atomic=atomic, portion=portion)
    assert heir.rows == {key: value for key, value in expected.items() if value is not None}
    assert heir.header == (str(len(flushes) - 1).encode() if flushes else None)


@given(FLUSHES, ROWS)
def test_a_repaired_log_says_the_same_for_ever(flushes: list[Records], unfinished: Records) -> None:
    log = _flushed(flushes) + _written(unfinished)
    before, replay = _replay(log, atomic=False)
    former = _Former(replay.unfinished)
    Replay(former, atomic=False).take(log)
    log += _written(list(former.rows.items()))
    log += [(b"h", before.header)] if before.header is not None else []
    if flushes:
        after, _ = _replay([*log, (b"h", b"next flush")], atomic=False)
        assert after.rows == before.rows


@pytest.mark.parametrize("atomic", [True, False])
@pytest.mark.parametrize("first", [[], [(b"s", b"another")]])
def test_rows_of_another_schema_never_reach_the_task(first: Records, *, atomic: bool) -> None:
    heir = Heir()
    with pytest.raises(StateError, match="another schema"):
        Replay(heir, atomic).take([*first, (b"ra", b"1"), (b"h", b"0")])
    assert heir.rows == {}
    assert heir.header is None


def test_rows_without_a_header_are_no_state() -> None:
    heir = Heir()
    replay = Replay(heir, atomic=True)
    replay.take([(b"s", b"schema"), (b"ra", b"1")])
    with pytest.raises(StateError, match="without a header"):
        replay.finish()


@pytest.mark.parametrize(
    ("written", "now"), [(b"one", "one"), (b"", "one"), (b"one", ""), (b"", "")]
)
def test_a_log_of_the_same_input_is_loaded(written: bytes, now: str) -> None:
    heir = Heir()
    log: Records = [(b"i", written), (b"s", b"schema"), (b"ra", b"1"), (b"h", b"0")]
    Replay(heir, atomic=True, input_id=now).take(log)
    assert heir.rows == {b"a": b"1"}


def test_offsets_of_a_topic_that_was_made_again_are_refused() -> None:
    with pytest.raises(StateError, match="was deleted and made again"):
        Replay(Heir(), atomic=True, input_id="two").take([(b"i", b"one")])
