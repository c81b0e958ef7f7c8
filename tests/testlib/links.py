"""Links of accounts to values, built by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from stream.campaigns.links.link_table import LinkTable
from stream.campaigns.settings import CampaignSettings
from stream.core.links import LINK_COLUMNS, LinkBatch, LinkKind
from stream.metrics import Metrics

if TYPE_CHECKING:
    from stream.core.findings import Group


Use = tuple[str, int, int, int]  # account, kind, value, requests


def table(**changed: float) -> LinkTable:
    return LinkTable(CampaignSettings(**changed), metrics=Metrics())  # type: ignore[arg-type]


def batch(time: float, rows: list[Use]) -> LinkBatch:
    names = list(dict.fromkeys(row[0] for row in rows))
    asked = {name: sum(row[3] for row in rows if row[0] == name) for name in names}
    columns = {
        "time": [time] * len(rows),
        "account": [names.index(row[0]) for row in rows],
        "kind": [row[1] for row in rows],
        "value": [row[2] for row in rows],
        "requests": [row[3] for row in rows],
        "organization": [0] * len(rows),
        "created_at": [float("nan")] * len(rows),
        "first_seen": [0.0] * len(rows),
        "before": [(0, 0, 0, 0)] * len(rows),
        "traffic": [(0.0, time, (asked[row[0]], 10, 20, 0), 1, 20, 0) for row in rows],
        "day_requests": [float(row[3]) for row in rows],
        "active_hours": [1] * len(rows),
    }
    return LinkBatch(names, {n: np.array(columns[n], dtype) for n, dtype in LINK_COLUMNS.items()})


def play(links: LinkTable, played: list[list[Use]], first: int = 1) -> list[list[Group]]:
    return [
        links.step(60.0 * i, batch(60.0 * i, rows)) for i, rows in enumerate(played, start=first)
    ]


def shared(count: int, *, kind: int = LinkKind.SYSTEM_PROMPT, value: int = 7) -> list[Use]:
    return [(f"a{i:04}", int(kind), value, 1) for i in range(count)]
