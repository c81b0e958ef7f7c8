"""The table of bounds says what settings, constants and metrics really are."""

from __future__ import annotations

import re
from importlib import import_module
from pathlib import Path

import pytest

from stream.cli.describe import describe
from stream.metrics import catalogue
from stream.telemetry.declaration import OVERFLOW, PREFIX

PAGE = (Path(__file__).parents[2] / "deploy" / "bounds.md").read_text()
ROWS = [
    [cell.strip() for cell in line.strip("|").split("|")]
    for line in PAGE.splitlines()
    if line.startswith("| ") and not line.startswith("| what |")
]
DEFAULTS = {setting.name: setting.default for setting in describe()}
METRICS = {metric.name.removeprefix(f"{PREFIX}_") for metric in catalogue()}


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0][:40])
def test_a_bound_is_what_the_table_says(row: list[str]) -> None:
    _, bound, where, beyond, counted = row
    said = float(bound.split()[0].replace(",", ""))
    name = where.strip("`")
    actual = float(DEFAULTS[name]) if name in DEFAULTS else constant(name)
    assert said == pytest.approx(actual, rel=1e-3)  # settings are shown with six digits
    assert beyond
    assert counted.startswith("none: ") or set(re.findall("`([a-z_]+)`", counted))
    assert set(re.findall("`([a-z_]+)`", counted)) <= METRICS | {OVERFLOW}


def constant(name: str) -> float:
    """Return a constant of a module, or the default of a class in one."""
    owner, _, last = name.rpartition(".")
    module, _, kind = owner.rpartition(".")
    if kind[0].isupper():
        return getattr(getattr(import_module(module), kind)(), last)
    return getattr(import_module(owner), last)


def test_every_limit_among_the_settings_is_in_the_table() -> None:
    limits = {name for name in DEFAULTS if ".max_" in name} - {
        "intake.max_future_s",  # a time, not an amount
    }
    assert limits <= {row[2].strip("`") for row in ROWS}


def test_what_the_text_names_exists() -> None:
    named = set(re.findall(r"`([a-z]+\.[a-z_]+)`", PAGE))
    assert named <= DEFAULTS.keys()
    assert set(re.findall(r"`([a-z_]+_total)`", PAGE)) <= METRICS | {"account_ids_total"}
