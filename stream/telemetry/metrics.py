"""Every metric of the product, declared once; it counts and never decides, stores or serves.

The annotations of :class:`Metrics` are the declaration: type, labels with their values, unit,
meaning and what to do about it. The prometheus objects, ``distillwatch settings``-like listings,
the README and the tests over dashboards and alert rules are all made from them.

Account ids are never label values.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import product
from typing import TYPE_CHECKING, Annotated, Final, Self, get_args, get_type_hints

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    GCCollector,
    Histogram,
    Info,
    PlatformCollector,
    ProcessCollector,
)
from prometheus_client.metrics import MetricWrapperBase

if TYPE_CHECKING:
    from collections.abc import Mapping

PREFIX: Final = "distillwatch"
#: Where an undeclared or superfluous label value is counted, so that nothing is lost.
OVERFLOW: Final = "other"
#: Most values that a label without a closed set may take (partitions, topics, versions).
OPEN_LIMIT: Final = 1024

#: A label whose values come from configuration (topic, partition, sink) or from a release.
OPEN: Final[tuple[str, ...]] = ()

#: The stages that have lanes: partitions of internal topics, steps of event time, state.
STAGES: Final = ("accounts", "links", "alerting")
#: What takes time: the stages as a whole, which the worker measures, and parts of them.
WORK: Final = (
    "intake",
    *STAGES,
    "decode",
    "fingerprint",
    "duplicates",
    "windows",
    "detection",
    "linking",
    "judging",
    OVERFLOW,
)
FORMATS: Final = (
    "canonical",
    "litellm",
    "kong",
    "apisix",
    "envoy",
    "otlp",
    "portkey",
    "helicone",
    "cloudflare",
    "mapping",
    "unknown",
    OVERFLOW,
)
#: Those of an event, of which a record's may be no valid value.
OPTIONAL_FIELDS: Final = (
    *("request_id", "api_key_id", "organization_id", "client_ip", "asn", "country", "user_agent"),
    *("tls_fingerprint", "payment_id", "account_created_at", "plan", "operation"),
    *("input_tokens", "output_tokens", "cached_tokens", "reasoning_tokens", "status"),
    *("duration_s", "stream", "temperature", "max_tokens", "logprobs", "system_prompt", "prompt"),
    *("prompt_fingerprint", "messages", OVERFLOW),
)
RESULTS: Final = ("accepted", "rejected", "ignored")
REJECT_REASONS: Final = (
    "empty",
    "not_json",
    "not_utf8",
    "not_protobuf",
    "not_an_object",
    "too_large",
    "too_deep",
    "too_many",
    "unknown_format",
    "missing_field",
    "wrong_type",
    "out_of_range",
    "bad_timestamp",
    "not_a_request",
    "bad_mark",
    OVERFLOW,
)
#: Why an entry of the account directory was not taken.
ENTRY_REASONS: Final = (
    "empty",
    "not_json",
    "not_utf8",
    "not_an_object",
    "too_large",
    "too_deep",
    "missing_field",
    "wrong_type",
    "out_of_range",
    "bad_timestamp",
    "full",
    OVERFLOW,
)
LEFT_OUT: Final = (
    "candidates",
    "clusters",
    "dead_letters",
    "incidents",
    "links",
    "members",
    "suppressions",
    "values",
    "verdicts",
)
MATCHERS: Final = ("account", "value", "pattern")
VERDICTS: Final = ("true_positive", "false_positive", "benign", "withdrawn")
KINDS: Final = ("account", "campaign")
SEVERITIES: Final = ("info", "warning", "critical")
DELIVERY_RESULTS: Final = (
    "delivered",
    "rejected",
    "exhausted",
    "filtered",
    "malformed",
    "failed",
    "skipped",
)
ATTEMPT_RESULTS: Final = (
    "2xx",
    "3xx",
    "4xx",
    "5xx",
    "timeout",
    "unreachable",
    "untrusted",
    OVERFLOW,
)

_DELAY_S: Final = (0.1, 0.5, 1.0, 5.0, 15.0, 60.0, 300.0, 900.0, 3600.0, 21600.0, 86400.0)
_WORK_S: Final = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)
_DETECT_S: Final = (60.0, 300.0, 900.0, 1800.0, 3600.0, 7200.0, 14400.0, 43200.0, 86400.0, 604800.0)
_SCORE: Final = (0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.98, 0.99, 0.995, 0.999, 0.9999)


@dataclass(frozen=True, slots=True, kw_only=True)
class Declared:
    """What a metric's annotation says about it.

    ``labels`` maps each label to its closed set of values; :data:`OPEN` means that the values
    come from configuration, and at most :data:`OPEN_LIMIT` of them are kept apart.
    """

    meaning: str
    remedy: str
    unit: str
    labels: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    buckets: tuple[float, ...] = Histogram.DEFAULT_BUCKETS


@dataclass(frozen=True, slots=True)
class Metric:
    """One row of the table: ``name`` is the full name as scraped, ``attribute`` that in code."""

    attribute: str
    type: str  # counter, gauge, histogram or info
    declared: Declared

    @property
    def name(self) -> str:
        """Return the name of the exposition, without the suffixes of a histogram."""
        return f"{PREFIX}_{self.attribute}"

    @property
    def help(self) -> str:
        """Return what scrapers and the metrics explorer of Grafana show: meaning and remedy."""
        return f"{self.declared.meaning}. {self.declared.remedy}."


class UndeclaredLabelError(ValueError):
    """A metric was given a label value that its declaration does not allow: a bug."""


class _Checked(MetricWrapperBase):
    """Lets only declared label values through; the rest raises (strict) or counts as overflow."""

    _declared: Mapping[str, tuple[str, ...]]
    _strict: bool
    _open: dict[str, set[str]]

    def declare(self, labels: Mapping[str, tuple[str, ...]], *, strict: bool) -> None:
        self._declared, self._strict = labels, strict
        self._open = {name: set() for name, values in labels.items() if values == OPEN}

    def labels(self, *values: object, **named: object) -> Self:
        if values:
            return super().labels(
                *(self._admit(n, v) for n, v in zip(self._declared, values, strict=True))
            )
        return super().labels(**{n: self._admit(n, v) for n, v in named.items()})

    def _admit(self, name: str, value: object) -> str:
        text = str(value)
        seen = self._open.get(name)
        if seen is not None:
            if text in seen:
                return text
            if len(seen) < OPEN_LIMIT:
                seen.add(text)
                return text
            return OVERFLOW
        if text in self._declared.get(name, ()):
            return text
        if self._strict:
            raise UndeclaredLabelError(f"{self._name}: {name}={text!r} is not declared")
        return OVERFLOW


class _Counter(_Checked, Counter):
    pass


class _Gauge(_Checked, Gauge):
    pass


class _Histogram(_Checked, Histogram):
    pass


class Metrics:
    """All metrics on one registry; ``strict`` raises on undeclared label values.

    A process with several lanes of one stage shares the gauges: each lane moves them through
    its own :class:`Share`.
    """

    # What came in
    events_total: Annotated[
        Counter,
        Declared(
            unit="events",
            labels={"format": FORMATS, "result": RESULTS},
            meaning="Gateway events read, by log format and whether they could be decoded",
            remedy="Zero with lag: see consumer_lag_records. Rejected: see dead_letters_total. "
            "Ignored are no calls of a model; all of them: the gateway does not log its AI data",
        ),
    ]
    credentials_dropped_total: Annotated[
        Counter,
        Declared(
            unit="events",
            labels={"format": FORMATS},
            meaning="Events whose record has a caller's credential in it, which was not read",
            remedy="Live keys lie on the topic: make the gateway remove them from its log, and "
            "change those keys",
        ),
    ]
    fields_dropped_total: Annotated[
        Counter,
        Declared(
            unit="fields",
            labels={"field": OPTIONAL_FIELDS},
            meaning="Optional fields of events that were no valid value and are left out",
            remedy="The gateway writes NaN, negative numbers or text there; the features of the "
            "field go without: see replay --explain-format --json",
        ),
    ]
    event_delay_seconds: Annotated[
        Histogram,
        Declared(
            unit="seconds",
            buckets=_DELAY_S,
            meaning="Arrival at the worker minus event time",
            remedy="Grows with lag: add workers. Grows without lag: the gateway ships logs late, "
            "raise windows.allowed_lateness_s",
        ),
    ]
    invalid_share: Annotated[
        Gauge,
        Declared(
            unit="ratio",
            meaning="Share of the records of the current span that are not events, 0 to 1",
            remedy="The worker stops when it stays high: compare the topic's records with "
            "intake.format",
        ),
    ]
    dead_letters_total: Annotated[
        Counter,
        Declared(
            unit="records",
            labels={"reason": REJECT_REASONS},
            meaning="Records sent to the dead-letter topic, by reason",
            remedy="Read the topic: the headers name source topic, partition, offset and reason",
        ),
    ]
    consumer_lag_records: Annotated[
        Gauge,
        Declared(
            unit="records",
            labels={"topic": OPEN, "partition": OPEN},
            meaning="Records of a partition that are not yet processed",
            remedy="Growing for 15 minutes: add workers up to the number of partitions",
        ),
    ]
    consumer_lag_seconds: Annotated[
        Gauge,
        Declared(
            unit="seconds",
            labels={"topic": OPEN},
            meaning="Age of the oldest record that is not yet processed",
            remedy="This is how late alerts are: add workers, or look for a stuck one",
        ),
    ]
    records_lost_total: Annotated[
        Counter,
        Declared(
            unit="records",
            labels={"topic": OPEN},
            meaning="Records that a topic deleted before they were processed",
            remedy="The outage was longer than the topic keeps records: raise its retention "
            "(topics.internal_retention_s for internal topics)",
        ),
    ]
    broker_silence_seconds: Annotated[
        Gauge,
        Declared(
            unit="seconds",
            meaning="Time since a broker last answered a fetch of this worker",
            remedy="Above 30: brokers or the way to them are down; nothing is lost, lag tells how "
            "late it gets",
        ),
    ]
    # The lanes
    stage_seconds: Annotated[
        Histogram,
        Declared(
            unit="seconds",
            labels={"stage": WORK},
            buckets=_WORK_S,
            meaning="Time to process one batch or one step: of a whole stage (intake, accounts, "
            "links, alerting), and of parts of it",
            remedy="The stage with the largest sum is the bottleneck, its largest part the reason",
        ),
    ]
    steps_closed_total: Annotated[
        Counter,
        Declared(
            unit="steps",
            labels={"stage": STAGES},
            meaning="Steps of event time that were processed",
            remedy="Zero while events come in: a source holds the watermark back, see "
            "watermark_timestamp_seconds",
        ),
    ]
    steps_forced_total: Annotated[
        Counter,
        Declared(
            unit="steps",
            labels={"stage": STAGES},
            meaning="Steps that ended early because too many rows were pending",
            remedy="Results may depend on arrival order: raise windows.max_pending_rows or find "
            "the source that is behind",
        ),
    ]
    pending_rows: Annotated[
        Gauge,
        Declared(
            unit="rows",
            labels={"stage": STAGES},
            meaning="Rows that wait for the end of their step",
            remedy="Near windows.max_pending_rows: one source partition is far behind the others",
        ),
    ]
    watermark_timestamp_seconds: Annotated[
        Gauge,
        Declared(
            unit="seconds",
            labels={"stage": STAGES, "lane": OPEN},
            meaning="Event time (epoch) up to which a lane has processed everything; 0 before its "
            "first event",
            remedy="time() minus this is the freshness of alerts; one lane behind: its worker",
        ),
    ]
    late_rows_total: Annotated[
        Counter,
        Declared(
            unit="rows",
            labels={"stage": STAGES},
            meaning="Rows dropped because their step of event time was already closed",
            remedy="Raise windows.allowed_lateness_s to the delay seen in event_delay_seconds",
        ),
    ]
    repeated_rows_total: Annotated[
        Counter,
        Declared(
            unit="rows",
            labels={"stage": STAGES},
            meaning="Re-sent rows recognised and ignored, as after a restart",
            remedy="None needed; a steady rate means that a worker restarts all the time",
        ),
    ]
    request_ids_total: Annotated[
        Counter,
        Declared(
            unit="rows",
            labels={"result": ("duplicate", "reused", "forgotten")},
            meaning="Rows with a known account and request id: a duplicate did not count, reused "
            "says something else and counted; and ids forgotten before "
            "intake.duplicate_window_s to stay within the bound",
            remedy="duplicate: the gateway logs calls twice, which changes nothing. reused, or "
            "duplicate for a large share of the traffic: clients choose the ids, set "
            "intake.duplicate_window_s to 0. forgotten: add partitions or lower it",
        ),
    ]
    # What is remembered
    request_ids_tracked: Annotated[
        Gauge,
        Declared(
            unit="calls",
            meaning="Calls whose request id is remembered by this worker",
            remedy="Near the bound of a lane (deploy/bounds.md): request_ids_total counts what is "
            "forgotten",
        ),
    ]
    directory_entries: Annotated[
        Gauge,
        Declared(
            unit="accounts",
            meaning="Accounts that the account directory has an entry of; every worker has all",
            remedy="0: it is not used, or was never loaded (`distillwatch accounts load`)",
        ),
    ]
    directory_written_timestamp_seconds: Annotated[
        Gauge,
        Declared(
            unit="seconds",
            meaning="When the newest entry of the account directory was written (epoch); 0: never",
            remedy="Older than the export's interval: the job that loads the directory fails",
        ),
    ]
    directory_lookups_total: Annotated[
        Counter,
        Declared(
            unit="events",
            labels={"result": ("hit", "miss")},
            meaning="Events, by whether the account directory has an entry of their account",
            remedy="Few hits: its keys are not what intake.account makes the account, or new "
            "accounts come into it late; see `distillwatch accounts check`",
        ),
    ]
    directory_rejected_total: Annotated[
        Counter,
        Declared(
            unit="records",
            labels={"reason": ENTRY_REASONS},
            meaning="Records of the accounts topic that were not taken, by reason; an account "
            "keeps its former entry",
            remedy="The log says which record; full: raise directory.max_entries",
        ),
    ]
    accounts_tracked: Annotated[
        Gauge,
        Declared(
            unit="accounts",
            meaning="Accounts with state in this worker",
            remedy="Near windows.max_accounts per partition: raise it or add partitions",
        ),
    ]
    accounts_warming_up: Annotated[
        Gauge,
        Declared(
            unit="accounts",
            meaning="Tracked accounts without a baseline of their own yet",
            remedy="Normal for a day after the first start; later it means many new accounts",
        ),
    ]
    accounts_held: Annotated[
        Gauge,
        Declared(
            unit="accounts",
            meaning="Settled accounts that are suspect and not told, as so many changed at once",
            remedy="A new model or a changed log: becomes usual in a day or two; see the runbook",
        ),
    ]
    accounts_evicted_total: Annotated[
        Counter,
        Declared(
            unit="accounts",
            meaning="Accounts forgotten to stay within windows.max_accounts",
            remedy="Raise windows.max_accounts, or find out who creates that many accounts",
        ),
    ]
    links_tracked: Annotated[
        Gauge,
        Declared(
            unit="values",
            meaning="Linking values with state in this worker",
            remedy="Near the limit of the campaigns section: raise it or add partitions",
        ),
    ]
    links_evicted_total: Annotated[
        Counter,
        Declared(
            unit="rows",
            labels={"reason": ("expired", "popular", "capacity", OVERFLOW)},
            meaning="Linking values forgotten, by reason",
            remedy="reason=capacity: raise the limit of the campaigns section",
        ),
    ]
    left_out_total: Annotated[
        Counter,
        Declared(
            unit="things",
            labels={"what": LEFT_OUT},
            meaning="What was left out or put off to stay within a bound, by what it was",
            remedy="candidates: few accounts share very many values, campaigns are judged later; "
            "members, values, clusters, incidents: more than is remembered, see campaigns."
            "max_campaign_accounts and alerting.max_incidents; links: a value has more accounts "
            "than campaigns.max_members, raise it or lower campaigns.popular_share; dead_letters: "
            "cut, the headers say where they are whole",
        ),
    ]
    state_flush_seconds: Annotated[
        Histogram,
        Declared(
            unit="seconds",
            buckets=(0.005, 0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0),
            meaning="Time to make changed state durable before a commit",
            remedy="Above a second: the broker is slow to acknowledge",
        ),
    ]
    state_bytes: Annotated[
        Gauge,
        Declared(
            unit="bytes",
            meaning="Memory of the windows and tables of this worker",
            remedy="Lower windows.max_accounts or spread the partitions over more workers",
        ),
    ]
    commits_total: Annotated[
        Counter,
        Declared(
            unit="commits",
            labels={"result": ("done", "failed")},
            meaning="Offset commits, each after a flush",
            remedy="Failed: rebalances or an unreachable broker; records are processed again, "
            "nothing is lost",
        ),
    ]
    last_commit_timestamp_seconds: Annotated[
        Gauge,
        Declared(
            unit="seconds",
            meaning="When offsets were last committed (epoch)",
            remedy="Old while records come in: see commits_total and state_flush_seconds",
        ),
    ]
    recovery_seconds: Annotated[
        Histogram,
        Declared(
            unit="seconds",
            labels={"stage": STAGES},
            buckets=(0.05, 0.1, 0.5, 1.0, 5.0, 15.0, 60.0, 300.0),
            meaning="Time to load the state of a lane after an assignment",
            remedy="Alerts wait for it: check that the state topics are compacted",
        ),
    ]
    rebalances_total: Annotated[
        Counter,
        Declared(
            unit="rebalances",
            meaning="Times the partitions of this worker changed",
            remedy="Steady: workers join and leave; check restarts and kafka.session_timeout_s",
        ),
    ]
    lanes_fenced_total: Annotated[
        Counter,
        Declared(
            unit="lanes",
            labels={"stage": STAGES},
            meaning="Lanes that another worker had taken over when this one wanted to write them",
            remedy="This worker stalled for longer than kafka.session_timeout_s: look for a "
            "starved or swapping machine; nothing was counted twice",
        ),
    ]
    # What was found
    score: Annotated[
        Histogram,
        Declared(
            unit="ratio",
            labels={"kind": KINDS},
            buckets=_SCORE,
            meaning="Calibrated scores, 0 to 1; higher is rarer in benign traffic",
            remedy="Mass moving to the right: traffic changed, or an attack; see the alerts",
        ),
    ]
    alerts_total: Annotated[
        Counter,
        Declared(
            unit="alerts",
            labels={"kind": KINDS, "severity": SEVERITIES},
            meaning="Alerts sent, updates and resolutions included",
            remedy="Follow the runbook of the alert",
        ),
    ]
    alerts_suppressed_total: Annotated[
        Counter,
        Declared(
            unit="alerts",
            labels={"reason": ("limit", "merged", "verdict", *MATCHERS)},
            meaning="Alerts that were due and not sent: an update waits for its turn, another "
            "incident has it, a verdict speaks against it, or a suppression hides it, by what that "
            "goes by",
            remedy="limit: see alerting.updates_per_day, the page and the topic have the figures; "
            "account, value, pattern: `distillwatch suppress list` says which suppressions there "
            "are, remove what hides too much",
        ),
    ]
    suppressions_active: Annotated[
        Gauge,
        Declared(
            unit="suppressions",
            labels={"matcher": MATCHERS},
            meaning="Suppressions in force, by what they go by",
            remedy="Near feedback.max_suppressions: those that end first are let go of",
        ),
    ]
    verdicts_total: Annotated[
        Counter,
        Declared(
            unit="verdicts",
            labels={"verdict": VERDICTS, "result": ("applied", "repeated", "unknown")},
            meaning="People's verdicts on alerts that were read, by what became of them",
            remedy="unknown: the incident ended longer than alerting.cool_down_s ago, or the "
            "alert_id is wrong",
        ),
    ]
    drill_alerts_total: Annotated[
        Counter,
        Declared(
            unit="alerts",
            labels={"status": ("firing", "resolved")},
            meaning="Alerts of drills, which count nowhere else",
            remedy="None while somebody runs `distillwatch drill`: who does is told how it ends",
        ),
    ]
    incidents_open: Annotated[
        Gauge,
        Declared(
            unit="incidents",
            labels={"kind": KINDS, "severity": SEVERITIES},
            meaning="Incidents that are firing now",
            remedy="Follow the runbook of each; they resolve when the behaviour ends",
        ),
    ]
    detection_delay_seconds: Annotated[
        Histogram,
        Declared(
            unit="seconds",
            labels={"kind": KINDS},
            buckets=_DETECT_S,
            meaning="First evidence to first alert of an incident, in event time",
            remedy="Growing: the attacker is slower, or baselines are too wide",
        ),
    ]
    observed_tokens_total: Annotated[
        Counter,
        Declared(
            unit="tokens",
            labels={
                "verdict": ("clear", "warming_up", "anomalous"),
                "direction": ("input", "output"),
            },
            meaning="Tokens by what was thought of their account at the time",
            remedy="output of anomalous is what may have leaked",
        ),
    ]
    model_info: Annotated[
        Info,
        Declared(
            unit="info",
            labels={"version": OPEN},
            meaning="Version of the detection model in use",
            remedy="Differs between workers: a rollout is not finished",
        ),
    ]
    # What went out
    sink_deliveries_total: Annotated[
        Counter,
        Declared(
            unit="alerts",
            labels={"sink": OPEN, "result": DELIVERY_RESULTS},
            meaning="Alerts a sink is done with, by how it ended",
            remedy="rejected: the receiver cannot take the message, its log and ours say which; "
            "exhausted: it was out of order for its retry_for_s, the alerts topic still has "
            "them; malformed: somebody else writes to the alerts topic; failed: a bug, the log "
            "has its trace",
        ),
    ]
    sink_missed_total: Annotated[
        Counter,
        Declared(
            unit="alerts",
            labels={"sink": OPEN},
            meaning="Alerts that the topic dropped before the sink had read them",
            remedy="The receiver was out of order for longer than the alerts topic keeps records: "
            "raise its retention (topics.alerts_retention_s where we make it)",
        ),
    ]
    sink_attempts_total: Annotated[
        Counter,
        Declared(
            unit="attempts",
            labels={"sink": OPEN, "result": ATTEMPT_RESULTS},
            meaning="Tries to deliver, by answer",
            remedy="3xx, 404: correct the sink's url; 401, 403: correct its secret at one end; "
            "untrusted: its certificate or the sink's ssl_cafile; 5xx, timeout, unreachable: the "
            "receiver is slow or down",
        ),
    ]
    sink_delivery_seconds: Annotated[
        Histogram,
        Declared(
            unit="seconds",
            labels={"sink": OPEN},
            buckets=(0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 15.0, 60.0, 300.0, 3600.0, 21600.0, 86400.0),
            meaning="Time from reading an alert to its delivery, retries included",
            remedy="This delays people, not detection: see sink_attempts_total",
        ),
    ]
    sink_queue_length: Annotated[
        Gauge,
        Declared(
            unit="alerts",
            labels={"sink": OPEN},
            meaning="Alerts on the topic that a sink has not finished",
            remedy="Growing: the receiver is slow or down; nothing is lost, the topic keeps them",
        ),
    ]
    sink_oldest_seconds: Annotated[
        Gauge,
        Declared(
            unit="seconds",
            labels={"sink": OPEN},
            meaning="Age of the oldest alert that a sink has read and not finished, 0 without any",
            remedy="Growing with sink_queue_length: the receiver, see sink_attempts_total. Alone: "
            "it fails on one incident, which the log names; the others go past it",
        ),
    ]
    sink_disabled: Annotated[
        Gauge,
        Declared(
            unit="bool",
            labels={"sink": OPEN},
            meaning="1 when the receiver answered 410 Gone and gets nothing until a restart",
            remedy="Correct or empty the sink's url and restart the workers; the topic keeps the "
            "alerts until then",
        ),
    ]
    sink_broker_failures_total: Annotated[
        Counter,
        Declared(
            unit="failures",
            labels={"sink": OPEN},
            meaning="Times a sink lost the broker and began to read again",
            remedy="The log says why; alerts under way are delivered again, none is lost",
        ),
    ]
    build_info: Annotated[
        Info,
        Declared(
            unit="info",
            labels={"version": OPEN, "python": OPEN},
            meaning="Version of the product and of Python",
            remedy="Differs between workers: a rollout is not finished",
        ),
    ]

    def __init__(self, registry: CollectorRegistry | None = None, *, strict: bool = True) -> None:
        """Create every metric of the table on ``registry`` (a new one when None)."""
        self.registry = registry if registry is not None else CollectorRegistry()
        for metric in table():
            setattr(self, metric.attribute, _create(metric, self.registry, strict=strict))


class Share:
    """The part of a common gauge that belongs to one lane, so that lanes add up."""

    def __init__(self, gauge: Gauge) -> None:
        """Start with nothing of ``gauge`` (a child, when it has labels)."""
        self._gauge = gauge
        self._value = 0.0

    def set(self, value: float) -> None:
        """Move the gauge by the difference; 0 gives the part back, as on revocation."""
        if value != self._value:
            self._gauge.inc(value - self._value)
            self._value = value


_TYPES: Final = {Counter: _Counter, Gauge: _Gauge, Histogram: _Histogram}


def table() -> tuple[Metric, ...]:
    """Return every declared metric in the order of declaration."""
    return _TABLE


def register_process(registry: CollectorRegistry) -> None:
    """Add the usual figures of the process, the interpreter and its garbage collector."""
    ProcessCollector(registry=registry)
    PlatformCollector(registry=registry)
    GCCollector(registry=registry)


def _read_table() -> tuple[Metric, ...]:
    rows = []
    for attribute, hint in get_type_hints(Metrics, include_extras=True).items():
        kind, declared = get_args(hint)
        rows.append(Metric(attribute, kind.__name__.lower(), declared))
    return tuple(rows)


def _create(metric: Metric, registry: CollectorRegistry, *, strict: bool) -> MetricWrapperBase:
    declared = metric.declared
    if metric.type == "info":
        return Info(metric.name.removesuffix("_info"), metric.help, registry=registry)
    labels = tuple(declared.labels)
    made: _Checked
    if metric.type == "counter":
        made = _Counter(metric.name, metric.help, labels, registry=registry)
    elif metric.type == "gauge":
        made = _Gauge(metric.name, metric.help, labels, registry=registry)
    else:
        made = _Histogram(
            metric.name, metric.help, labels, registry=registry, buckets=declared.buckets
        )
    made.declare(declared.labels, strict=strict)
    _start_at_zero(made, declared.labels)
    return made


def _start_at_zero(made: _Checked, labels: Mapping[str, tuple[str, ...]]) -> None:
    """Show what has not happened as 0: a rate does not see the increment that makes a series."""
    if labels and OPEN not in labels.values():
        for values in product(*labels.values()):
            made.labels(*values)


_TABLE: Final = _read_table()
