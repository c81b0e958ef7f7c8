"""State of another make is refused before its first row is read, with what does not fit."""

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
from stream.core.errors import StateError
from stream.metrics import Metrics
from stream.pipeline import schema as schema_module
from stream.pipeline.build import accounts_task, alerting_task, links_task
from stream.pipeline.schema import Schema
from stream.settings import Settings
from stream.store.columns import Field

ROLES = ("events", "links", "findings")
SETTINGS = Settings().stages


def new(role, settings=SETTINGS):
    metrics = Metrics(strict=False)
    if role == "findings":
        return alerting_task(settings, metrics)
    make = accounts_task if role == "events" else links_task
    return make(settings, 0, metrics)


@cache
def usual(role):
    return new(role)


def refusal(task, stored):
    with pytest.raises(StateError) as caught:
        task.check(stored)
    return str(caught.value)


def changed(role, **parts):
    stored = msgspec.msgpack.decode(usual(role).schema(), type=Schema)
    return msgspec.structs.replace(stored, **parts).encode()


@pytest.mark.parametrize("role", ROLES)
def test_its_own_state_fits(role):
    usual(role).check(usual(role).schema())
    new(role).check(usual(role).schema())


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("row", [None, b"", b"\x80", b"\x93\x01\x02\x03"])
def test_state_without_a_readable_schema_is_refused(role, row):
    assert "schema" in refusal(usual(role), row)


@pytest.mark.parametrize("role", ROLES)
def test_the_state_of_another_stage_is_refused(role):
    for other in set(ROLES) - {role}:
        assert "it is " in refusal(usual(role), usual(other).schema())


@pytest.mark.parametrize("role", ROLES)
def test_another_version_is_refused_and_both_are_named(role):
    error = refusal(usual(role), changed(role, version=99, written_by="distillwatch 9.9"))
    assert "state of distillwatch 9.9 does not fit distillwatch " + __version__ in error
    assert f"version is {schema_module.STATE_VERSION}, was 99" in error


@pytest.mark.parametrize("role", ROLES)
def test_another_length_of_steps_is_refused_by_the_name_of_the_setting(role):
    windows = msgspec.structs.replace(SETTINGS.windows, window_s=30.0)
    other = dataclasses.replace(SETTINGS, windows=windows)
    assert "windows.window_s is 30, was 60" in refusal(new(role, other), usual(role).schema())


@pytest.mark.parametrize("role", ROLES)
def test_each_part_of_a_layout_counts(role):
    layout = msgspec.msgpack.decode(usual(role).schema(), type=Schema).layout
    assert len(layout) > 3
    for name in layout:
        without = {key: value for key, value in layout.items() if key != name}
        assert f"{name} is new" in refusal(usual(role), changed(role, layout=without))
        assert f"{name} " in refusal(usual(role), changed(role, layout=layout | {name: "other"}))
    assert "extra is gone" in refusal(usual(role), changed(role, layout=layout | {"extra": "1"}))


def test_many_differences_are_counted_and_not_listed():
    error = refusal(usual("events"), changed("events", layout={}))
    assert error.count(" is new") == 4
    assert " more" in error
    assert "\n" not in error


def test_another_river_is_refused(monkeypatch):
    stored = usual("findings").schema()
    monkeypatch.setattr(river, "__version__", "9.1.0")
    assert "model river is 9.1, was " in refusal(new("findings"), stored)


def test_another_list_of_features_is_refused(monkeypatch):
    stored = usual("findings").schema()
    first, *others = features.FEATURES
    for some in ([*others, first], [dataclasses.replace(first, high=7.0), *others],
                 [dataclasses.replace(first, direction=-1), *others]):  # fmt: skip
        monkeypatch.setattr(features, "FEATURES", tuple(some))
        assert "model features is " in refusal(new("findings"), stored)


def test_other_baselines_are_refused_even_where_rows_are_as_wide(monkeypatch):
    stored = usual("findings").schema()
    monkeypatch.setattr(scorer, "TRACKED", baseline.TRACKED[::-1])
    assert "model features is " in refusal(new("findings"), stored)
    stored = usual("events").schema()
    monkeypatch.setattr(observer, "TRACKED", baseline.TRACKED[::-1])
    assert "baselines has changed" in refusal(new("events"), stored)


@pytest.mark.parametrize("setting", ["trees", "tree_height", "seed"])
def test_other_trees_are_refused(setting):
    value = getattr(SETTINGS.detection, setting) + 1
    detection = msgspec.structs.replace(SETTINGS.detection, **{setting: value})
    other = dataclasses.replace(SETTINGS, detection=detection)
    assert "model trees is " in refusal(new("findings", other), usual("findings").schema())


def test_other_fields_of_an_account_are_refused(monkeypatch):
    stored = usual("events").schema()
    wider = (*AccountWindows.FIELDS, Field("more", np.dtype("<f4")))
    monkeypatch.setattr(AccountWindows, "FIELDS", wider)
    assert "field more is new" in refusal(new("events"), stored)
    monkeypatch.undo()
    monkeypatch.setattr(AccountObserver, "FIELDS", AccountObserver.FIELDS[::-1])
    assert "order of the fields is " in refusal(new("events"), stored)


def test_a_log_that_was_refused_leaves_nothing_behind():
    task, other = new("events"), new("events")
    with pytest.raises(StateError):
        task.check(None)
    assert task.checkpoint_record() == other.checkpoint_record()
    assert task.resume_offset is None
