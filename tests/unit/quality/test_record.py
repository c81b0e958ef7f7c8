from msgspec.structs import replace
from quality.measure import Found, Outcome
from quality.record import Record, read, worse, write

FOUND = Found(accounts=10, found=True, recall=0.9, precision=1.0, after_s=1000.0, requests=50,
              leaked=0.1, exposed=0.2)  # fmt: skip
OUTCOME = Outcome(scenario="pool", detector="distillwatch", mode="text", incidents=1,
                  false_incidents=0, false_per_10k_day=0.0, false_kinds={}, accused=9, right=9,
                  campaign=FOUND)  # fmt: skip
RECORD = Record(plan="p", traffic="t", revision="r", outcomes=[OUTCOME])


def now(**changes):
    return [replace(OUTCOME, campaign=replace(FOUND, **changes))]


def test_the_same_and_the_better_are_not_worse():
    assert worse(RECORD, [OUTCOME]) == []
    assert worse(RECORD, now(recall=1.0, leaked=0.0, after_s=10.0)) == []


def test_what_tolerances_allow_is_not_worse():
    assert worse(RECORD, now(recall=0.89, leaked=0.105, after_s=1500.0, precision=0.995)) == []


def test_every_figure_that_got_worse_is_named():
    assert worse(RECORD, now(recall=0.8)) == ["pool, text: recall 0.900 -> 0.800"]
    assert worse(RECORD, now(leaked=0.2)) == ["pool, text: leaked 0.100 -> 0.200"]
    assert worse(RECORD, now(precision=0.5)) == ["pool, text: precision 1.0 -> 0.5"]
    assert worse(RECORD, now(after_s=9000.0)) == ["pool, text: found after 1000 s -> 9000 s"]
    assert worse(RECORD, now(found=False, after_s=None)) == ["pool, text: found -> not found"]
    assert worse(RECORD, [replace(OUTCOME, false_incidents=1)]) == [
        "pool, text: false incidents 0 -> 1"
    ]


def test_other_detectors_and_modes_are_not_compared():
    other = replace(now(recall=0.0)[0], detector="other")
    assert worse(RECORD, [other, replace(now(recall=0.0)[0], mode="silent")]) == []


def test_a_record_is_read_as_it_was_written(tmp_path):
    write(RECORD, tmp_path / "recorded" / "x.json")
    assert read(tmp_path / "recorded" / "x.json") == RECORD
    assert read(tmp_path / "none.json") is None
