"""The settings of the stages."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from stream.accounts.detection.settings import DetectionSettings
    from stream.accounts.windows.settings import WindowSettings
    from stream.alerting.feedback_settings import FeedbackSettings
    from stream.alerting.settings import AlertingSettings
    from stream.campaigns.settings import CampaignSettings
    from stream.intake.codec.settings import IntakeSettings
    from stream.intake.directory.settings import DirectorySettings


@dataclass(frozen=True, slots=True, kw_only=True)
class StageSettings:
    """The settings of the stages; ``tasks`` is the number of accounts tasks and of links tasks.

    ``packet_bytes`` is the largest content of a record of an internal topic.
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
