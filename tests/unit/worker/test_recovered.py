from hypothesis import given
from hypothesis import strategies as st

from stream.worker.state import Recovered

KEYS = st.sampled_from([b"a", b"b", b"h", b""])
ROWS = st.lists(st.tuples(KEYS, st.one_of(st.none(), st.binary(max_size=3))), max_size=8)
FLUSHES = st.lists(ROWS, max_size=5)


def _read(log: list[tuple[bytes, bytes | None]]) -> Recovered:
    recovered = Recovered()
    for key, value in log:
        recovered.read(key, value)
    return recovered


def _written(rows: list[tuple[bytes, bytes | None]]) -> list[tuple[bytes, bytes | None]]:
    return [(b"r" + key, value) for key, value in rows]


@given(FLUSHES, ROWS)
def test_the_state_is_what_the_log_says_up_to_its_last_header(
    flushes: list[list[tuple[bytes, bytes | None]]], unfinished: list[tuple[bytes, bytes | None]]
) -> None:
    log: list[tuple[bytes, bytes | None]] = []
    expected: dict[bytes, bytes | None] = {}
    for number, rows in enumerate(flushes):
        log += [*_written(rows), (b"h", str(number).encode())]
        expected |= dict(rows)
    recovered = _read(log + _written(unfinished))
    assert recovered.rows == {key: value for key, value in expected.items() if value is not None}
    assert recovered.header == (str(len(flushes) - 1).encode() if flushes else None)


@given(FLUSHES, ROWS)
def test_a_repaired_log_says_the_same_for_ever(
    flushes: list[list[tuple[bytes, bytes | None]]], unfinished: list[tuple[bytes, bytes | None]]
) -> None:
    log: list[tuple[bytes, bytes | None]] = []
    for rows in flushes:
        log += [*_written(rows), (b"h", b"header")]
    log += _written(unfinished)
    before = _read(log)
    log += _written(before.repair)
    log += [(b"h", before.header)] if before.header is not None else []
    after = _read([*log, (b"h", b"next flush")])
    assert after.rows == before.rows
