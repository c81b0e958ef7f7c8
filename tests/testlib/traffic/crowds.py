"""Benign crowds and suspects as rows of features, for tests of the detector."""

from __future__ import annotations

import numpy as np

from stream.accounts.detection.detector import Detector
from stream.accounts.detection.observer import AccountObserver
from stream.accounts.detection.settings import DetectionSettings
from stream.accounts.features.table import COLUMN, FEATURES
from stream.accounts.windows.account_windows import AccountWindows
from stream.core.thresholds import DEFAULT_THRESHOLDS
from stream.metrics import Metrics
from stream.store.account_table import AccountTable

START = 1_772_409_600.0
HOUR = 3600.0
DAY = 24 * HOUR
OPEN = DEFAULT_THRESHOLDS.open_score

#: A typical account: a service, months old, that reads more than it writes.
SERVICE = {
    "requests_hour": 60, "requests_day": 900, "input_hour": 3e4, "input_day": 4e5,
    "output_hour": 4e3, "output_day": 5e4, "output_per_request": 55, "output_ratio": 0.12,
    "volume_for_age": 4, "age": 200, "active_hours": 14, "around_the_clock": 9,
    "template_share": 0.6, "templated_breadth": 300, "prompts": 400, "addresses": 3,
    "user_agents": 1, "many_clients": 3, "logprobs_share": 0, "error_share": 0.01, "ramp": 1.4,
    "gap_variation": 1.8, "max_tokens": 1024, "content_shift": 1.2, "networks": 2, "countries": 1,
    "countries_hour": 1, "exit_rotation": 1, "hosted_browser": 0,
}  # fmt: skip
#: Every request leaves through another network, anywhere, some of them data centres.
ROTATING = {"addresses": 300, "networks": 300, "exit_rotation": 300, "countries": 20,
            "countries_hour": 8, "hosted_browser": 0.3}  # fmt: skip
#: 5,000 requests a day from an account opened hours ago, long answers, one frame, no rest.
EXTRACTOR = SERVICE | {
    "requests_hour": 208, "requests_day": 5000, "input_hour": 1.1e5, "input_day": 2.6e6,
    "output_hour": 2.6e5, "output_day": 6.2e6, "output_per_request": 1250, "output_ratio": 2.4,
    "volume_for_age": 5000, "age": 1.0, "active_hours": 24, "around_the_clock": 24,
    "template_share": 1.0,
    "templated_breadth": 5000, "prompts": 1500, "addresses": 1, "many_clients": 1,
    "ramp": 1.0, "gap_variation": 0.8,
}  # fmt: skip
OLD = {"volume_for_age": 12.5, "age": 400}
#: Each differs from an extractor in what makes it benign; all but the migration are old.
TWINS = {
    "nightly batch": EXTRACTOR | OLD | {"active_hours": 3, "around_the_clock": 3, "ramp": 8},
    "endless batch": EXTRACTOR | OLD,
    "evaluation": EXTRACTOR | OLD | {"templated_breadth": 400, "logprobs_share": 1},
    "power user": SERVICE | OLD | {"requests_day": 80_000, "output_day": 4e6},
    "reasoning service": SERVICE | OLD | {"output_ratio": 15, "output_day": 2e6},
    "build runners": SERVICE | OLD | {"addresses": 150, "user_agents": 4, "many_clients": 600},
    "egress gateway": SERVICE | OLD | {"addresses": 1, "user_agents": 40, "many_clients": 40},
    "build runners in clouds": SERVICE | OLD | {"addresses": 200, "networks": 60, "user_agents": 4,
                                                "exit_rotation": 40, "countries": 6},
    "team behind one key": SERVICE | OLD | {"addresses": 30, "user_agents": 12,
                                            "many_clients": 360, "active_hours": 15},
    "phone": SERVICE | {"age": 2, "addresses": 150, "networks": 4, "exit_rotation": 3},
    "traveller": SERVICE | OLD | {"addresses": 40, "networks": 12, "exit_rotation": 8,
                                  "countries": 6, "countries_hour": 2},
    "people behind a VPN": SERVICE | OLD | {"addresses": 12, "networks": 6, "exit_rotation": 4,
                                            "countries_hour": 2, "hosted_browser": 1},
    "relay of a phone's maker": SERVICE | {"age": 1, "addresses": 60, "networks": 25,
                                           "exit_rotation": 20, "hosted_browser": 1},
    "company with several exits": SERVICE | OLD | {"requests_day": 20_000, "output_day": 2e6,
                                                   "addresses": 8, "networks": 5, "countries": 3,
                                                   "countries_hour": 3, "user_agents": 60},
    "rotating exits and nothing else": SERVICE | ROTATING,
    "key migration": SERVICE | {"volume_for_age": 2500, "age": 0.9, "requests_day": 2500,
                                "active_hours": 24, "templated_breadth": 2500},
}  # fmt: skip


