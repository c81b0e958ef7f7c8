"""From traffic to a named campaign: answers in the log, an alert, a data set, the commands."""

from __future__ import annotations

import gzip
import json
from typing import TYPE_CHECKING, Any

import pytest
from kafka import KafkaProducer

from stream.tools.replay.answers_dump import dump
from stream.tools.simulate.population import Crowd, PlantedCampaigns
from stream.tools.simulate.scenario import Scenario
from testlib.brokers.one_broker import ON_EMBEDDED
from testlib.traced import (
    CAMPAIGN,
    MEMBERS,
    OLD_KEY,
    TRACE_KEY,
    campaign_of,
    everyone,
    stored,
    text,
)
from testlib.workers.command import environment, run, settings
from testlib.workers.worker import worker

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]

SCENARIO = Scenario(
    id="trace",
    crowd=Crowd(
        people=60,
        tool_users=20,
        staff=15,
        services=6,
        batches=1,
        evaluations=1,
        pipelines=1,
        migrations=1,
        tutoring=1,
    ),
    planted=PlantedCampaigns(pool=30, after_s=3 * 3600.0),
    span_s=5 * 3600.0,
)
OTHERS = [text("of nobody", n) for n in range(500)]


def log() -> list[dict[str, Any]]:
    """Return the events of simulated traffic, each with an answer of its own."""
    found = [json.loads(line) for line in SCENARIO.lines()]
    return [one | {"response": text("answer", n, words=300)} for n, one in enumerate(found)]


def written(path: Path, rows: Iterable[str]) -> Path:
    lines = [json.dumps({"instruction": "a task", "output": row}) for row in rows]
    path.write_bytes(gzip.compress("\n".join(lines).encode()))
    return path


@ON_EMBEDDED
def test_a_data_set_made_of_a_campaigns_answers_names_it(bootstrap: str, tmp_path: Path) -> None:
    given = settings(
        bootstrap,
        kafka_transactions=False,
        kafka_compression="none",
        trace_enabled="true",
        trace_key=TRACE_KEY,
    )
    assert run(given, "topics", "create").returncode == 0
    events = log()
    data = written(tmp_path / "empty.jsonl.gz", OTHERS)
    empty = run(given, "trace", str(data))
    assert (empty.returncode, empty.stderr.count("\n")) == (2, 1)
    assert "no answer is stored" in empty.stderr

    producer = KafkaProducer(bootstrap_servers=bootstrap)
    for event in events:
        producer.send(given["DISTILLWATCH_TOPICS_REQUESTS"], json.dumps(event).encode())
    producer.flush()
    producer.close()
    with worker(given, tmp_path) as one:
        one.until(
            lambda: one.total("distillwatch_events_total", result="accepted") == len(events),
            what="all events",
            within_s=120,
        )
        # The last alert of this log: those before it lack members, who would be controls.
        one.until(
            lambda: one.total("distillwatch_alerts_total", kind="campaign", severity="critical"),
            what="the alert of the whole campaign",
            within_s=120,
        )
        assert one.stop() == 0

    pool = {account.account_id for account in SCENARIO.accounts if account.campaign_id}
    copied = [event["response"] for event in events if event["account_id"] in pool][::4]
    made = written(tmp_path / "made.jsonl.gz", [*OTHERS, *(one.upper() for one in copied)])
    bundle = tmp_path / "evidence.zip"
    found = run(given, "trace", str(made), "--format", "json", "--bundle", str(bundle))
    assert found.returncode == 0, found.stderr
    result = json.loads(found.stdout)
    named = [one for one in result["groups"] if one["named"]]
    assert len(named) == 1
    assert named[0]["p"] < 1e-6
    assert {one["account_id"] for one in named[0]["members"]} <= pool
    assert min(named[0]["rows"]) > len(OTHERS)
    assert "SHA-256" in found.stderr
    assert bundle.exists()
    assert not any(word in found.stdout for word in ("word1 ", TRACE_KEY))

    untouched = run(given, "trace", str(data), "--format", "json")
    assert untouched.returncode == 0, untouched.stderr
    assert not any(one["named"] for one in json.loads(untouched.stdout)["groups"])

    wrong = run(given | {"DISTILLWATCH_TRACE_KEY": OLD_KEY}, "trace", str(made))
    assert (wrong.returncode, wrong.stderr.count("\n")) == (2, 1)
    assert wrong.stderr.startswith("distillwatch: trace.key: no record")

    kept = tmp_path / "answers"
    assert run(given, "trace", str(made), "--save-answers", str(kept)).returncode == 0
    again = run(given, "trace", str(made), "--answers", str(kept), "--format", "json")
    assert again.stdout == found.stdout


def test_files_alone_are_enough(tmp_path: Path) -> None:
    given = everyone(controls=200)
    data = written(
        tmp_path / "set.jsonl.gz", [*OTHERS, *(one for name in MEMBERS for one in given[name][:2])]
    )
    with (tmp_path / "answers").open("wb") as file:
        for record in stored(given):
            dump(file, record)
    (tmp_path / "alerts.jsonl").write_bytes(campaign_of(MEMBERS) + b"\nno alert\n")
    files = ("--answers", str(tmp_path / "answers"), "--alerts", str(tmp_path / "alerts.jsonl"))
    own = environment(trace_key=TRACE_KEY)
    done = run(own, "trace", str(data), *files)
    assert done.returncode == 0, done.stderr
    assert "Answers to these are in the data set" in done.stdout
    assert CAMPAIGN in done.stdout
    assert "1 lines are no alerts" in done.stderr
    out = tmp_path / "result.json"
    assert run(own, "trace", str(data), *files, "--format", "json", "--out", str(out)).stdout == ""
    assert json.loads(out.read_text())["groups"][0]["named"]

    for arguments, why in (
        ((str(tmp_path / "missing"),), "no such file"),
        ((str(data), "--column", "answer"), "--column: no row"),
        ((str(data), "--dated", "yesterday"), "--dated: expected a day"),
        ((str(data), "--answers", str(data)), "no dump of answers, or cut"),
        ((str(data), "--out", str(tmp_path)), "cannot be written"),
    ):
        failed = run(
            own, "trace", *arguments, *(files if "--answers" not in arguments else files[2:])
        )
        assert failed.returncode == 2, failed.stderr
        assert why in failed.stderr.splitlines()[-1]
    without = run(environment(), "trace", str(data), *files)
    assert (without.returncode, without.stderr.count("\n")) == (2, 1)
    assert "trace.key: missing" in without.stderr
