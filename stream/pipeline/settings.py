"""The settings of the stages."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Self

from msgspec.structs import replace as changed

if TYPE_CHECKING:
    from stream.accounts.detection.settings import DetectionSettings
    from stream.accounts.windows.settings import WindowSettings
    from stream.alerting.feedback_settings import FeedbackSettings
    from stream.alerting.settings import AlertingSettings
    from stream.campaigns.settings import CampaignSettings
    from stream.intake.codec.settings import IntakeSettings
    from stream.intake.directory.settings import DirectorySettings
    from stream.intake.sharing.settings import SharingSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class StageSettings:
    """The settings of the stages; ``tasks`` is the number of links tasks, and of accounts tasks.

    Unless ``one_accounts_task``: then one does the work of all and may hold as much.
    ``packet_bytes`` is the largest content of a record of an internal topic.
    """

    tasks: int
    packet_bytes: int
    intake: IntakeSettings
    directory: DirectorySettings
    sharing: SharingSettings
    windows: WindowSettings
    detection: DetectionSettings
    campaigns: CampaignSettings
    alerting: AlertingSettings
    feedback: FeedbackSettings
    one_accounts_task: bool = False

    @property
    def accounts_tasks(self) -> int:
        """Return the number of accounts tasks."""
        return 1 if self.one_accounts_task else self.tasks

    @property
    def partitions_of_accounts_task(self) -> int:
        """Return for how many partitions of a deployment one accounts task stands."""
        return self.tasks // self.accounts_tasks

    @property
    def accounts_windows(self) -> WindowSettings:
        """Return the windows of one accounts task."""
        times = self.partitions_of_accounts_task
        return changed(
            self.windows,
            max_accounts=times * self.windows.max_accounts,
            max_pending_rows=times * self.windows.max_pending_rows,
        )

    def with_one_accounts_task(self) -> Self:
        """Return settings with which one accounts task holds what ``tasks`` of them would.

        In one process, more of them only repeat the fixed cost of a window: what they send does
        not depend on how accounts are spread. That of links tasks does, where an account is
        described by the latest window that one of them has seen.
        """
        return replace(self, one_accounts_task=True)
