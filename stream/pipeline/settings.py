"""The settings that the stages need, of all that there are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from stream.accounts.detection.settings import DetectionSettings
    from stream.accounts.windows.settings import WindowSettings
    from stream.alerting.settings import AlertingSettings, FeedbackSettings
    from stream.campaigns.settings import CampaignSettings
    from stream.intake.codec.settings import IntakeSettings
    from stream.intake.directory.settings import DirectorySettings


@dataclass(frozen=True, slots=True, kw_only=True)
class StageSettings:
    """What the stages need of the settings; ``tasks`` accounts tasks and as many for campaigns.

    ``packet_bytes`` is the most that fits into a record of an internal topic.
    """

    tasks: int
    packet_bytes: int
    intake: IntakeSettings
    directory: DirectorySettings
    windows: WindowSettings
    detection: DetectionSettings
    campaigns: CampaignSettings
    alerting: AlertingSettings
    feedback: FeedbackSettings
