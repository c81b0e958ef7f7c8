"""Rows are written when they differ from what was written last, and deleted when they are gone."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from stream.campaigns.clusters.stored_rows import StoredRows

states = st.lists(
    st.dictionaries(st.sampled_from([b"", b"a", b"b", b"c"]), st.binary(max_size=2)), max_size=6
)


@given(states, st.integers(0, 6))
def test_changes_lead_from_one_state_to_the_next(
    states: list[dict[bytes, bytes]], restart: int
) -> None:
    rows, topic = StoredRows(b"c"), {b"other": b"row"}
    for turn, state in enumerate(states):
        if turn == restart:
            rows = StoredRows(b"c")
            rows.load(topic.items())
        changes = rows.changes(state)
        for key, row in changes:
            assert topic.get(key) != row
            if row is None:
                del topic[key]
            else:
                topic[key] = row
        assert topic == {b"other": b"row"} | {b"c" + key: row for key, row in state.items()}
        assert rows.changes(state) == []
        assert rows.values() == [state[key] for key in sorted(state)]
