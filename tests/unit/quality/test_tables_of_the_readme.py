"""The figures of what is found are those that were recorded, of one revision a table."""

import msgspec
import pytest
from quality import readme, record
from quality.measure import Found, Outcome
from quality.modes import COMPARED, HEADLINE, MODES

FOUND = Found(accounts=500, found=True, recall=0.9, precision=1.0, after_s=3600.0, requests=50,
              leaked=0.1, exposed=0.2)  # fmt: skip


def outcome(scenario, mode=HEADLINE, detector="distillwatch"):
    return Outcome(
        scenario=scenario, detector=detector, mode=mode, incidents=1, false_incidents=0,
        false_per_10k_day=0.5, false_kinds={}, accused=9, right=9,
        campaign=None if scenario == "benign" else FOUND,
    )  # fmt: skip


def recorded(plan="first", mode=HEADLINE, others=(), **revisions):
    revisions = revisions or {"benign": "r1", "relay": "r1"}
    detectors = ("distillwatch", *others)
    return record.Record(
        plan=plan, mode=mode, parameters="p", traffic="fitted, x", revisions=revisions,
        outcomes=[outcome(name, mode, d) for name in revisions for d in detectors],
    )  # fmt: skip


def keep(known):
    """Write a record as it is, as a merge by hand would."""
    where = record.path(known.plan, known.mode)
    where.parent.mkdir(parents=True, exist_ok=True)
    where.write_bytes(msgspec.json.encode(known))


@pytest.fixture
def kept(tmp_path, monkeypatch):
    monkeypatch.setattr(record, "HERE", tmp_path)
    return keep


def test_the_documents_show_what_is_recorded():
    for document, shown in (
        (readme.README, readme.headline()),
        (readme.EVALUATION, readme.results()),
    ):
        assert document.read_text() == readme.inserted(document.read_text(), shown)


def test_a_table_names_its_plan_mode_and_revision_and_what_was_not_played(kept):
    kept(recorded())
    caption, _, _, _, row = readme.headline().splitlines()
    assert caption.startswith("**Gateway fields with text** (`gateway`), plan `first` (full size; ")
    assert "fitted), revision `r1`: found 1 of 1" in caption
    assert "0.5 per 10,000 accounts a day" in caption
    assert "Not played: pool, hydra, burst" in caption
    assert row == "| relay | 0.90 | 1 h 00 min | 10.0% |"
    assert (
        "| relay: sessions under one harness | 500 | 0.90 | 1.00 | 0 | 1 h 00 min"
        in readme.results()
    )


def test_the_quick_plan_is_shown_as_such_until_the_full_one_is_played(kept):
    kept(recorded(plan="quick"))
    assert "plan `quick` (an eighth of the accounts, three days; " in readme.headline()
    kept(recorded(plan="first"))
    assert "`quick`" not in readme.headline()


def test_what_is_not_recorded_is_said(kept):
    assert readme.headline() == (
        "Nothing is recorded for gateway fields with text (`gateway`), plan `first`."
    )
    kept(recorded())
    for mode in MODES.keys() - {HEADLINE}:
        assert f"Nothing is recorded for {MODES[mode].title} (`{mode}`)" in readme.results()


@pytest.mark.parametrize(
    ("show", "mode"),
    [(readme.headline, HEADLINE), (readme.results, HEADLINE), (readme.results, COMPARED)],
)
def test_a_record_of_several_revisions_is_refused_and_named(kept, show, mode):
    kept(recorded(mode=mode, others=("other",), benign="r1", pool="r1", relay="r2"))
    with pytest.raises(record.MixedRevisionsError) as refused:
        show()
    assert str(refused.value) == (
        f"first, {mode} mixes revisions (r1: benign, pool; r2: relay): "
        "play the whole table at one revision"
    )


def test_tables_of_two_revisions_each_name_their_own(kept):
    kept(recorded())
    kept(recorded(mode=COMPARED, others=("other",), benign="r2", relay="r2"))
    shown = readme.results()
    assert shown.count("revision `r1`") == 1
    assert shown.count("revision `r2`") == 2  # the table, and the detectors beside it
    assert "| other | 0.5 | 1 of 1: all |" in shown


def test_a_document_without_the_comments_is_refused():
    with pytest.raises(ValueError, match="lacks the lines"):
        readme.inserted("# Title\n", "")
