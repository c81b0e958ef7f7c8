"""Builds stages and tasks from settings: the one place that knows how they fit together."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stream.accounts.windows.request_ids import MAX_REQUEST_IDS, RequestIds
from stream.alerting.egress_ledger import EgressLedger
from stream.alerting.score_watch import ScoreWatch, unwatched
from stream.intake.directory.directory import AccountDirectory
from stream.intake.fingerprint.networks import NetworkLookup, no_databases
from stream.intake.sharing.indicator_table import IndicatorTable
from stream.intake.sharing.value_sharing import ValueSharing
from stream.pipeline.account_scores import AccountScores
from stream.pipeline.accounts import AccountsStage
from stream.pipeline.alerting import AlertingStage, Findings
from stream.pipeline.drill_incidents import DrillIncidents
from stream.pipeline.incident_flow import IncidentFlow
from stream.pipeline.intake import Intake
from stream.pipeline.links import LinksStage
from stream.pipeline.reader import Watch, ignore
from stream.pipeline.task import PartitionTask
from stream.pipeline.topic_groups import TopicGroups

if TYPE_CHECKING:
    from collections.abc import Callable

    from stream.core.events import EventBatch
    from stream.core.links import LinkBatch
    from stream.pipeline.metrics import PipelineMetrics
    from stream.pipeline.settings import StageSettings
    from stream.trace.answer_sketches import AnswerSketches


def intake(  # noqa: PLR0913 - as the composition root's
    settings: StageSettings,
    *,
    topic: str,
    source_partitions: int = 1,
    metrics: PipelineMetrics,
    directory: AccountDirectory | None = None,
    networks: Callable[[], NetworkLookup] = no_databases,
    indicators: IndicatorTable | None = None,
    watch: Watch = ignore,
    answers: AnswerSketches | None = None,
) -> Intake:
    """Return the intake of a worker; ``directory`` knows what events lack (None: nothing).

    ``networks`` returns the lookup of addresses. ``indicators`` are those of other operators
    (None: there are none), which only count with a ``sharing.key``; without ``answers`` none are
    traced.
    """
    sharing = settings.sharing
    table = indicator_table(settings) if indicators is None else indicators
    return Intake(
        settings.intake,
        settings.windows,
        topic=topic,
        source_partitions=source_partitions,
        tasks=settings.accounts_tasks,
        packet_bytes=settings.packet_bytes,
        metrics=metrics,
        directory=account_directory(settings) if directory is None else directory,
        networks=networks,
        sharing=ValueSharing(sharing, table, metrics) if sharing.key else None,
        watch=watch,
        answers=answers,
    )


def indicator_table(settings: StageSettings) -> IndicatorTable:
    """Return a table of indicators with nothing in it."""
    return IndicatorTable(settings.sharing, settings.intake.salt)


def account_directory(settings: StageSettings) -> AccountDirectory:
    """Return an account directory with nothing in it."""
    intake_settings = settings.intake
    return AccountDirectory(
        settings.directory, intake_settings.salt, previous=intake_settings.salt_previous
    )


def task_of(
    role: str, settings: StageSettings, task: int, metrics: PipelineMetrics
) -> PartitionTask[EventBatch] | PartitionTask[LinkBatch] | PartitionTask[Findings]:
    """Return task number ``task`` of those that read ``role``: events, links or findings."""
    if role == "events":
        return accounts_task(settings, task, metrics)
    if role == "links":
        return links_task(settings, task, metrics)
    return alerting_task(settings, metrics)


def accounts_task(
    settings: StageSettings, task: int, metrics: PipelineMetrics
) -> PartitionTask[EventBatch]:
    """Return accounts task number ``task``."""
    windows = settings.accounts_windows
    stage = AccountsStage(
        task,
        tasks=settings.accounts_tasks,
        links_tasks=settings.tasks,
        windows=windows,
        request_ids=RequestIds(
            settings.intake.duplicate_window_s,
            window_s=windows.window_s,
            most=settings.partitions_of_accounts_task * MAX_REQUEST_IDS,
        ),
        detection=settings.detection,
        packet_bytes=settings.packet_bytes,
        metrics=metrics,
    )
    return PartitionTask(stage, task, windows, metrics)


def links_task(
    settings: StageSettings, task: int, metrics: PipelineMetrics
) -> PartitionTask[LinkBatch]:
    """Return links task number ``task``."""
    stage = LinksStage(
        task,
        tasks=settings.tasks,
        accounts_tasks=settings.accounts_tasks,
        settings=settings.campaigns,
        packet_bytes=settings.packet_bytes,
        metrics=metrics,
    )
    return PartitionTask(stage, task, settings.windows, metrics)


def alerting_task(
    settings: StageSettings, metrics: PipelineMetrics, watch: ScoreWatch = unwatched
) -> PartitionTask[Findings]:
    """Return the alerting task."""
    ledger = EgressLedger(settings.alerting.ledger_days, metrics=metrics)
    incidents = IncidentFlow(
        settings.alerting,
        settings.campaigns,
        settings.feedback,
        metrics=metrics,
        watch=watch,
        ledger=ledger,
    )
    drills = DrillIncidents(
        settings.alerting, settings.campaigns, baseline=incidents.baseline, metrics=metrics
    )
    scores = AccountScores(
        settings.detection,
        max_accounts=settings.windows.max_accounts,
        thresholds=settings.alerting.thresholds,
        metrics=metrics,
    )
    topics = TopicGroups(max_accounts=settings.windows.max_accounts, metrics=metrics)
    stage = AlertingStage(
        scores,
        topics,
        incidents,
        drills,
        ledger,
        tasks=settings.accounts_tasks,
        source=settings.alerting.cloudevents_source,
    )
    return PartitionTask(stage, 0, settings.windows, metrics)
