"""The named table of features and the one function that computes it; scores nothing."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Final

import numpy as np

from stream.accounts.features import functions as f
from stream.accounts.features.feature import Feature
from stream.accounts.features.snapshot import snapshot

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from stream.accounts.features.feature import Compute
    from stream.accounts.windows.account_windows import AccountWindows
    from stream.core.batch import AccountSlots, Floats


def _amount(name: str, unit: str, meaning: str, high: float, compute: Compute) -> Feature:
    """A quantity that differs by factors and points up."""
    return Feature(
        name=name,
        unit=unit,
        meaning=meaning,
        direction=1,
        low=1,
        high=high,
        log=True,
        compute=compute,
    )


def _share(name: str, meaning: str, compute: Compute) -> Feature:
    return Feature(
        name=name,
        unit="share",
        meaning=meaning,
        direction=1,
        low=0,
        high=1,
        log=False,
        compute=compute,
    )


FEATURES: Final[tuple[Feature, ...]] = (
    _amount("requests_hour", "requests/h", "many requests in the last hour", 1e6,
            f.total("hour", "requests")),
    _amount("requests_day", "requests/day", "many requests in the last day", 1e7,
            f.total("day", "requests")),
    _amount("input_hour", "tokens/h", "many tokens sent in the last hour", 1e10,
            f.total("hour", "input_tokens")),
    _amount("input_day", "tokens/day", "many tokens sent in the last day", 1e11,
            f.total("day", "input_tokens")),
    _amount("output_hour", "tokens/h", "many tokens received in the last hour", 1e10,
            f.total("hour", "output_tokens")),
    _amount("output_day", "tokens/day", "many tokens received in the last day", 1e11,
            f.total("day", "output_tokens")),
    _amount("output_per_request", "tokens", "long answers", 1e5, f.per_request("output_tokens")),
    Feature(name="output_ratio", unit="tokens/token", direction=1, low=1e-3, high=100, log=True,
            meaning="far more tokens come out than go in", compute=f.output_ratio),
    Feature(name="volume_for_age", unit="requests/day per day of age", direction=1, low=0.1,
            high=1e6, log=True, compute=f.volume_for_age,
            meaning="a new account at full volume, without a ramp"),
    _amount("no_ramp", "requests/day", "a new account at full use at once, without a ramp", 1e7,
            f.no_ramp),
    Feature(name="age", unit="days", direction=-1, low=0.01, high=3000, log=True,
            meaning="a young account", compute=f.age_days),
    Feature(name="active_hours", unit="h of the last 24", direction=1, low=0, high=24, log=False,
            meaning="active in most hours of the day", compute=f.active_hours),
    Feature(name="around_the_clock", unit="h on end", direction=1, low=0, high=48, log=False,
            meaning="used around the clock, without an idle period", compute=f.around_the_clock),
    _share("template_share", "most prompts open with the same words", f.template_share),
    _amount("templated_breadth", "requests/day", "one prompt frame filled with ever new content",
            1e7, f.templated_breadth),
    _share("system_share", "most requests carry the same system prompt", f.system_share),
    _amount("prompts", "prompts", "many different prompts", 1e4, f.distinct("prompts")),
    _amount("addresses", "addresses", "many network addresses", 1e3, f.distinct("addresses")),
    _amount("user_agents", "user agents", "many different clients", 1e3,
            f.distinct("user_agents")),
    _amount("networks", "networks", "many networks", 1e3, f.distinct("networks")),
    _amount("countries", "countries", "many countries", 100, f.distinct("countries")),
    # Travellers have two: their own, which roaming may lead through, and the one they are in.
    Feature(name="countries_hour", unit="countries", direction=1, low=2, high=50, log=True,
            meaning="in several countries within an hour or two",
            compute=f.distinct("countries_hour")),
    # People have home, work and the phone.
    Feature(name="exit_rotation", unit="networks", direction=1, low=3, high=1e3, log=True,
            meaning="nearly every request comes from another network", compute=f.exit_rotation),
    _share("hosted_browser", "a browser's requests come from data centres or anonymisers",
           f.hosted_browser),
    _amount("many_clients", "addresses x user agents",
            "one account from many addresses and many clients at once", 1e5, f.many_clients),
    _share("logprobs_share", "many requests for token probabilities", f.per_request("logprobs")),
    _share("error_share", "many requests fail or are limited", f.per_request("errors")),
    Feature(name="ramp", unit="x mean rate", direction=1, low=0.1, high=24, log=True,
            meaning="the last hour is far above the day's mean", compute=f.ramp),
    Feature(name="week_growth", unit="x week's mean", direction=1, low=0.01, high=1e3, log=True,
            meaning="the last day is far above the week before", compute=f.week_growth),
    Feature(name="gap_variation", unit="std/mean", direction=-1, low=0.01, high=100, log=True,
            compute=f.gap_variation,
            meaning="requests come at regular intervals, like a machine's"),
    Feature(name="temperature", unit="", direction=0, low=0, high=2, log=False,
            meaning="unusual sampling temperature", compute=f.temperature),
    _amount("max_tokens", "tokens", "requests long answers", 1e6, f.max_tokens),
    _amount("content_shift", "x chance", "its requests differ from its own past", 1e3,
            f.content_shift),
    Feature(name="new_content_ratio", unit="tokens/token", direction=1, low=1e-3, high=100,
            log=True, compute=f.new_content_ratio,
            meaning="its new content gives far more tokens than go in"),
    Feature(name="new_content_hours", unit="h", direction=1, low=0, high=24, log=False,
            compute=f.new_content_hours,
            meaning="its requests have differed from its own past for hours"),
    _share("unexplained_context",
           "it sends context that its own earlier requests and answers do not add up to",
           f.unexplained_context),
)  # fmt: skip

#: Feature name -> column of the matrix.
COLUMN: Final = {feature.name: i for i, feature in enumerate(FEATURES)}


def compute(windows: AccountWindows, slots: AccountSlots, time: float) -> NDArray[np.float64]:
    """Return the features of ``slots`` at the end of a window, shape ``(n, len(FEATURES))``, f8.

    ``time`` in epoch seconds; NaN where a feature is not known.
    """
    seen = snapshot(windows, slots, time)
    matrix = np.empty((len(slots), len(FEATURES)))
    for i, feature in enumerate(FEATURES):
        matrix[:, i] = feature.compute(seen)
    return matrix


_LOG: Final = np.flatnonzero([feature.log for feature in FEATURES])
_LIMITS: Final = np.array([[feature.low, feature.high] for feature in FEATURES]).T
_ENDS: Final = _LIMITS.copy()
_ENDS[:, _LOG] = np.log10(_LIMITS[:, _LOG])


def scaled(matrix: Floats) -> Floats:
    """Return the matrix on each feature's fixed scale 0..1; NaN stays NaN.

    As :meth:`Feature.scaled` of each column, in one pass: most windows have few accounts.
    """
    clipped = np.clip(matrix, *_LIMITS)
    clipped[:, _LOG] = np.log10(clipped[:, _LOG])
    low, high = _ENDS
    return np.asarray((clipped - low) / (high - low))


def schema_hash() -> str:
    """Return 16 hex digits that change whenever a feature's name, unit, scale or direction does."""
    text = ";".join(
        f"{x.name},{x.unit},{x.low:g},{x.high:g},{x.log},{x.direction}" for x in FEATURES
    )
    return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()
