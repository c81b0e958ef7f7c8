"""What tracing a large data set takes: time of one core and memory.

Synthetic rows (words drawn as in English, Zipf) and stored hashes (random numbers), in one process
that does what the command does behind its readers. It prints the steps and the memory at most.

Run: python tests/bench/trace_speed.py [--rows 1000000] [--words 100] [--hashes 100000000]
     [--canaries 10000]
"""

from __future__ import annotations

import argparse
import resource
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from stream.core.canaries import CANARIES, canary_of
from stream.core.decisions import DecisionSubject, Limits
from stream.core.secret import Secret
from stream.tools.replay.answers_dump import dump, dumped_answers
from stream.tools.replay.dataset import DatasetReader
from stream.trace.answer_record import Answers, encode
from stream.trace.canary_decisions import CanaryDecisions
from stream.trace.keys import trace_keys
from stream.trace.trace_run import TraceRun
from testlib.decisions import NOW_S, proposal
from testlib.traced import TRACE_KEY, campaign_of, dataset_of

if TYPE_CHECKING:
    from collections.abc import Iterator

KEYS = trace_keys(Secret(TRACE_KEY))
ACCOUNTS = 100_000
#: Answers of a record of the topic, and hashes of each.
ANSWERS, EACH = 500, 6


def rows(count: int, words: int, random: np.random.Generator) -> Iterator[bytes]:
    vocabulary = np.array([f"w{n:x}" for n in range(50_000)])
    for at in range(0, count, 1000):
        drawn = np.minimum(random.zipf(1.1, (min(1000, count - at), words)), len(vocabulary)) - 1
        for line in vocabulary[drawn]:
            yield msgspec.json.encode({"instruction": "a task", "output": " ".join(line)}) + b"\n"


def records(count: int, random: np.random.Generator) -> Iterator[bytes]:
    limit = 2**64 // 64
    for at in range(0, count, ANSWERS * EACH):
        account = np.arange(at, at + ANSWERS) * 7919 % ACCOUNTS
        used, account = np.unique(account, return_inverse=True)
        yield from encode(
            Answers(
                KEYS[0].key_id,
                [f"account-{n}" for n in used.tolist()],
                account.astype(np.uint32),
                np.full(ANSWERS, 1_772_000_000, np.uint32),
                np.full(ANSWERS, 64, np.uint16),
                np.full(ANSWERS, EACH, np.uint32),
                random.integers(0, limit, ANSWERS * EACH, np.uint64),
            ),
            most_bytes=2**20,
        )


def decisions(count: int, random: np.random.Generator) -> CanaryDecisions:
    """Return decisions with canaries that no row has."""
    numbers = random.integers(0, CANARIES, count).tolist()
    return CanaryDecisions(
        decisions=[
            proposal(
                decision_id=f"dec_{at:020x}",
                action="mark",
                subject=DecisionSubject(kind="account", id=f"account-{at}"),
                approved_at=NOW_S,
                limits=Limits(canary=canary_of(number)),
            )
            for at, number in enumerate(numbers)
        ]
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--words", type=int, default=100)
    parser.add_argument("--hashes", type=int, default=100_000_000)
    parser.add_argument("--canaries", type=int, default=10_000, help="of as many decisions")
    arguments = parser.parse_args()
    random = np.random.default_rng(1)
    with tempfile.TemporaryDirectory() as folder:
        file, answers = Path(folder) / "set.jsonl", Path(folder) / "answers"
        with file.open("wb") as out:
            out.writelines(rows(arguments.rows, arguments.words, random))
        with answers.open("wb") as out:
            for value in records(arguments.hashes, random):
                dump(out, value)
        measure(file, answers, decisions(arguments.canaries, random))


def measure(file: Path, answers: Path, canaries: CanaryDecisions) -> None:
    begun, took = time.process_time(), time.perf_counter()
    run = TraceRun(KEYS, densest=16, thinnest=64, level=0.001, dated=None, decisions=canaries)
    for number in range(100):
        members = [f"account-{number * 50 + n}" for n in range(50)]
        run.book.take_alert(campaign_of(members, number))
    reader = DatasetReader(file)
    for portion in reader.portions():
        run.add_texts(portion.texts, portion.rows)
    taker = run.start_answers()
    print(f"data set: {len(run.file):,} hashes, {time.process_time() - begun:.0f} s of processor")
    for value in dumped_answers(answers):
        taker.take(value)
    print(f"answers: {time.process_time() - begun:.0f} s")
    result = run.result(dataset_of(reader.rows), [])
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(
        f"{reader.rows:,} rows against {result.answers.hashes:,} hashes of "
        f"{result.answers.accounts:,} accounts, {len(result.groups)} campaigns: "
        f"{time.process_time() - begun:.0f} s of processor, {time.perf_counter() - took:.0f} s, "
        f"{peak:.2f} GiB at most"
    )


if __name__ == "__main__":
    main()
