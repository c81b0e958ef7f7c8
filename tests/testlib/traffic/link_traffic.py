"""Small towns of accounts and their links, drawn from published figures, not from the detector."""

from __future__ import annotations

import math
import zlib
from collections import defaultdict, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from stream.alerting.settings import AlertingSettings
from stream.campaigns.links.link_table import LinkTable
from stream.campaigns.settings import CampaignSettings
from stream.core.links import LINK_COLUMNS, LinkBatch, LinkKind, half_days
from stream.metrics import Metrics
from stream.pipeline.incident_flow import IncidentFlow
from stream.pipeline.link_extraction import LEAST_NETWORKS

if TYPE_CHECKING:
    from stream.core.alerts import Alert

HOUR_S = 3600.0
DAY_S = 86400.0
START_S = 1_772_409_600.0
WINDOW_S = 600.0


Says = Callable[[np.random.Generator], tuple[str, str]]
Asks = Callable[[np.random.Generator], tuple[str, ...]]


def nothing(rng: np.random.Generator) -> tuple[str, ...]:
    del rng
    return ()


@dataclass
class Account:
    """Somebody who asks ``per_day`` times.

    ``says`` draws (system prompt, template) names, ``asks`` those of phrases.
    """

    name: str
    per_day: float
    says: Says
    created_at: float
    payment: str = ""
    organization: str = ""
    addresses: tuple[str, ...] = ()
    networks: tuple[str, ...] = ()  # of the addresses, in turn; none: not known
    client: str = "browser"
    start_s: float = START_S
    until_s: float = math.inf
    hours: tuple[int, int] = (0, 24)
    reported: int = 0  # confidence, in percent, of another operator's indicator of its prompt
    crowded: bool = False  # many people use it, from the addresses
    asks: Asks = nothing
    turned: tuple[float, float] = (math.inf, math.inf)  # answers are longer from and until then
    _total: int = 0
    _first: float = math.inf
    _day: deque[tuple[float, int]] = field(default_factory=deque)

    def traffic(self, end: float, count: int) -> tuple[object, ...]:
        """Return ``before`` and ``traffic`` of a link; ``count`` has those of the window."""
        hour = sum(n for time, n in self._day if time >= end - HOUR_S)
        before, total = ((n, 400 * n, 900 * n, 0) for n in (self._total - count, self._total))
        return before, (self.start_s, end, total, hour, 900 * hour, 0)

    def requests(self, rng: np.random.Generator, time: float) -> int:
        hour = (time % DAY_S) / HOUR_S
        first, last = self.hours
        awake = first <= hour < last if first <= last else not last <= hour < first
        if not self.start_s <= time < self.until_s or not awake:
            return 0
        share = ((last - first) % 24 or 24) / 24
        return int(rng.poisson(self.per_day * WINDOW_S / DAY_S / share))


def fingerprint(kind: int, name: str) -> int:
    return (zlib.crc32(f"{kind}/{name}".encode()) << 20) | 1


