"""Values at paths: through objects, arrays and JSON text, whatever stands in the way."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.intake.codec.path import Path
from stream.intake.codec.pick import Picker, UnusualError

TEXTS = ("a.b", "a.c.0.d", "a-x", "/gen.x", "m.t.u", "p", "p.q")
PATHS = [Path.parse(text) for text in TEXTS]


def values(record, paths=PATHS):
    picker = Picker(paths)
    return picker.values(picker.one(json.dumps(record).encode()))


def test_each_kind_of_path():
    record = {
        "a": {"b": 1, "c": [{"d": 5}]},
        "a-x": 2,
        "gen.x": 3,
        "m": {"t": {"u": 9}},
        "p": {"q": 4},
    }
    assert values(record) == (1, 5, 2, 3, 9, {"q": 4}, 4)


@pytest.mark.parametrize("missing", [{}, {"a": None}, {"a": 5}, {"a": [1]}, {"a": "x", "m": "{"}])
def test_what_is_not_there_is_none(missing):
    assert values(missing) == (None,) * len(PATHS)


def test_json_text_is_looked_into():
    record = {"m": json.dumps({"t": json.dumps({"u": 9})}), "p": '{"q": "\\ud800"}'}
    assert values(record) == (None, None, None, None, 9, record["p"], "\ufffd")


@pytest.mark.parametrize("text", ["", "a..b", "/", "/a//b", "."])
def test_a_path_without_keys_is_none(text):
    with pytest.raises(ValueError, match="no path"):
        Path.parse(text)


@pytest.mark.parametrize("text", ["a.b", "/a.b/c", "/a~1b/~0", "0", "user-agent"])
def test_a_path_is_written_as_it_is_read(text):
    assert str(Path.parse(text)) == text


KEYS = st.sampled_from(["a", "b", "c", "d", "a-x", "gen.x", "m", "t", "u", "p", "q"])
JSON = st.recursive(
    st.none() | st.integers(0, 9) | st.text('{}[]ab"', max_size=5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(KEYS, inner, max_size=5),
    max_leaves=12,
)


def reached(picker, record):
    """Return the values as the compiled expressions access_plan them."""
    access_plan = picker.access_plan()
    names = dict(access_plan.names) | {"record": record}
    exec("\n".join((*access_plan.lines, f"found = ({', '.join(access_plan.places)},)")), names)  # noqa: S102
    return names["found"]


@given(st.dictionaries(KEYS, JSON, max_size=6))
def test_the_short_way_finds_what_the_long_way_finds(record):
    picker = Picker(PATHS)
    read = picker.one(json.dumps(record).encode())
    try:
        found = reached(picker, read)
    except UnusualError:
        return
    assert found == picker.values(read)


@given(st.dictionaries(KEYS, JSON, max_size=6))
def test_the_values_are_those_of_the_whole_object(record):
    def whole(keys):
        value = record
        for key in keys:
            if isinstance(value, str):
                try:
                    value = json.loads(value)
                except ValueError:
                    return None
            if isinstance(value, list) and key.isdecimal() and int(key) < len(value):
                value = value[int(key)]
            elif isinstance(value, dict):
                value = value.get(key)
            else:
                return None
        return value

    assert values(record) == tuple(whole(path.keys) for path in PATHS)
