"""A dead letter has the original bytes, or as many as are kept and where the whole of them is."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import msgspec
import pytest

from stream.core.records import Record
from stream.metrics import Metrics
from stream.pipeline.build import intake
from stream.settings import Settings

if TYPE_CHECKING:
    from stream.core.records import Emission

GOOD = b'{"timestamp":1772410000,"account_id":"a","model":"m"}'


def process(*values: bytes, most: int = 1000) -> tuple[list[Emission], Metrics]:
    settings = Settings().stages
    limits = msgspec.structs.replace(settings.intake, max_dead_letter_bytes=most)
    metrics = Metrics()
    source = intake(
        replace(settings, intake=limits), topic="requests", source_partitions=8, metrics=metrics
    )
    records = [Record(40 + i, None, value) for i, value in enumerate(values)]
    emissions = source.process(7, records, now_s=1_772_410_001.0)
    return [e for e in emissions if e.role == "deadletter"], metrics


@pytest.mark.parametrize("size", [1, 1000])
def test_it_has_the_original_bytes_and_says_whence_and_why(size: int) -> None:
    ((letter,), _) = process(GOOD, b"\xff" * size, GOOD)
    assert letter.value == b"\xff" * size
    assert dict(letter.headers) == {
        "source_topic": b"requests",
        "source_partition": b"7",
        "source_offset": b"41",
        "reason": b"not_json",
    }


def test_a_long_one_is_cut_and_says_how_long_it_was() -> None:
    ((letter,), metrics) = process(GOOD, b"\xff" * 1001)
    assert letter.value == b"\xff" * 1000
    assert dict(letter.headers)["original_bytes"] == b"1001"
    assert dict(letter.headers)["source_offset"] == b"41"
    count = metrics.registry.get_sample_value
    assert count("distillwatch_limit_hits_total", {"limit": "dead_letters"}) == 1


def test_none_of_the_text_is_kept_where_none_is_wanted() -> None:
    ((letter,), _) = process(b"private", most=0)
    assert letter.value == b""
    assert dict(letter.headers)["original_bytes"] == b"7"


def test_what_callers_can_bring_about_never_stops_the_worker() -> None:
    """Whoever sends only what is too large or too deep would else switch detection off."""
    deep = GOOD[:-1] + b',"x":' + b"[" * 9000 + b"]" * 9000 + b"}"
    large = GOOD[:-1] + b',"prompt":"' + b"x" * 2_000_000 + b'"}'
    letters, _ = process(*[deep, large] * 600)
    assert {dict(letter.headers)["reason"] for letter in letters} == {b"too_deep", b"too_large"}
