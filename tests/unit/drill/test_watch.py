"""What the offsets of groups and the topics say of a drill; brokers are answered for."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import msgspec
import pytest
from kafka.structs import OffsetAndMetadata

from stream.core.alerts import Alert
from stream.core.findings import Observed
from stream.settings import Settings
from stream.tools.drill.watch import Groups, Seen, Watch

ALERT = Alert(
    alert_id="inc_1",
    kind="campaign",
    status="firing",
    severity="info",
    score=0.9,
    campaign_id="cmp_1",
    account_ids=["drill-a-000", "drill-a-001", "acc-1"],
    started_at="2026-01-02T03:04:00Z",
    detected_at="2026-01-02T03:10:00Z",
    updated_at="2026-01-02T03:10:00Z",
    summary="",
    evidence=[],
    observed=Observed(requests=1),
    techniques=[],
    runbook_url="",
    model_version="1",
    drill=True,
)


class Admin:
    """Answers with these offsets, whatever the partition."""

    def __init__(self, **offsets: OffsetAndMetadata) -> None:
        self.offsets = offsets

    def list_group_offsets(self, asked: dict[str, list[Any]]) -> dict[str, dict[Any, Any]]:
        ((group, tps),) = asked.items()
        return {group: {tp: self.offsets[group] for tp in tps if group in self.offsets}}


@pytest.mark.parametrize(
    ("at", "result"),
    [
        (OffsetAndMetadata(5, "", -1), None),  # the alert itself is still to come
        (OffsetAndMetadata(-1, "", -1), None),
        (OffsetAndMetadata(6, "inc_1 skipped", -1), "skipped"),
        (OffsetAndMetadata(9, "inc_1 rejected", -1), "rejected"),
        (OffsetAndMetadata(9, "inc_0 rejected", -1), "handled"),  # of an earlier drill
        (OffsetAndMetadata(9, None, -1), "handled"),
    ],
)
async def test_a_sink_is_done_when_its_group_is_past_the_alert(at: Any, result: Any) -> None:
    groups = Groups(Settings(), Admin(sink=at))  # type: ignore[arg-type]
    seen = Seen(alert=ALERT, at=(0, 5))
    assert (await groups.results(["sink", "other"], seen)).get("sink") == result


async def test_what_workers_have_committed_is_read() -> None:
    groups = Groups(Settings(), Admin(distillwatch=OffsetAndMetadata(4, "", -1)))  # type: ignore[arg-type]
    assert await groups.read(Seen(sent={0: [2, 3, 5], 1: [3]})) == 3


def record(value: bytes, offset: int) -> Any:
    return SimpleNamespace(value=value, partition=0, offset=offset)


def test_only_an_alert_about_the_drills_own_accounts_counts() -> None:
    seen = Seen()
    watch = Watch(Settings(), ["drill-a-000", "drill-a-001"], seen)
    others = [
        msgspec.structs.replace(ALERT, drill=False),
        msgspec.structs.replace(ALERT, status="resolved"),
        msgspec.structs.replace(ALERT, account_ids=["drill-b-000"]),
    ]
    for number, value in enumerate([b"", *map(msgspec.json.encode, others)]):
        watch._on_alert(record(value, number))
    assert seen.alert is None
    watch._on_alert(record(msgspec.json.encode(ALERT), 7))
    assert (seen.alert, seen.at) == (ALERT, (0, 7))
    assert seen.members == {"drill-a-000", "drill-a-001"}


def test_only_dead_letters_of_the_drills_own_records_count() -> None:
    seen = Seen(sent={1: [4, 5]})
    watch = Watch(Settings(), [], seen)
    for topic, partition, offset in [("gateway.requests", 1, 4), ("t", 1, 5), ("t", 0, 4)]:
        watch._on_dead_letter(
            {
                "source_topic": topic.encode(),
                "source_partition": str(partition).encode(),
                "source_offset": str(offset).encode(),
                "reason": b"bad_signature",
            }
        )
    watch._on_dead_letter({})
    assert seen.dead_letters == {"bad_signature": 1}
