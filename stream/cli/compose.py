"""The composition root of a worker: creates every object from the settings."""

from __future__ import annotations

import platform
import time
from typing import TYPE_CHECKING, Any

from stream import __version__
from stream.cli.compose_answers import traced_answers
from stream.decisions.signature import Signer
from stream.delivery.alertmanager import Alertmanager
from stream.delivery.log_sink import LogSink
from stream.delivery.ocsf import OcsfSink
from stream.delivery.outbox import Outbox
from stream.delivery.pagerduty import PagerDutySink
from stream.delivery.settings import ReceiverSettings
from stream.delivery.slack import SlackSink
from stream.delivery.webhook import WebhookSink
from stream.enforcement.decision_writer import DecisionWriter
from stream.enforcement.keeper import DecisionKeeper
from stream.http.bearer import Bearer
from stream.http.health import Health
from stream.http.page.alert_feed import AlertFeed
from stream.http.page.decision_board import NAME as PAGE_DECISIONS
from stream.http.page.decision_board import DecisionBoard
from stream.http.page.decision_endpoints import DecisionEndpoints
from stream.http.page.incident_history import IncidentHistory
from stream.http.page.page_server import Page
from stream.http.page.worker_status import WorkerStatusSampler
from stream.http.pages import Pages
from stream.http.samples import with_samples
from stream.kafka.connection import client_options
from stream.metrics import Metrics
from stream.networks.database_watch import DatabaseWatch
from stream.networks.databases import Databases
from stream.pipeline.build import account_directory, indicator_table, intake, task_of
from stream.pipeline.feedback_reader import FeedbackReader, suppression, verdict
from stream.telemetry.process import register_process
from stream.worker.directory import DirectoryFeed
from stream.worker.indicators import IndicatorFeed
from stream.worker.ports import Stages
from stream.worker.run import WorkerComponents

if TYPE_CHECKING:
    import socket
    from collections.abc import Iterator

    from stream.delivery.posting import Edges
    from stream.delivery.sink import Sink
    from stream.delivery.topic_reader import TopicReader
    from stream.http.pages import More
    from stream.intake.directory.directory import AccountDirectory
    from stream.intake.sharing.indicator_table import IndicatorTable
    from stream.settings import Settings
    from stream.trace.answer_sketches import AnswerSketches
    from stream.worker.ports import RecordReader, Task


def worker_components(
    settings: Settings, listening: socket.socket | None = None
) -> WorkerComponents:
    """Return the components that a worker with these settings runs.

    One of several processes of a worker gets the socket where its supervisor reads its pages.
    """
    metrics = Metrics(strict=False)
    register_process(metrics.registry)
    metrics.build_info.info({"version": __version__, "python": platform.python_version()})
    health = Health(stalled_after_s=settings.http.stalled_after_s)
    more, feeds = _page(settings, metrics, health) if settings.page.token else (None, [])
    directory = account_directory(settings.stages)
    indicators = indicator_table(settings.stages)
    databases = Databases(settings.intake, metrics, now_s=time.time())
    answers, decisions = traced_answers(settings, metrics)
    return WorkerComponents(
        kafka=settings.kafka,
        topics=settings.topics,
        idle_timeout_s=settings.windows.idle_timeout_s,
        stages=lambda: _stages(settings, metrics, directory, databases, indicators, answers),
        metrics=metrics,
        health=health,
        services=(
            _pages(settings, metrics, health, more, listening),
            *feeds,
            DatabaseWatch(databases),
            *_keepers(settings, metrics),
            *decisions,
            *_readers(settings, metrics),
            *_indicator_feeds(settings, metrics, indicators),
            # Last: the stages start after it and need it loaded; alerts are delivered meanwhile.
            _directory_feed(settings, metrics, directory),
        ),
    )


def _pages(
    settings: Settings,
    metrics: Metrics,
    health: Health,
    more: More | None,
    listening: socket.socket | None,
) -> Pages:
    if listening is not None:
        more = with_samples(metrics.registry, more)
    return Pages(
        settings.http, registry=metrics.registry, health=health, more=more, listening=listening
    )


def _directory_feed(
    settings: Settings, metrics: Metrics, directory: AccountDirectory
) -> DirectoryFeed:
    return DirectoryFeed(
        directory,
        kafka=settings.kafka,
        topic=settings.topics.accounts,
        max_future_s=settings.intake.max_future_s,
        metrics=metrics,
    )


def _indicator_feeds(
    settings: Settings, metrics: Metrics, indicators: IndicatorTable
) -> list[IndicatorFeed]:
    """Return the feed of indicators, where there is a key to compare them under."""
    if not settings.sharing.key:
        return []
    topic = settings.topics.indicators
    return [IndicatorFeed(indicators, kafka=settings.kafka, topic=topic, metrics=metrics)]


