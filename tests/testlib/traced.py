"""Answers of accounts as intake keeps them, and data sets that have some of them."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Final

import msgspec
import numpy as np

from stream.core.alerts import Alert
from stream.core.canaries import canary_of
from stream.core.decisions import Decision, DecisionSubject, Limits, Reason
from stream.core.findings import Observed
from stream.core.secret import Secret
from stream.trace.answer_record import Answers, encode
from stream.trace.canary_decisions import CanaryDecisions
from stream.trace.keys import trace_keys
from stream.trace.sketcher import Sketcher
from stream.trace.trace_result import TracedDataset
from stream.trace.trace_run import TraceRun
from testlib.decisions import ALICE, proposal

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from stream.trace.trace_result import TracedGroup, TraceResult

TRACE_KEY: Final = "trace-key-of-the-tests-32-characters-or-more"
OLD_KEY: Final = "trace-key-of-the-months-before-32-characters"
NOON: Final = 1_772_366_400  # 2026-03-01T12:00:00Z
MEMBERS: Final = tuple(f"member-{n}" for n in range(12))
CAMPAIGN: Final = "cmp_00000000000000aa"
_WORDS: Final = [f"word{n}" for n in range(2000)]


def text(*seed: object, words: int = 400) -> str:
    """Return an answer of its own: the same seed gives the same."""
    return " ".join(random.Random(repr(seed)).choices(_WORDS, k=words))


def answers_of(account: str, count: int = 10) -> list[str]:
    return [text(account, n) for n in range(count)]


def everyone(controls: int = 300) -> dict[str, list[str]]:
    """Return what a campaign of twelve accounts and some others were given."""
    names = (*MEMBERS, *(f"other-{n}" for n in range(controls)))
    return {name: answers_of(name) for name in names}


def stored(
    given: Mapping[str, Sequence[str]], *, key: str = TRACE_KEY, time: int = NOON, one_in: int = 64
) -> list[bytes]:
    """Return the records of what accounts were given, one answer a minute."""
    (known,) = trace_keys(Secret(key))
    sketcher = Sketcher(known.key)
    records = []
    for name, texts in given.items():
        sketches = sketcher.sketches(texts, one_in)
        which, count = np.unique(sketches.text, return_counts=True)
        answers = Answers(
            known.key_id,
            [name],
            np.zeros(len(which), np.uint32),
            (time + 60 * which.astype(np.int64)).astype(np.uint32),
            np.full(len(which), one_in, np.uint16),
            count.astype(np.uint32),
            sketches.hashes,
        )
        records += encode(answers, most_bytes=2**20)
    return records


def campaign_of(accounts: Iterable[str], number: int = 0xAA, **changes: object) -> bytes:
    """Return an alert of a campaign."""
    fields: dict[str, object] = {
        "alert_id": f"inc_{number:020x}",
        "kind": "campaign",
        "status": "firing",
        "severity": "warning",
        "score": 0.9,
        "campaign_id": f"cmp_{number:016x}",
        "account_ids": sorted(accounts),
        "started_at": "2026-03-01T10:00:00Z",
        "detected_at": "2026-03-01T11:00:00Z",
        "updated_at": "2026-03-01T13:00:00Z",
        "summary": "Coordinated accounts",
        "evidence": [],
        "observed": Observed(requests=100),
        "techniques": [],
        "runbook_url": "",
        "model_version": "1",
    }
    return msgspec.json.encode(Alert(**(fields | changes)))  # type: ignore[arg-type]


def marked(number: int, **changes: object) -> Decision:
    """Return a decision to mark the campaign, in force since noon, with a canary of a number."""
    fields: dict[str, object] = {
        "decision_id": f"dec_{number:020x}",
        "state": "approved",
        "subject": DecisionSubject(kind="campaign", id=CAMPAIGN),
        "accounts": sorted(MEMBERS),
        "action": "mark",
        "reason": Reason(alert_id=f"inc_{0xAA:020x}"),
        "limits": Limits(canary=canary_of(number)),
        "proposed_at": NOON - 60.0,
        "approved_at": float(NOON),
        "approved_by": [ALICE],
        "time": float(NOON),
    }
    return proposal(**fields | changes)


def traced(
    rows: Sequence[str],
    records: Iterable[bytes],
    alerts: Iterable[bytes] | None = None,
    *,
    keys: str = TRACE_KEY,
    dated: float | None = None,
    decisions: CanaryDecisions | None = None,
) -> TraceResult:
    """Return what a trace of rows finds."""
    run = TraceRun(
        trace_keys(Secret(keys)) if keys else (),
        densest=16,
        thinnest=64,
        level=0.001,
        dated=dated,
        decisions=decisions or CanaryDecisions(),
    )
    run.add_texts(rows, np.arange(1, len(rows) + 1).astype(np.uint32))
    for alert in [campaign_of(MEMBERS)] if alerts is None else alerts:
        run.book.take_alert(alert)
    answers = run.start_answers()
    for record in records:
        answers.take(record)
    return run.result(dataset_of(len(rows)), [])


def dataset_of(rows: int) -> TracedDataset:
    return TracedDataset(
        sha256="0" * 64,
        bytes=1,
        format="json",
        rows_are="lines",
        rows=rows,
        rows_repeated=0,
        rows_unread=0,
        texts=rows,
        hashes=1,
    )


def only(result: TraceResult) -> TracedGroup:
    (group,) = result.groups
    return group
