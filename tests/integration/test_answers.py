"""Answers in the log become hashes in their topic by a real worker, and no text goes anywhere."""

from __future__ import annotations

import json
import random
from typing import TYPE_CHECKING, Any

import pytest
from kafka import KafkaConsumer, KafkaProducer, TopicPartition

from stream.core.secret import Secret
from stream.trace.answer_record import decode
from stream.trace.keys import trace_keys
from stream.trace.sketcher import Sketcher
from testlib.paths import ROOT
from testlib.workers.command import run, settings
from testlib.workers.worker import worker

if TYPE_CHECKING:
    from pathlib import Path

    from stream.trace.answer_record import Answers

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]

KEY = "a-key-for-nothing-but-the-hashes-of-answers"
NOW = 1_760_000_000
VOCABULARY = [f"vocable{i}" for i in range(3000)]
PAYLOAD = json.loads((ROOT / "tests/samples/litellm_payloads.jsonl").read_text().splitlines()[0])
SKETCHED = "distillwatch_answers_total"


def article(seed: int, words: int = 400) -> str:
    return " ".join(random.Random(seed).choices(VOCABULARY, k=words))


def canonical(account: str, answer: str) -> bytes:
    event = {"timestamp": NOW, "account_id": account, "model": "m"}
    return json.dumps(event | {"prompt": article(99, 40), "response": answer}).encode()


def litellm(account: str, answer: str) -> bytes:
    message = {"role": "assistant", "content": f"**{answer.upper()}**"}
    changed: dict[str, Any] = {
        "startTime": NOW + 60,
        "metadata": PAYLOAD["metadata"] | {"user_api_key_hash": account},
        "response": {"choices": [{"index": 0, "message": message}]},
    }
    return json.dumps(PAYLOAD | changed).encode()


#: Each account with the answer that it got.
ANSWERS = {f"acct_{seed}": article(seed) for seed in range(6)}
LINES = [
    (canonical if seed % 2 else litellm)(account, answer)
    for seed, (account, answer) in enumerate(ANSWERS.items())
]


def place(bootstrap: str, broker: str, **more: object) -> dict[str, str]:
    """Return an environment whose topics have the log."""
    own: dict[str, object] = {"kafka_transactions": broker == "kafka", "kafka_compression": "none"}
    if broker == "kafka":
        own["kafka_session_timeout_s"] = 6
    environment = settings(bootstrap, **own, **more)
    made = run(environment, "topics", "create")
    assert made.returncode == 0, made.stderr
    producer = KafkaProducer(bootstrap_servers=bootstrap)
    for line in LINES:
        producer.send(environment["DISTILLWATCH_TOPICS_REQUESTS"], line)
    producer.flush()
    producer.close()
    return environment


def values(environment: dict[str, str], topics: set[str] | None = None) -> list[bytes]:
    """Return the value of every record of the topics, by default of all that a worker writes."""
    run_id = environment["DISTILLWATCH_KAFKA_APP_ID"]
    consumer = KafkaConsumer(
        bootstrap_servers=environment["DISTILLWATCH_KAFKA_BOOTSTRAP_SERVERS"],
        auto_offset_reset="earliest",
    )
    every = {name for name in consumer.topics() if name.startswith(f"{run_id}.")}
    written = topics or every - {environment["DISTILLWATCH_TOPICS_REQUESTS"]}
    parts = [
        TopicPartition(name, part)
        for name in written
        for part in consumer.partitions_for_topic(name) or ()
    ]
    consumer.assign(parts)
    consumer.seek_to_beginning(*parts)
    found: list[bytes] = []
    while records := consumer.poll(timeout_ms=3000):
        found += [one.value or b"" for some in records.values() for one in some]
    consumer.close()
    return found


def kept(environment: dict[str, str]) -> list[Answers]:
    return [
        decode(one) for one in values(environment, {environment["DISTILLWATCH_TOPICS_ANSWERS"]})
    ]


def test_answers_are_hashes_in_their_topic_which_match_the_same_text_and_no_other(
    bootstrap: str, broker: str, tmp_path: Path
) -> None:
    environment = place(bootstrap, broker, trace_enabled="true", trace_key=KEY, trace_one_in=4)
    with worker(environment, tmp_path) as one:
        one.until(
            lambda: one.total(SKETCHED, result="sketched") == len(LINES), what="sketches of answers"
        )
        one.until(
            lambda: one.total("distillwatch_commits_total", result="done") > 0, what="a commit"
        )
        metrics = one.page("metrics")[1]
        assert one.stop() == 0
        log = one.log
    records = kept(environment)
    current = trace_keys(Secret(KEY))[0]
    assert {record.key_id for record in records} == {current.key_id}
    of: dict[str, set[int]] = {}
    for record in records:
        begin = 0
        for account, count in zip(record.account, record.count, strict=True):
            hashes = record.hashes[begin : begin + count].tolist()
            of.setdefault(record.accounts[account], set()).update(hashes)
            begin += count
        assert {*record.time.tolist()} <= {NOW, NOW + 60}
        assert {*record.one_in.tolist()} == {4}
    sketcher = Sketcher(current.key)
    own = {name: {*sketcher.sketches([text], 4).hashes.tolist()} for name, text in ANSWERS.items()}
    assert of == own
    assert len(set.union(*own.values())) == sum(map(len, own.values())) > 400

    everything = values(environment)
    assert len(everything) > len(records)
    for text in (*everything, metrics.encode(), log.encode()):
        assert not any(word in text.lower() for word in (b"vocable", KEY.encode()))


def test_nothing_is_kept_unless_answers_are_traced(
    bootstrap: str, broker: str, tmp_path: Path
) -> None:
    environment = place(bootstrap, broker, trace_key=KEY)
    with worker(environment, tmp_path) as one:
        one.until(
            lambda: one.total("distillwatch_events_total", result="accepted") == len(LINES),
            what="events",
        )
        one.until(
            lambda: one.total("distillwatch_commits_total", result="done") > 0, what="a commit"
        )
        assert one.total(SKETCHED) == 0
        assert one.stop() == 0
    assert kept(environment) == []
