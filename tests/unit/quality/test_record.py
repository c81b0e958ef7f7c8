import pytest
from msgspec.structs import replace
from quality import record
from quality.alarms import Curves
from quality.measure import Found, Outcome
from quality.plan import first
from quality.record import Record, worse
from quality.run import Result

FOUND = Found(accounts=10, found=True, recall=0.9, precision=1.0, after_s=1000.0, requests=50,
              leaked=0.1, exposed=0.2)  # fmt: skip
OUTCOME = Outcome(scenario="pool", detector="distillwatch", mode="gateway", incidents=1,
                  false_incidents=0, false_per_10k_day=0.0, false_kinds={}, accused=9, right=9,
                  campaign=FOUND)  # fmt: skip
RECORD = Record(plan="p", mode="gateway", parameters="p", traffic="t", revisions={"pool": "r"},
                outcomes=[OUTCOME])  # fmt: skip


def result(scenario, mode, revision):
    return Result(
        scenario=scenario, mode=mode, revision=revision, seconds=1.0, events=1,
        outcomes=[replace(OUTCOME, scenario=scenario, mode=mode)], curves=Curves(),
    )  # fmt: skip


def now(**changes):
    return [replace(OUTCOME, campaign=replace(FOUND, **changes))]


def test_the_same_and_the_better_are_not_worse():
    assert worse(RECORD, [OUTCOME]) == []
    assert worse(RECORD, now(recall=1.0, leaked=0.0, after_s=10.0)) == []


def test_what_tolerances_allow_is_not_worse():
    assert worse(RECORD, now(recall=0.89, leaked=0.105, after_s=1500.0, precision=0.995)) == []


def test_every_figure_that_got_worse_is_named():
    assert worse(RECORD, now(recall=0.8)) == ["pool, gateway: recall 0.900 -> 0.800"]
    assert worse(RECORD, now(leaked=0.2)) == ["pool, gateway: leaked 0.100 -> 0.200"]
    assert worse(RECORD, now(precision=0.5)) == ["pool, gateway: precision 1.0 -> 0.5"]
    assert worse(RECORD, now(after_s=9000.0)) == ["pool, gateway: found after 1000 s -> 9000 s"]
    assert worse(RECORD, now(found=False, after_s=None)) == ["pool, gateway: found -> not found"]
    assert worse(RECORD, [replace(OUTCOME, false_incidents=1)]) == [
        "pool, gateway: false incidents 0 -> 1"
    ]


def test_other_detectors_and_modes_are_not_compared():
    other = replace(now(recall=0.0)[0], detector="other")
    assert worse(RECORD, [other, replace(now(recall=0.0)[0], mode="full")]) == []


def test_a_record_is_read_as_it_was_written(tmp_path, monkeypatch):
    monkeypatch.setattr(record, "HERE", tmp_path / "recorded")
    record.write(RECORD)
    assert record.read("p", "gateway") == RECORD
    assert record.read("p", "full") is None
    assert record.read("q", "gateway") is None


def test_results_of_several_revisions_are_not_recorded(tmp_path, monkeypatch):
    monkeypatch.setattr(record, "HERE", tmp_path)
    results = [result("pool", "gateway", "r1"), result("relay", "gateway", "r2")]
    mixed = record.of(first(), "gateway", "t", results)
    with pytest.raises(record.MixedRevisionsError, match=r"r1: pool; r2: relay"):
        record.write(mixed)
    assert record.read("first", "gateway") is None


def test_a_record_has_the_results_of_its_mode_alone():
    results = [result("pool", "gateway", "r1"), result("pool", "full", "r2")]
    one = record.of(first(), "full", "t", results)
    assert (one.revision, [o.mode for o in one.outcomes]) == ("r2", ["full"])
