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
from testlib.brokers.one_broker import ON_EMBEDDED
from testlib.decisions import KEY as DECISIONS_KEY
from testlib.paths import ROOT
from testlib.workers.command import run, settings
from testlib.workers.worker import worker

if TYPE_CHECKING:
    from pathlib import Path

    from stream.trace.answer_record import Answers

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300), ON_EMBEDDED]

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


def place(bootstrap: str, **more: object) -> dict[str, str]:
    """Return an environment whose topics are made."""
    environment = settings(bootstrap, kafka_transactions=False, kafka_compression="none", **more)
    made = run(environment, "topics", "create")
    assert made.returncode == 0, made.stderr
    return environment


def send(environment: dict[str, str], lines: list[bytes]) -> None:
    producer = KafkaProducer(bootstrap_servers=environment["DISTILLWATCH_KAFKA_BOOTSTRAP_SERVERS"])
    for line in lines:
        producer.send(environment["DISTILLWATCH_TOPICS_REQUESTS"], line)
    producer.flush()
    producer.close()


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
    bootstrap: str, tmp_path: Path
) -> None:
    environment = place(bootstrap, trace_enabled="true", trace_key=KEY, trace_one_in=4)
    send(environment, LINES)
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


def test_nothing_is_kept_unless_answers_are_traced(bootstrap: str, tmp_path: Path) -> None:
    environment = place(bootstrap, trace_key=KEY)
    send(environment, LINES)
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


def test_of_an_account_that_people_watch_more_is_kept(bootstrap: str, tmp_path: Path) -> None:
    environment = place(bootstrap, trace_enabled="true", trace_key=KEY, decisions_key=DECISIONS_KEY)
    watch = ("watch", "--account", "acct_1", "--for", "8h", "--author", "ana", "--reason", "odd")
    decided = run(environment, "decide", *watch)
    assert decided.returncode == 0, decided.stderr

    def densities() -> set[tuple[str, int]]:
        """Return accounts with their densities, after one more answer for each."""
        send(environment, LINES)
        return {
            (record.accounts[account], one_in)
            for record in kept(environment)
            for account, one_in in zip(record.account, record.one_in.tolist(), strict=True)
        }

    with worker(environment, tmp_path) as one:
        # The decision is read beside the log: answers that came before it are as all others.
        one.until(lambda: ("acct_1", 16) in densities(), within_s=90, what="denser sketches")
        assert {one_in for name, one_in in densities() if name != "acct_1"} == {64}
        assert one.stop() == 0
