"""Why receivers do not get an incident that is open: a person's verdict, or a suppression."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from stream.alerting.incident import IncidentState
from stream.core.feedback import Matcher

#: A value that links accounts, as clusters know it: kind and fingerprint.
ValueId = tuple[int, int]
#: What hides an incident: a verdict, or a suppression by its matcher.
MuteReason = Literal["verdict"] | Matcher


@dataclass(frozen=True, slots=True)
class Mute:
    """The reason, and the sentence that receivers get when it begins."""

    reason: MuteReason
    summary: str

    @property
    def state(self) -> IncidentState:
        """Return the state of an incident that this hides."""
        return IncidentState(f"suppressed_by_{self.reason}")
