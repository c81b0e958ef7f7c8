"""What the account detector and the links stage find, built by hand, and incidents fed with it.

Times are minutes after :data:`START_S`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from hypothesis import strategies as st

from stream.alerting.settings import AlertingSettings
from stream.core.findings import AccountFinding, Evidence, Group, Member, Observed
from stream.core.links import LinkKind
from stream.core.traffic import COUNTS, TRAFFIC

if TYPE_CHECKING:
    from stream.core.alerts import Alert
    from stream.pipeline.incident_flow import IncidentFlow

DAY_S = 86400.0
START_S = 1_772_409_600.0
ALERTING = AlertingSettings(resolve_after_s=3600, cool_down_s=7200, resend_s=1800, grow_every_s=600)


def finding(account: str, minute: float, score: float = 0.9, tokens: int = 100) -> AccountFinding:
    return AccountFinding(
        account_id=account,
        time=START_S + 60 * minute,
        since=START_S,
        score=score,
        evidence=[
            Evidence(
                feature=f"f{i}", value=1, unit="u", baseline=0.5, contribution=0.1, meaning="m"
            )
            for i in range(8)
        ],
        observed=Observed(requests=1, input_tokens=1, output_tokens=tokens),
        model_version="v",
    )


def traffic(minute: float, *, requests: int) -> bytes:
    total = (requests, 500 * requests, 1000 * requests, 0)
    row = (START_S - DAY_S, START_S + 60 * minute, total, requests, 1000 * requests, 0)
    return np.array(row, TRAFFIC).tobytes()


def member(name: str, minute: float, *, since: float = 0) -> Member:
    return Member(
        account_id=name,
        since=START_S + 60 * since,
        last=START_S + 60 * minute,
        requests=20,
        organization=0,
        created_at=START_S - DAY_S,
        first_seen=START_S,
        day_requests=20,
        active_hours=3,
        before=bytes(COUNTS.itemsize),
        traffic=traffic(minute, requests=20),
    )


def group(kind: LinkKind, value: int, minute: float, names: list[str]) -> Group:
    members = [member(name, minute) for name in names]
    return Group(
        kind=kind,
        value=value,
        time=START_S + 60 * minute,
        since=START_S,
        size=len(members),
        members=members,
    )


def pool(minute: float, count: int = 24, *, prompt: int = 1, prefix: str = "p") -> list[Group]:
    """Young accounts with one prompt, six on each payment."""
    names = [f"{prefix}{i:03}" for i in range(count)]
    cards = [names[i : i + 6] for i in range(0, count, 6)]
    return [
        group(LinkKind.SYSTEM_PROMPT, prompt, minute, names),
        *(group(LinkKind.PAYMENT, 1000 * prompt + i, minute, c) for i, c in enumerate(cards)),
    ]


def step(
    incidents: IncidentFlow,
    minute: float,
    verdicts: list[AccountFinding] | None = None,
    groups: list[Group] | None = None,
) -> list[Alert]:
    return incidents.step(START_S + 60 * minute, verdicts or [], groups or [])


findings = st.lists(
    st.tuples(
        st.integers(1, 300),
        st.lists(
            st.tuples(st.sampled_from(["a", "b", "p001"]), st.sampled_from([0.3, 0.6, 0.85, 0.99])),
            max_size=3,
            unique_by=lambda found: found[0],
        ),
        st.sampled_from([0, 0, 6, 24, 30]),
    ),
    max_size=8,
    unique_by=lambda found: found[0],
).map(sorted)
Found = list[tuple[int, list[tuple[str, float]], int]]


def feed(incidents: IncidentFlow, found: Found, *, reverse: bool = False) -> list[Alert]:
    alerts = []
    for minute, verdicts, size in found:
        heard = [finding(name, minute, score) for name, score in verdicts]
        groups = pool(minute, size) if size else []
        if reverse:
            heard, groups = heard[::-1], groups[::-1]
        alerts += step(incidents, minute, heard, groups)
    return alerts
