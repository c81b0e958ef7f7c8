"""What the command keeps of its results, refuses to keep, and compares."""

import argparse
import math
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from msgspec.structs import replace
from quality import __main__ as command
from quality import record
from quality.alarms import Curves
from quality.measure import Outcome
from quality.plan import quick
from quality.run import Result

STORE: Any = SimpleNamespace(plan=quick(), data=None, root=Path("quick-1"))
OUTCOME = Outcome(
    scenario="benign", detector="distillwatch", mode="gateway", incidents=0, false_incidents=0,
    false_per_10k_day=0.0, false_kinds={}, accused=0, right=0,
)  # fmt: skip


def results(revision="r", **changes):
    return [
        Result(
            scenario="benign", mode=mode, revision=revision, seconds=1.0, events=1,
            outcomes=[replace(OUTCOME, mode=mode, **changes)], curves=Curves(),
        )
        for mode in ("gateway", "full")
    ]  # fmt: skip


def compare(found, *, keep=False, modes=("gateway", "full"), hours=math.inf):
    options = argparse.Namespace(record=keep, modes=modes, hours=hours)
    return command._compare(STORE, found, options)


@pytest.fixture(autouse=True)
def recorded(tmp_path, monkeypatch):
    monkeypatch.setattr(record, "HERE", tmp_path)
    return tmp_path


def test_each_mode_is_recorded_by_itself_and_later_results_are_compared_with_it(recorded, capsys):
    assert compare(results(), keep=True, modes=("gateway",)) == 0
    assert [path.name for path in recorded.rglob("*.json")] == ["gateway.json"]
    assert compare(results()) == 0
    assert "nothing worse than recorded at r" in capsys.readouterr().out
    assert compare(results(false_incidents=1)) == 1
    assert "benign, gateway: false incidents 0 -> 1" in capsys.readouterr().out


def test_results_on_other_traffic_are_not_compared(monkeypatch):
    compare(results(), keep=True)
    monkeypatch.setattr(STORE, "root", Path("quick-2"))
    assert compare(results(false_incidents=1)) == 0


@pytest.mark.parametrize(
    ("arguments", "revision", "why"),
    [
        (("--record", "--hours", "3"), "abc", "plays a part"),
        (("--record",), "abc-dirty-123456", "commit them"),
        (("--set", "held-out"), "abc-dirty-123456", "commit them"),
    ],
)
def test_what_would_be_no_record_is_refused_before_it_is_played(
    monkeypatch, tmp_path, arguments, revision, why
):
    monkeypatch.setattr(command, "revision", lambda: revision)
    monkeypatch.setattr("sys.argv", ["quality", *arguments, "--cache", str(tmp_path / "cache")])
    with pytest.raises(SystemExit, match=why):
        command.main()
