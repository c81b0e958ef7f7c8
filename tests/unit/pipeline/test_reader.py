"""A portion at a time gives what all at once would give."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import pytest

from stream.core.records import Record
from stream.intake.codec.decoder import Decoder
from stream.intake.codec.settings import IntakeSettings
from stream.intake.fingerprint.fingerprinter import Fingerprinter
from stream.metrics import Metrics
from stream.pipeline import reader
from stream.pipeline.reader import EventReader, Read

if TYPE_CHECKING:
    from stream.intake.codec.event import RequestEvent

NOW = 1_760_000_100.0


def record(at: int) -> Record:
    row = {"timestamp": NOW - at, "account_id": f"account-{at * 7 % 5}", "model": "m"}
    row |= {"client_ip": f"192.0.2.{at % 3}", "prompt": f"what is {at % 4} times seven, and why so"}
    if at % 11 == 3:
        del row["model"]
    return Record(at, None, json.dumps([row, row] if at % 13 == 4 else row).encode())


def read(records: list[Record]) -> tuple[Read, list[RequestEvent]]:
    metrics, seen = Metrics(), []
    decoder, fingerprinter = Decoder(IntakeSettings(), metrics), Fingerprinter(b"salt")
    found = EventReader(decoder, fingerprinter, metrics, seen.extend).read(records, now_s=NOW)
    return found, seen


@pytest.mark.parametrize("count", [0, 1, 2, 50])
@pytest.mark.parametrize("portion", [1, 2, 7])
def test_portions_are_joined_in_order(count, portion, monkeypatch):
    records = [record(at) for at in range(count)]
    whole, all_events = read(records)
    monkeypatch.setattr(reader, "PORTION", portion)
    joined, seen = read(records)
    assert seen == all_events
    assert list(joined.batch.accounts) == list(whole.batch.accounts)
    for name, column in whole.batch.columns.items():
        np.testing.assert_array_equal(joined.batch.columns[name], column)
        assert joined.batch.columns[name].dtype == column.dtype
    assert [r.record.offset for r in joined.rejects] == [r.record.offset for r in whole.rejects]
    assert (joined.invalid, joined.skipped_s) == (whole.invalid, whole.skipped_s)
