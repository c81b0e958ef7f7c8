"""The report of a soak from its files, also of a run that died, and what it calls broken."""

from pathlib import Path
from xml.etree import ElementTree as ET

import msgspec
import pytest
from soak import series
from soak.charts import thin
from soak.month import START_S, Month
from soak.report import report
from soak.series import End, Life, Mark, Meta, Sample
from soak.verdicts import verdicts

from stream.core.rfc3339 import rfc3339
from testlib.decisions import campaign_alert

PACE = 300.0
DAYS = 0.2
MIB = 2**20


def sample(at_s: float, *, rss: float = 200 * MIB, **changes: object) -> Sample:
    metrics = {"late_rows_total": 0.0, "records_lost_total": 0.0, "early_firings_total": 0.0}
    lives = [
        Life(
            n + 1,
            n,
            100 + n,
            at_s,
            int(rss + n * MIB),
            50,
            9,
            at_s / 10,
            ready=True,
            metrics=metrics,
        )
        for n in range(2)
    ]
    given: dict = {
        "event_s": START_S + at_s * PACE,
        "sent": int(at_s * 10),
        "workers": lives,
        "behind": {"gateway.requests": 3},
        "lag_s": 12.0,
        "committed": int(at_s * 10),
        "topics": {"gateway.requests": 30 * MIB, "distillwatch.internal.<events>": 20 * MIB},
    }
    return Sample(at_s=at_s, **given | changes)


@pytest.fixture(scope="module")
def sent() -> dict[str, int]:
    return {"2026-03-02": sum(1 for _ in Month(DAYS, 7).requests())}


@pytest.fixture
def folder(tmp_path: Path, sent: dict[str, int]) -> Path:
    """A run of which all is well."""
    meta = Meta(
        days=DAYS,
        pace=PACE,
        seed=7,
        began=0.0,
        revision="abc",
        older_revision="def",
        command="--hours 1",
        settings={"kafka_app_id": "soak"},
    )
    series.write(tmp_path / "meta.json", meta)
    for at_s in range(0, 1800, 10):
        series.append(tmp_path / "samples.jsonl", sample(float(at_s)))
    series.append(tmp_path / "marks.jsonl", Mark(300.0, "kill", "worker 1 killed <SIGKILL>"))
    month = Month(DAYS, 7)
    (span,) = month.campaigns()
    alert = msgspec.structs.replace(
        campaign_alert(8, 0),
        account_ids=sorted(month.labels().campaigns[span.campaign]),
        updated_at=rfc3339(span.start_s + 3600),
    )
    series.append(tmp_path / "alerts.jsonl", alert)
    series.write(tmp_path / "sent.json", sent)
    series.write(
        tmp_path / "end.json", End(at_s=1800.0, ledger=dict(sent), dead_letters=0, drained_s=9.0)
    )
    return tmp_path


def broken(folder: Path) -> list[str]:
    return [one.promise for one in verdicts(series.read(folder))[0] if one.holds is False]


def test_a_run_of_which_all_is_well(folder: Path) -> None:
    assert report(folder)
    page = (folder / "report.html").read_text()
    assert "found after" in page
    assert "src=" not in page
    assert "href=" not in page
    assert "<SIGKILL>" not in page
    svg = ET.parse(folder / "soak.svg").getroot()  # noqa: S314 - our own file
    assert len(list(svg.iter("{http://www.w3.org/2000/svg}polyline"))) >= 6
    assert "| every request is counted once |" in (folder / "report.md").read_text()
    told = msgspec.json.decode((folder / "report.json").read_bytes())
    assert len(told["samples"]) == 180
    assert all(verdict["holds"] is not False for verdict in told["verdicts"])


def test_growing_memory_is_broken(folder: Path) -> None:
    (folder / "samples.jsonl").unlink()
    for at_s in range(0, 1800, 10):
        grown = 200 * MIB * (1 + 0.2 * at_s / 8640)
        series.append(folder / "samples.jsonl", sample(float(at_s), rss=grown))
    assert broken(folder) == ["memory of workers is flat"]


def test_a_step_at_a_takeover_is_no_growth_but_memory_has_a_limit(folder: Path) -> None:
    (folder / "samples.jsonl").unlink()
    for at_s in range(0, 3000, 10):
        one = sample(float(at_s), rss=(200 + 60 * (at_s // 1000)) * MIB)
        for life in one.workers:
            life.metrics["rebalances_total"] = at_s // 1000
        series.append(folder / "samples.jsonl", one)
    assert broken(folder) == []
    series.append(folder / "samples.jsonl", sample(3000.0, rss=500 * MIB))
    assert broken(folder) == ["memory of a worker is bounded"]


def test_a_lost_request_is_broken(folder: Path, sent: dict[str, int]) -> None:
    fewer = {day: count - 1 for day, count in sent.items()}
    end = End(at_s=1800.0, ledger=fewer, dead_letters=0, drained_s=9.0)
    series.write(folder / "end.json", end)
    assert broken(folder) == ["every request is counted once"]


def test_a_missed_campaign_is_broken(folder: Path) -> None:
    (folder / "alerts.jsonl").unlink()
    assert broken(folder) == ["campaign pool-1 is found"]


def test_lag_and_pauses_are_broken(folder: Path) -> None:
    for at_s in range(1800, 2000, 10):
        late = sample(float(at_s), lag_s=float(at_s - 1790), committed=17900)
        series.append(folder / "samples.jsonl", late)
    assert broken(folder) == ["lag is bounded", "commits advance"]


def test_traffic_that_had_to_wait_for_the_workers_is_broken(folder: Path) -> None:
    series.append(folder / "samples.jsonl", sample(1800.0, held_s=90.0))
    assert broken(folder) == ["workers keep up with the traffic"]


def test_a_campaign_that_was_cut_short_is_not_missed(folder: Path) -> None:
    (folder / "alerts.jsonl").unlink()
    (folder / "samples.jsonl").unlink()
    series.append(folder / "samples.jsonl", sample(10.0))
    assert broken(folder) == []


def test_topics_that_grow_are_broken(folder: Path) -> None:
    (folder / "samples.jsonl").unlink()
    for at_s in range(0, 3600, 60):
        grown = {"gateway.requests": int(at_s * 1e5)}
        series.append(folder / "samples.jsonl", sample(float(at_s), topics=grown))
    assert broken(folder) == ["topics are bounded"]
    (folder / "samples.jsonl").unlink()
    for at_s in range(0, 3600, 60):
        full = {"gateway.requests": int(min(at_s, 1000) * 1e5), "__cluster_metadata": at_s * 9999}
        series.append(folder / "samples.jsonl", sample(float(at_s), topics=full))
    assert broken(folder) == []


def test_a_run_that_died_has_a_report_of_what_it_measured(folder: Path) -> None:
    (folder / "end.json").unlink()
    with (folder / "samples.jsonl").open("ab") as file:
        file.write(b'{"at_s": 18')
    assert not report(folder)
    assert broken(folder) == []
    assert "the run was ended before its end" in (folder / "report.html").read_text()


def test_peaks_stay_where_points_are_left_out() -> None:
    points = [(float(i), 1.0) for i in range(10_000)]
    points[5001] = (5001.0, 50.0)
    few = thin(points)
    assert len(few) <= 700
    assert max(few, key=lambda point: point[1]) == (5001.0, 50.0)
