"""The turns of light accounts with unexplained context go to alerting, and no others."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from unittest import mock

import msgspec
import numpy as np
import pytest

from stream.campaigns.clusters.detector import ClusterDetector
from stream.core.errors import PacketError
from stream.core.findings import TURN, LightTurns
from stream.core.packets import ChunkHeader, pack, unpack
from stream.core.records import Record
from stream.metrics import Metrics
from stream.pipeline.chain import Chain
from stream.pipeline.light_turns import LIGHT, MOST_TURNS
from stream.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Sequence

START = 1_772_409_600.0
SETTINGS = Settings().stages


def request(second: float, account: str, into: int, out: int, **others: object) -> bytes:
    event = {"timestamp": START + second, "account_id": account, "model": "m",
             "input_tokens": into, "output_tokens": out}  # fmt: skip
    return json.dumps(event | others).encode()


def sent(lines: list[bytes], tasks: int = 2) -> list[LightTurns]:
    """Return the turns that reach the clusters, in order."""
    found: list[LightTurns] = []

    def noting(self: object, time: float, turns: Sequence[LightTurns]) -> None:
        del self
        assert all(row.time == time for row in turns)
        found.extend(turns)

    with mock.patch.object(ClusterDetector, "add_turns", noting):
        chain = Chain(replace(SETTINGS, tasks=tasks), source="t", metrics=Metrics(strict=False))
        chain.process([Record(i, None, line) for i, line in enumerate(lines)], now_s=2e9)
        chain.finish()
    return sorted(found, key=lambda row: (row.time, row.member.account_id))


def inputs(found: list[LightTurns], account: str = "a") -> list[list[tuple[int, int]]]:
    rows = [np.frombuffer(row.turns, TURN) for row in found if row.member.account_id == account]
    return [[*zip(row["input"].tolist(), row["after"].tolist(), strict=True)] for row in rows]


def every(minutes: float, *, account: str, count: int, **others: object) -> list[bytes]:
    return [
        request(60 * minutes * n, account, 2000 + 1000 * (n % 7), 50, **others)
        for n in range(count)
    ]


def test_the_turns_of_an_account_are_sent_from_its_second_unexplained_context_on() -> None:
    lines = [
        request(0, "a", 900, 100),
        request(60, "a", 3000, 100),
        request(120, "a", 3140, 60),  # its own
        request(180, "a", 5000, 10),
        request(240, "a", 40, 10),  # a question
    ]
    assert inputs(sent(lines)) == [[(3000, 3100)], [(0, 3200)], [(5000, 5010)], [(0, 50)]]
    assert sent(lines, 1) == sent(lines, 3)


@pytest.mark.parametrize(
    "lines",
    [
        pytest.param(every(2, account="a", count=40, prompt="words"), id="with text"),
        pytest.param(every(2, account="a", count=40, status=500), id="failed"),
        pytest.param([request(60 * n, "a", 900 + 350 * n, 300) for n in range(40)], id="its own"),
    ],
)
def test_others_are_not_sent(lines: list[bytes]) -> None:
    assert sent(lines) == []


def test_a_heavy_account_is_not_sent() -> None:
    found = sent(every(1, account="a", count=int(LIGHT) + 50))
    assert len(found) == LIGHT - 1


def test_a_burst_is_cut_to_its_latest_turns() -> None:
    lines = [request(60 + n / 4, "a", 2000 + 1000 * n, 1) for n in range(100)]
    (burst,) = inputs(sent(lines))
    assert burst == [(2000 + 1000 * n, 2001 + 1000 * n) for n in range(100 - MOST_TURNS, 100)]


def test_part_of_a_turn_is_refused() -> None:
    (row,) = sent([request(60 * n, "a", 2000 * n + 900, 9) for n in range(2)])
    damaged = msgspec.structs.replace(row, turns=row.turns[:-1])
    packet = pack(source=0, sources=1, header=ChunkHeader(row.time), observations=[damaged])
    with pytest.raises(PacketError):
        unpack(packet)


def members(found: list[LightTurns]) -> list[Any]:
    return [row.member for row in found]


def test_the_account_travels_as_it_would_join_a_group() -> None:
    first, second = members(sent(every(10, account="a", count=3, organization_id="o")))
    assert (first.since, first.last) == (START + 660, START + 660)
    assert second.organization == first.organization != 0
    assert second.first_seen == START