def _stages(
    settings: Settings,
    metrics: Metrics,
    directory: AccountDirectory,
    databases: Databases,
    indicators: IndicatorTable,
    answers: AnswerSketches | None,
) -> Stages:
    stages = settings.stages

    def task(role: str, partition: int) -> Task:
        return task_of(role, stages, partition, metrics)

    source = intake(
        stages,
        topic=settings.topics.requests,
        metrics=metrics,
        directory=directory,
        networks=databases.lookup,
        indicators=indicators,
        answers=answers,
    )
    return Stages(source=source, task=task, feedback=_feedback_readers(settings, metrics))


def _feedback_readers(settings: Settings, metrics: Metrics) -> dict[str, RecordReader]:
    """Return the readers of the feedback topics."""
    verdicts, suppressions = settings.topics.verdicts, settings.topics.suppressions
    return {
        topic: FeedbackReader(topic, decode, tasks=settings.stages.accounts_tasks, metrics=metrics)
        for topic, decode in (
            (verdicts, verdict),
            (suppressions, suppression(settings.feedback)),
        )
    }


def _page(settings: Settings, metrics: Metrics, health: Health) -> tuple[More, list[TopicReader]]:
    """Return the handler of the page and the readers behind it."""
    history = IncidentHistory(most=settings.page.max_incidents)
    feed = AlertFeed(
        history,
        topics=settings.topics,
        app=settings.kafka.app_id,
        connection=client_options(settings.kafka),
        metrics=metrics,
    )
    board = _board(settings, metrics) if settings.decisions.key else None
    page = Page(
        Bearer(settings.page.token, setting="page.token"),
        history,
        WorkerStatusSampler(metrics.registry, health),
        write=feed.write,
        decisions=DecisionEndpoints(board, history) if board else None,
    )
    return page.answer, [feed, board] if board else [feed]


def _board(settings: Settings, metrics: Metrics) -> DecisionBoard:
    name = f"{settings.kafka.app_id}-{PAGE_DECISIONS}"
    connection = {**client_options(settings.kafka), "client_id": name}
    return DecisionBoard(
        settings.decisions,
        topics=settings.topics,
        writer=DecisionWriter(
            connection,
            topic=settings.topics.decisions,
            signer=Signer(settings.decisions.key),
        ),
        connection=connection,
        exact=settings.kafka.transactions,
        metrics=metrics,
    )


def _keepers(settings: Settings, metrics: Metrics) -> list[DecisionKeeper]:
    """Return the keeper of decisions, where they have a key."""
    if not settings.decisions.key:
        return []
    return [
        DecisionKeeper(
            settings.decisions,
            topics=settings.topics,
            app=settings.kafka.app_id,
            connection=client_options(settings.kafka),
            transactions=settings.kafka.transactions,
            metrics=metrics,
            decision_metrics=metrics,
        )
    ]


def _readers(settings: Settings, metrics: Metrics) -> list[TopicReader]:
    """Return a reader of the alerts topic for each configured receiver."""
    where: dict[str, Any] = {
        "topic": settings.topics.alerts,
        "app": settings.kafka.app_id,
        "connection": {
            **client_options(settings.kafka),
            "session_timeout_ms": int(settings.kafka.session_timeout_s * 1000),
            "heartbeat_interval_ms": int(settings.kafka.heartbeat_interval_s * 1000),
        },
        "metrics": metrics,
    }
    readers: list[TopicReader] = [
        Outbox(
            sink,
            minimum_severity=its.minimum_severity,
            deliver_drills=its.drills == "deliver",
            **where,
        )
        for sink, its in _sinks(settings, metrics)
    ]
    if settings.alertmanager.urls:
        readers.append(Alertmanager(settings.alertmanager, **where, page=settings.page.url))
    return readers


def _sinks(settings: Settings, metrics: Metrics) -> Iterator[tuple[Sink, ReceiverSettings]]:
    yield LogSink(), ReceiverSettings(drills="deliver")  # a log line pages no one
    edges: Edges = {"metrics": metrics, "page": settings.page.url}
    if (webhook := settings.webhook).url:
        yield WebhookSink(webhook, **edges), webhook
    if (pagerduty := settings.pagerduty).routing_key:
        yield PagerDutySink(pagerduty, **edges), pagerduty
    if (slack := settings.slack).url:
        yield SlackSink(slack, **edges), slack
    if (ocsf := settings.ocsf).url:
        yield OcsfSink(ocsf, **edges), ocsf