def row(values):
    values = {"no_ramp": values["requests_day"]} | values
    return np.array([values.get(feature.name, np.nan) for feature in FEATURES], float)


class Stage:
    """An observer and the detector, each with its table; time moves in hours."""

    def __init__(self, **settings):
        self.settings = DetectionSettings(**settings)
        self.table = AccountTable(
            (*AccountWindows.FIELDS, *AccountObserver.FIELDS), max_accounts=10_000
        )
        self.observer = AccountObserver(self.settings, self.table)
        self.scored = AccountTable(Detector.FIELDS, max_accounts=10_000)
        self.detector = Detector(self.settings, self.scored, metrics=Metrics())
        self.time = START

    def saved(self):
        """Return its whole state, to continue from several times."""
        tables = self.table, self.scored
        return self.detector.state(), [table.take_changes()[0] for table in tables], self.time

    @classmethod
    def restored(cls, saved):
        """Return a stage that continues from a saved state."""
        stage = cls()
        state, both, stage.time = saved
        stage.detector.restore(state)
        for table, rows in zip((stage.table, stage.scored), both, strict=True):
            table.load([name for name, _ in rows], [row for _, row in rows])
        return stage

    def score(self, rows):
        """Score accounts (name -> features) at the present time."""
        names = sorted(rows)
        slots = self.table.slots(names, priority=lambda some: np.zeros(len(some)))
        first = self.table["first_seen"]
        first[slots] = np.fmin(first[slots], self.time)
        self.table["last_seen"][slots] = self.time
        self.table["plan"][slots] = [rows[name].get("plan", 0) for name in names]
        seen = self.observer.observe(self.time, slots, np.stack([row(rows[n]) for n in names]))
        return self.detector.detect(self.time, seen)

    def play(self, hours, suspects=None, accounts=60, seed=1):
        """Score a crowd of services, and suspects, hour by hour; return all findings."""
        found = []
        for _ in range(hours):
            self.time += HOUR
            found += self.score(crowd(accounts, seed, self.time) | (suspects or {}))
        return found


def crowd(accounts, seed, time):
    """Services that differ by factors (sigma about 1.2 in amounts, ratio sigma 1.35)."""
    own = np.random.default_rng(seed)
    now = np.random.default_rng(int(time))
    rows = {}
    for i in range(accounts):
        size, ratio = own.lognormal(0, 1.2), own.lognormal(0, 1.35)
        rest, jitter = int(own.integers(0, 20)), now.lognormal(0, 0.1)
        rows[f"service-{i:04}"] = SERVICE | {
            "requests_day": 60 + 900 * size * jitter,
            "output_day": 5e4 * size * ratio * jitter,
            "output_ratio": 0.12 * ratio * now.lognormal(0, 0.05),
            "volume_for_age": 4 * size * jitter,
            "active_hours": 24 - rest,
            "around_the_clock": 48 if rest < 2 else 24 - rest,
            "templated_breadth": 300 * size,
            "gap_variation": 1.8 * own.lognormal(0, 0.4),
            "exit_rotation": own.lognormal(0, 0.8),
            # Some prompts drift, a few hours at a time.
            "content_shift": own.lognormal(0, 0.5) * now.lognormal(0, 0.5),
        }
    return rows


def opened(findings):
    """Return the accounts that open an incident."""
    return {v.account_id for v in findings if v.score >= OPEN}


def column(name):
    return COLUMN[name]
