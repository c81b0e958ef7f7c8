"""State of another make: each part that fits is loaded, the others are named; newer is refused."""

from __future__ import annotations

import dataclasses
from functools import cache

import msgspec
import numpy as np
import pytest
import river

from stream import __version__
from stream.accounts.detection import baseline, observer, scorer
from stream.accounts.detection.observer import AccountObserver
from stream.accounts.features import table as features
from stream.accounts.windows.account_windows import AccountWindows
from stream.core.errors import NewerVersionError, StateError
from stream.metrics import Metrics
from stream.pipeline.build import task_of
from stream.pipeline.migrations import FIRST, MIGRATIONS
from stream.pipeline.schema import SCHEMA_VERSION, Schema
from stream.pipeline.state_parts import NAMES, PARTS
from stream.settings import Settings
from stream.store.columns import Field

ROLES = ("events", "links", "findings")
SETTINGS = Settings().stages


def new(role, settings=SETTINGS):
    return task_of(role, settings, 0, Metrics(strict=False))


@cache
def usual(role):
    return new(role)


def refusal(task, stored, error=StateError):
    with pytest.raises(error) as caught:
        task.check(stored)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def schema_of(role):
    return msgspec.msgpack.decode(usual(role).schema(), type=Schema)


def with_part(role, name, **changed):
    stored = schema_of(role)
    part = msgspec.structs.replace(stored.parts[name], **changed)
    return msgspec.structs.replace(stored, parts=stored.parts | {name: part}).encode()


def lost(task, stored):
    """Return the parts of a stored schema that do not fit, with the reasons."""
    own = task._state.schema
    found = own.read(stored)
    reasons = {name: own.reading(name, found)[1] for name in own.parts}
    return {name: reason for name, reason in reasons.items() if reason}


@pytest.mark.parametrize("role", ROLES)
def test_its_own_state_fits(role):
    assert usual(role).check(usual(role).schema())
    assert new(role).check(usual(role).schema())
    assert lost(usual(role), usual(role).schema()) == {}


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("row", [None, b"", b"\x80", b"\x93\x01\x02\x03"])
def test_state_without_a_readable_schema_is_refused(role, row):
    assert "schema" in refusal(usual(role), row)


@pytest.mark.parametrize("role", ROLES)
def test_the_state_of_another_stage_is_refused(role):
    stored = schema_of(role)
    for other in {*PARTS} - {stored.stage}:
        assert f"this is {other} state, not " in refusal(
            usual(role), msgspec.structs.replace(stored, stage=other).encode()
        )


@pytest.mark.parametrize("role", ROLES)
def test_state_of_a_newer_version_is_refused_with_what_to_do(role):
    stored = schema_of(role)
    newer = {"version": SCHEMA_VERSION + 1, "written_by": "distillwatch 9.9"}
    error = refusal(
        usual(role), msgspec.structs.replace(stored, **newer).encode(), NewerVersionError
    )
    assert f"written by distillwatch 9.9, which is newer than this distillwatch {__version__}" in (
        error
    )
    assert "Run that version or a newer one" in error
    name = next(iter(stored.parts))
    own = stored.parts[name].version
    error = refusal(usual(role), with_part(role, name, version=own + 1), NewerVersionError)
    assert f"{name} version {own + 1}, here {own}" in error
    more = stored.parts | {"dreams": stored.parts[name]}
    stored = msgspec.structs.replace(stored, parts=more)
    assert "dreams is unknown here" in refusal(usual(role), stored.encode(), NewerVersionError)


@pytest.mark.parametrize("role", ROLES)
def test_another_length_of_steps_is_refused_by_the_name_of_the_setting(role):
    windows = msgspec.structs.replace(SETTINGS.windows, window_s=30.0)
    other = dataclasses.replace(SETTINGS, windows=windows)
    assert "windows.window_s is 30, was 60" in refusal(new(role, other), usual(role).schema())


@pytest.mark.parametrize("role", ROLES)
def test_each_entry_of_a_layout_counts_for_its_part_alone(role):
    for name, part in schema_of(role).parts.items():
        assert part.layout or name == "nothing"
        for entry in part.layout:
            without = {key: value for key, value in part.layout.items() if key != entry}
            found = lost(usual(role), with_part(role, name, layout=without))
            assert found.keys() == {name}
            assert f"{entry} is new" in found[name]
            other = with_part(role, name, layout=part.layout | {entry: "other"})
            assert f"{entry} " in lost(usual(role), other)[name]


