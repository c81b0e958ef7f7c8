"""A mapping of the site's own: paths, units, constants, blocks; and what is refused of one."""

from __future__ import annotations

import json
import tomllib

import pytest

from stream.cli.toml import toml_text
from stream.core.errors import SettingsError
from stream.settings import Settings, load
from testlib.traffic.gateway_samples import decode, events, known

LEAST = {"timestamp": "t", "account_id": "who", "model": "m"}


def one(mapping, row, **changes):
    [found] = events(row, mapping=mapping, format="mapping", **changes)
    return found


def write(tmp_path, text):
    path = tmp_path / "s.toml"
    path.write_text(text)
    return path


@pytest.mark.parametrize(
    ("value", "unit"),
    [
        (1_760_000_000.5, None),
        ("1760000000.5", "s"),
        (1_760_000_000_500, "ms"),
        ("1760000000500000", "us"),
        (1_760_000_000_500_000_000, "ns"),
        ("2025-10-09T08:53:20.5Z", None),
        ("2025-10-09 10:53:20.5+02:00", "ms"),
        ("2025-10-09T08:53:20.5", None),
    ],
)
def test_times_in_every_unit(value, unit):
    place = {"path": "t"} | ({"unit": unit} if unit else {})
    found = one(LEAST | {"timestamp": place}, {"t": value, "who": "a", "m": "x"})
    assert found["timestamp"] == 1_760_000_000.5


def test_paths_pointers_lists_and_constants():
    mapping = {
        "timestamp": "/log.time/0",
        "account_id": ["caller.key", "caller.address"],
        "model": {"constant": "house-model"},
        "duration_s": {"path": "took", "unit": "ms"},
        "stream": {"constant": True},
        "status": "http.status",
    }
    row = {
        "log.time": [1_760_000_000],
        "caller": {"key": None, "address": "203.0.113.7"},
        "took": "250",
        "http": {"status": "503"},
    }
    assert one(mapping, row) == {
        "timestamp": 1_760_000_000.0,
        "account_id": "203.0.113.7",
        "model": "house-model",
        "duration_s": 0.25,
        "stream": True,
        "status": 503,
    }


def test_blocks_fill_what_the_fields_leave_open():
    body = {
        "model": "claude",
        "system": "be brief",
        "messages": [{"role": "user", "content": "hello"}],
        "max_tokens": 9,
    }
    mapping = LEAST | {"request": "req", "usage": "res.usage", "max_tokens": "limit"}
    usage = {"input_tokens": 5, "cache_read_input_tokens": 7, "output_tokens": 1}
    row = {"t": 1.76e9, "who": "a", "req": json.dumps(body), "res": {"usage": usage}, "limit": 3}
    found = one(mapping, row)
    assert (found["model"], found["system_prompt"], found["prompt"]) == (
        "claude",
        "be brief",
        "hello",
    )
    assert (found["input_tokens"], found["cached_tokens"], found["max_tokens"]) == (12, 7, 3)


def test_counts_that_are_written_apart_are_put_together():
    mapping = LEAST | {
        "uncached_input_tokens": "in",
        "cached_tokens": "hit",
        "cache_write_tokens": "written",
        "visible_output_tokens": "out",
        "reasoning_tokens": "thought",
    }
    row = {"t": 1.76e9, "who": "a", "in": 1, "hit": 2, "written": 3, "out": 4, "thought": 5}
    found = one(mapping, row)
    assert (found["input_tokens"], found["output_tokens"]) == (6, 9)


def test_auto_reads_it_beside_the_known_formats():
    own = {"t": 1.76e9, "who": "a", "m": "x"}
    canonical = {"timestamp": 1.76e9, "account_id": "b", "model": "x"}
    found = decode(json.dumps([own, canonical]).encode(), mapping=LEAST).events
    assert [known(event)["account_id"] for event in found] == ["a", "b"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('timestamp = "t"\naccount_id = "a"', "mapping.model: missing"),
        ('account_id = "a"\nmodel = "m"', "mapping.timestamp: missing"),
        (
            'timestamp = "t"\naccount_id = "a"\nmodel = "m"\nnope = "x"',
            "mapping.nope: no such field",
        ),
        ('timestamp = "t..u"\naccount_id = "a"\nmodel = "m"', "`t..u` is no path"),
        ('timestamp = {path = "t", unit = "h"}\naccount_id = "a"\nmodel = "m"', "mapping"),
        ('timestamp = {path = "t", constant = 1}\naccount_id = "a"\nmodel = "m"', "either"),
        ('timestamp = {constant = 1}\naccount_id = "a"\nmodel = "m"', "expected a path"),
        ('timestamp = "t"\naccount_id = {constant = "a"}\nmodel = "m"', "mapping.account_id"),
        ('timestamp = "t"\naccount_id = "a"\nmodel = {path = "m", unit = "s"}', "times"),
        ('timestamp = "t"\naccount_id = "a"\nmodel = "m"\nstatus = {constant = "x"}', "constant"),
        ("timestamp = 5", "mapping"),
    ],
)
def test_what_is_no_mapping_is_refused_by_name(tmp_path, text, said):
    with pytest.raises(SettingsError, match=said) as caught:
        load(write(tmp_path, f"[intake.mapping]\n{text}\n"), {})
    assert "intake" in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1


def test_the_format_mapping_needs_one(tmp_path):
    with pytest.raises(SettingsError, match=r"intake.*mapping.*needed"):
        load(write(tmp_path, '[intake]\nformat = "mapping"\n'), {})


def test_it_may_come_from_the_environment_as_json():
    found = load(None, {"DISTILLWATCH_INTAKE_MAPPING": json.dumps(LEAST)})
    assert found.intake.mapping == LEAST
    with pytest.raises(SettingsError, match="DISTILLWATCH_INTAKE_MAPPING"):
        load(None, {"DISTILLWATCH_INTAKE_MAPPING": "{"})


def test_it_is_shown_with_the_settings():
    shown = toml_text(load(None, {"DISTILLWATCH_INTAKE_MAPPING": json.dumps(LEAST)}))
    assert tomllib.loads(shown)["intake"]["mapping"] == LEAST
    assert "mapping" not in tomllib.loads(toml_text(Settings()))["intake"]