def links(accounts: list[Account], rng: np.random.Generator, time: float) -> LinkBatch:
    """Return the links of the window that begins at ``time``."""
    end, rows, names = time + WINDOW_S, [], []
    for account in accounts:
        count = account.requests(rng, time)
        account._day.append((time, count))
        account._total += count
        while account._day[0][0] <= time - DAY_S:
            account._day.popleft()
        if not count:
            continue
        used = defaultdict(int)
        for _ in range(count):
            system, template = account.says(rng)
            at = rng.integers(len(account.addresses))
            address, network = account.addresses[at], ""
            if len({*account.networks}) >= LEAST_NETWORKS:
                network = account.networks[at % len(account.networks)]
            for kind, value in (
                (LinkKind.SYSTEM_PROMPT, system),
                (LinkKind.TEMPLATE, template),
                (LinkKind.PAYMENT, account.payment),
                (LinkKind.ADDRESS, address),
                (LinkKind.NETWORK, network),
                (LinkKind.CLIENT, account.client),
                (LinkKind.INDICATOR, account.reported and system),
                *((LinkKind.PHRASE, phrase) for phrase in account.asks(rng)),
                *((LinkKind.CHANGE_POINT, half_day) for half_day in turn(account, time)),
            ):
                if value:
                    number = fingerprint(kind, value)
                    if kind == LinkKind.INDICATOR:
                        number = number & ~127 | account.reported
                    used[kind, number] += 1
        day = sum(n for _, n in account._day)
        account._first = min(account._first, time)
        if account.crowded:
            days = half_days(np.array([account._first]))
            used |= {(LinkKind.CUSTOMERS, int(value[0])): count for value in days}
        owner = fingerprint(0, account.organization) if account.organization else 0
        hours = len({t // HOUR_S for t, n in account._day if n})
        traffic = account.traffic(end, count)
        rows += [
            (end, len(names), kind, value, n, *traffic, owner,
             account.created_at, account._first, day, min(hours, 24))
            for (kind, value), n in used.items()
        ]  # fmt: skip
        names.append(account.name)
    columns: list[Any] = list(zip(*rows, strict=True)) or [[] for _ in LINK_COLUMNS]
    return LinkBatch(
        names,
        {
            name: np.array([*column], dtype)
            for (name, dtype), column in zip(LINK_COLUMNS.items(), columns, strict=True)
        },
    )


def turn(account: Account, time: float) -> tuple[str, ...]:
    """Return the two days, one from midnight and one from noon, on which an account turned."""
    begin, end = account.turned
    half = 0 if begin == math.inf else int(begin // (DAY_S / 2))
    return (f"half-{half}", f"half-{half + 1}") if begin <= time < end else ()


def people(rng: np.random.Generator, count: int) -> list[Account]:
    """Return unrelated people: own payment, home, hours; a fifth of what they say is common."""
    return [
        Account(
            name=f"person-{i}",
            per_day=float(rng.lognormal(2.5, 1.0)),
            says=_small_talk(f"person-{i}"),
            created_at=START_S - float(rng.lognormal(5, 1.2)) * DAY_S,
            payment=f"card-{i}",
            addresses=(f"home-{i}",),
            client=f"browser-{rng.integers(12)}",
            hours=((start := int(rng.integers(24))), (start + 14) % 24),
        )
        for i in range(count)
    ]


def _small_talk(name: str) -> Says:
    own = iter(range(10**9))

    def says(rng: np.random.Generator) -> tuple[str, str]:
        common = rng.random() < 0.2
        return "", f"phrase-{int(rng.zipf(1.3)) % 400}" if common else f"{name}-{next(own)}"

    return says


def fixed(system: str, template: str = "") -> Says:
    def says(rng: np.random.Generator) -> tuple[str, str]:
        del rng
        return system, template

    return says


def run(accounts: list[Account], *, hours: float, seed: int = 1) -> list[Alert]:
    """Return every alert of the accounts' traffic over ``hours``."""
    rng = np.random.default_rng(seed)
    metrics = Metrics()
    settings = CampaignSettings()
    table = LinkTable(settings, metrics=metrics)
    incidents = IncidentFlow(AlertingSettings(), settings, metrics=metrics)
    alerts = []
    for window in range(int(hours * HOUR_S / WINDOW_S)):
        time = START_S + window * WINDOW_S
        end = time + WINDOW_S
        alerts += incidents.step(end, [], table.step(end, links(accounts, rng, time)))
    assert all(_says_what_was_done(alert, accounts) for alert in alerts)
    return alerts


def _says_what_was_done(alert: Alert, accounts: list[Account]) -> bool:
    """Say whether an alert tells of traffic, and of no more than its members had until now."""
    members = {*(alert.account_ids or ())}
    total = sum(account._total for account in accounts if account.name in members)
    seen = alert.observed
    return (
        0 < seen.requests <= total
        and seen.output_tokens == 900 * seen.requests
        and seen.input_tokens == 400 * seen.requests
        and seen.requests_last_hour <= seen.requests
    )


def campaign_of(alerts: list[Alert]) -> Alert:
    """Return the one campaign that is firing at the end."""
    last = {alert.alert_id: alert for alert in alerts}
    firing = [alert for alert in last.values() if alert.status == "firing"]
    assert len(firing) == 1
    return firing[0]