def test_a_version_without_a_migration_loses_its_part_alone():
    stored = with_part("findings", "incidents", version=1)
    now = schema_of("findings").parts["incidents"].version
    reason = f"there is no migration of version 1 to {now}"
    assert lost(usual("findings"), stored) == {"incidents": reason}


def test_a_part_that_was_not_there_yet_has_nothing_to_load():
    stored = schema_of("findings")
    parts = {name: part for name, part in stored.parts.items() if name != "ledger"}
    found = lost(usual("findings"), msgspec.structs.replace(stored, parts=parts).encode())
    assert found == {"ledger": f"distillwatch {__version__} had none"}


def test_many_differences_are_counted_and_not_listed():
    (reason,) = lost(usual("events"), with_part("events", "windows", layout={})).values()
    assert reason.count(" is new") == 4
    assert " more" in reason


def test_every_part_has_a_migration_from_every_version_since_the_first():
    for name in set(NAMES) - {"checkpoint"}:
        (now,) = {one.version for parts in PARTS.values() for one in parts if one.name == name}
        assert all((name, version) in MIGRATIONS for version in range(FIRST, now)), name


def test_no_two_parts_of_a_stage_have_rows_of_the_same_prefix():
    for parts in PARTS.values():
        prefixes = [first for part in parts for first in part.prefixes]
        assert len(prefixes) == len({*prefixes})


def test_another_river_loses_the_models_alone(monkeypatch):
    stored = usual("findings").schema()
    monkeypatch.setattr(river, "__version__", "9.1.0")
    found = lost(new("findings"), stored)
    assert found.keys() == {"population_model", "group_novelty"}
    assert "river is 9.1, was " in found["population_model"]


def test_another_list_of_features_loses_models_and_states(monkeypatch):
    stored = usual("findings").schema()
    first, *others = features.FEATURES
    for some in ([*others, first], [dataclasses.replace(first, high=7.0), *others],
                 [dataclasses.replace(first, direction=-1), *others]):  # fmt: skip
        monkeypatch.setattr(features, "FEATURES", tuple(some))
        found = lost(new("findings"), stored)
        assert found.keys() == {"account_scores", "population_model"}
        assert "features is " in found["account_scores"]


def test_other_baselines_are_noticed_even_where_rows_are_as_wide(monkeypatch):
    stored = usual("findings").schema()
    monkeypatch.setattr(scorer, "TRACKED", baseline.TRACKED[::-1])
    assert "features is " in lost(new("findings"), stored)["account_scores"]
    stored = usual("events").schema()
    monkeypatch.setattr(observer, "TRACKED", baseline.TRACKED[::-1])
    assert lost(new("events"), stored) == {"windows": "baselines has changed"}


@pytest.mark.parametrize("setting", ["trees", "tree_height", "seed"])
def test_other_trees_lose_the_population_alone(setting):
    value = getattr(SETTINGS.detection, setting) + 1
    detection = msgspec.structs.replace(SETTINGS.detection, **{setting: value})
    other = dataclasses.replace(SETTINGS, detection=detection)
    found = lost(new("findings", other), usual("findings").schema())
    assert found.keys() == {"population_model"}
    assert "trees is " in found["population_model"]


def test_other_fields_of_an_account_lose_its_windows(monkeypatch):
    stored = usual("events").schema()
    wider = (*AccountWindows.FIELDS, Field("more", np.dtype("<f4")))
    monkeypatch.setattr(AccountWindows, "FIELDS", wider)
    assert lost(new("events"), stored) == {"windows": "fields has changed"}
    monkeypatch.undo()
    monkeypatch.setattr(AccountObserver, "FIELDS", AccountObserver.FIELDS[::-1])
    assert lost(new("events"), stored) == {"windows": "fields has changed"}


def test_a_log_that_was_refused_leaves_nothing_behind():
    task, other = new("events"), new("events")
    with pytest.raises(StateError):
        task.check(None)
    assert task.checkpoint_record() == other.checkpoint_record()
    assert task.resume_offset is None
