"""The rows of a changelog up to its last checkpoint record reach the task in order, no others."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.core.errors import LostPartError, StateError
from stream.worker.recovery import ChangelogReader, _PreviousValues

KEYS = st.sampled_from([b"a", b"b", b"h", b"s", b""])
ROWS = st.lists(st.tuples(KEYS, st.one_of(st.none(), st.binary(max_size=3))), max_size=8)
CHECKPOINTS = st.lists(ROWS, max_size=5)

Records = list[tuple[bytes, bytes | None]]


class Restorer:
    def __init__(self) -> None:
        self.schema: bytes | None = b"never checked"
        self.checked: list[tuple[bytes, int]] = []  # with how many rows before it
        self.loaded: Records = []
        self.refused: bytes | None = None  # a key whose part cannot be used
        self.rows: dict[bytes, bytes] = {}
        self.checkpoint: bytes | None = None

    def check(self, schema: bytes | None) -> bool:
        self.schema = schema
        if schema not in {b"schema", b"older"}:
            raise StateError("another schema")
        self.checked.append((schema, len(self.loaded)))
        return schema == b"schema"

    def load(self, rows: Records) -> None:
        self.loaded += rows
        for key, value in rows:
            if key == self.refused:
                raise LostPartError("windows", "bad")
            if value is None:
                self.rows.pop(key, None)
            else:
                self.rows[key] = value

    def restore(self, checkpoint: bytes | None) -> None:
        if checkpoint is None:
            raise LostPartError("checkpoint", "missing")
        self.checkpoint = checkpoint


def _reader(log: Records, *, atomic: bool, portion: int = 1) -> tuple[Restorer, ChangelogReader]:
    restorer = Restorer()
    reader = ChangelogReader(restorer, atomic)
    for first in range(0, len(log), portion):
        reader.read(log[first : first + portion])
    reader.finish()
    return restorer, reader


def _written(rows: Records) -> Records:
    return [(b"r" + key, value) for key, value in rows]


def _checkpointed(checkpoints: list[Records]) -> Records:
    log: Records = [(b"i", b"topic id"), (b"s", b"schema")] if checkpoints else []
    for number, rows in enumerate(checkpoints):
        log += [*_written(rows), (b"h", str(number).encode())]
    return log


@pytest.mark.parametrize("atomic", [True, False])
@given(checkpoints=CHECKPOINTS, unfinished=ROWS, portion=st.integers(1, 9))
def test_the_state_is_the_changelog_up_to_its_last_checkpoint_record(
    checkpoints: list[Records], unfinished: Records, portion: int, *, atomic: bool
) -> None:
    # Where checkpoints are transactions, an unfinished one is invisible.
    log = _checkpointed(checkpoints) + ([] if atomic else _written(unfinished))
    expected: dict[bytes, bytes | None] = {}
    for rows in checkpoints:
        expected |= dict(rows)
    restorer, _ = _reader(log, atomic=atomic, portion=portion)
    assert restorer.rows == {key: value for key, value in expected.items() if value is not None}
    assert restorer.checkpoint == (str(len(checkpoints) - 1).encode() if checkpoints else None)


@given(CHECKPOINTS, ROWS)
def test_an_undone_checkpoint_stays_undone(checkpoints: list[Records], unfinished: Records) -> None:
    log = _checkpointed(checkpoints) + _written(unfinished)
    before, reader = _reader(log, atomic=False)
    previous = _PreviousValues(reader.unfinished)
    ChangelogReader(previous, atomic=False).read(log)
    log += _written(list(previous.rows.items()))
    log += [(b"h", before.checkpoint)] if before.checkpoint is not None else []
    if checkpoints:
        after, _ = _reader([*log, (b"h", b"next checkpoint")], atomic=False)
        assert after.rows == before.rows


@pytest.mark.parametrize("atomic", [True, False])
@pytest.mark.parametrize("first", [[], [(b"s", b"another")]])
def test_rows_of_another_schema_never_reach_the_task(first: Records, *, atomic: bool) -> None:
    restorer = Restorer()
    with pytest.raises(StateError, match="another schema"):
        ChangelogReader(restorer, atomic).read([*first, (b"ra", b"1"), (b"h", b"0")])
    assert restorer.rows == {}
    assert restorer.checkpoint is None


def test_rows_without_a_checkpoint_record_are_lost() -> None:
    restorer = Restorer()
    reader = ChangelogReader(restorer, atomic=True)
    reader.read([(b"s", b"schema"), (b"ra", b"1")])
    reader.finish()
    assert reader.lost is not None
    assert reader.lost.part == "checkpoint"


@pytest.mark.parametrize("atomic", [True, False])
@pytest.mark.parametrize("portion", [1, 2, 9])
def test_rows_are_of_the_schema_before_them(portion: int, *, atomic: bool) -> None:
    log: Records = [
        *[(b"i", b"id"), (b"s", b"older"), (b"ra", b"1"), (b"rb", b"1"), (b"h", b"0")],
        *[(b"s1", b"schema"), (b"rb", b"2"), (b"h", b"1")],
    ]
    restorer, reader = _reader(log, atomic=atomic, portion=portion)
    assert restorer.checked == [(b"older", 0), (b"schema", 2)]
    assert restorer.rows == {b"a": b"1", b"b": b"2"}
    assert (reader.schemas, reader.is_current) == (2, True)
    _, reader = _reader(log[:5], atomic=atomic, portion=portion)
    assert (reader.schemas, reader.is_current) == (1, False)


@pytest.mark.parametrize("atomic", [True, False])
def test_nothing_is_loaded_once_a_part_is_lost(*, atomic: bool) -> None:
    restorer = Restorer()
    restorer.refused = b"a"
    reader = ChangelogReader(restorer, atomic)
    log: Records = [(b"s", b"schema"), (b"ra", b"1"), (b"h", b"0")]
    for record in [*log, (b"rb", b"2"), (b"h", b"1")]:
        reader.read([record])
    reader.finish()
    assert reader.lost is not None
    assert reader.lost.part == "windows"
    assert restorer.checkpoint is None
    assert restorer.rows == {}
    assert reader.unfinished == set()


@pytest.mark.parametrize(
    ("written", "now"), [(b"one", "one"), (b"", "one"), (b"one", ""), (b"", "")]
)
def test_a_log_of_the_same_input_is_loaded(written: bytes, now: str) -> None:
    restorer = Restorer()
    log: Records = [(b"i", written), (b"s", b"schema"), (b"ra", b"1"), (b"h", b"0")]
    ChangelogReader(restorer, atomic=True, input_id=now).read(log)
    assert restorer.rows == {b"a": b"1"}


def test_offsets_of_a_topic_that_was_made_again_are_refused() -> None:
    with pytest.raises(StateError, match="was deleted and made again"):
        ChangelogReader(Restorer(), atomic=True, input_id="two").read([(b"i", b"one")])


def test_an_id_of_a_topic_that_is_no_text_is_of_another_topic() -> None:
    with pytest.raises(StateError, match="was deleted and made again"):
        ChangelogReader(Restorer(), atomic=True, input_id="two").read([(b"i", b"\xff\xfe")])
