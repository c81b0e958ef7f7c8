"""The two scores that accounts, campaigns and incidents are measured by; decides nothing.

Their values come from the ``alerting`` section of the settings; the composition root passes them
to whatever scores. Everything below is derived from them, so that no second number has to agree.
"""

from __future__ import annotations

from typing import Final

import msgspec

#: What "below the clear score whatever else" means: nine tenths of it. Assumed: any value below 1
#: keeps such a group from becoming a candidate; the margin only shows in scored snapshots.
_CAPPED_SHARE: Final = 0.9
#: Below this share of the clear score a group is harmless. Assumed: well below what could become a
#: candidate, as the novelty model learns from such groups.
_HARMLESS_SHARE: Final = 0.4


class ScoreThresholds(msgspec.Struct, frozen=True, kw_only=True):
    """Scores from 0 to 1: an incident opens at the first and stays open from the second on."""

    #: Assumed: the score that a subject exactly as rare as the alert budget allows is given.
    open_score: float = 0.8
    #: Assumed: as likely a campaign or an extracting account as not.
    clear_score: float = 0.5

    def __post_init__(self) -> None:
        """Refuse thresholds without hysteresis between them: raises ValueError."""
        if not self.clear_score < self.open_score:
            raise ValueError(
                f"clear_score: expected less than open_score ({self.open_score:g}), "
                f"got {self.clear_score:g}"
            )

    @property
    def harmless_score(self) -> float:
        """Return the score below which the models may learn from a group."""
        return _HARMLESS_SHARE * self.clear_score

    @property
    def capped_score(self) -> float:
        """Return the most that a subject scores when the decision rule speaks against it."""
        return _CAPPED_SHARE * self.clear_score


#: The defaults of the settings.
DEFAULT_THRESHOLDS: Final = ScoreThresholds()
