"""River's half-space trees on hourly features of accounts, with its 99.9 % quantile as threshold.

As River's ``anomaly.QuantileFilter`` does it: score, compare with the running quantile of all
scores, then learn unless it was called anomalous.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from river import anomaly, stats

from quality.alarms import Alarm
from quality.plan import DAY_S

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stream.intake.codec.event import RequestEvent

_QUANTILE: Final = 0.999
_HOUR_S: Final = 3600.0
#: Fewer scores do not have a thousandth.
_LEAST: Final = 2000
#: Upper end of each feature's logarithmic scale.
_MOST: Final = {
    "requests": 4, "input": 8, "output": 7, "output_per_request": 5, "ratio": 2,
    "prompts": 4, "systems": 2, "addresses": 3, "agents": 2, "models": 1, "errors": 3,
}  # fmt: skip


@dataclass(slots=True)
class _Hour:
    requests: int = 0
    input: int = 0
    output: int = 0
    errors: int = 0
    prompts: set[int] = field(default_factory=set)
    systems: set[int] = field(default_factory=set)
    addresses: set[str | None] = field(default_factory=set)
    agents: set[str | None] = field(default_factory=set)
    models: set[str] = field(default_factory=set)

    def features(self) -> dict[str, float]:
        """Return the hour on scales of 0 to 1."""
        values = {
            "requests": self.requests,
            "input": self.input,
            "output": self.output,
            "output_per_request": self.output / self.requests,
            "ratio": self.output / max(self.input, 1),
            "prompts": len(self.prompts),
            "systems": len(self.systems),
            "addresses": len(self.addresses),
            "agents": len(self.agents),
            "models": len(self.models),
            "errors": self.errors,
        }
        return {
            name: min(math.log10(1 + value) / _MOST[name], 1.0) for name, value in values.items()
        }


class HalfSpaceTrees:
    """One incident for each account and day."""

    name = "River HalfSpaceTrees, hourly features, 99.9 % quantile"
    needs_text = False

    def __init__(self) -> None:
        """Start with nothing learnt."""
        self._model = anomaly.HalfSpaceTrees(
            n_trees=25,
            height=8,
            window_size=500,
            limits=dict.fromkeys(_MOST, (0.0, 1.0)),
            seed=1,
        )
        self._quantile = stats.Quantile(_QUANTILE)
        self._scored = 0
        self._hour = -1
        self._open: dict[str, _Hour] = {}
        self._alarms: list[Alarm] = []

    def observe(self, events: Sequence[RequestEvent]) -> None:
        """Add to the hour; judge the last one when it is over."""
        for event in events:
            hour = int(event.timestamp // _HOUR_S)
            if hour != self._hour:
                self._close()
                self._hour = hour
            seen = self._open.get(event.account_id)
            if seen is None:
                seen = self._open[event.account_id] = _Hour()
            seen.requests += 1
            seen.input += event.input_tokens or 0
            seen.output += event.output_tokens or 0
            seen.errors += (event.status or 200) >= 400
            seen.prompts.add(hash(event.prompt))
            seen.systems.add(hash(event.system_prompt))
            seen.addresses.add(event.client_ip)
            seen.agents.add(event.user_agent)
            seen.models.add(event.model)

    def _close(self) -> None:
        end_s = (self._hour + 1) * _HOUR_S
        for account in sorted(self._open):
            features = self._open[account].features()
            score = self._model.score_one(features)
            limit = self._quantile.get()
            anomalous = self._scored >= _LEAST and limit is not None and score >= limit
            self._quantile.update(score)
            self._scored += 1
            if anomalous:
                incident = f"{account}/{int((end_s - 1) // DAY_S)}"
                self._alarms.append(Alarm(end_s, incident, "account", (account,)))
            else:
                self._model.learn_one(features)
        self._open.clear()

    def alarms(self) -> list[Alarm]:
        """Return what was said."""
        return self._alarms
