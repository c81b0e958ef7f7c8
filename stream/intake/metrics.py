"""What intake counts: events, refused records, the account directory."""

from __future__ import annotations

from typing import Final

from stream.telemetry.declaration import OVERFLOW, counter, gauge, histogram
from stream.telemetry.shared import SharedMetrics

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
#: Optional fields of an event, which an invalid value leaves out.
OPTIONAL_FIELDS: Final = (
    *("request_id", "api_key_id", "organization_id", "client_ip", "asn", "country", "user_agent"),
    *("tls_fingerprint", "payment_id", "account_created_at", "plan", "operation"),
    *("input_tokens", "output_tokens", "cached_tokens", "reasoning_tokens", "status"),
    *("duration_s", "stream", "temperature", "max_tokens", "logprobs", "system_prompt", "prompt"),
    *("prompt_fingerprint", "first_prompt", "first_answer", "response", "messages", OVERFLOW),
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
    "bad_signature",
    OVERFLOW,
)
#: Why an entry of the account directory was rejected.
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
#: Attributes of which a value may be shared.
SHARED_KINDS: Final = ("system_prompt", "template", "conversation", "client", "network")
#: Why an indicator of another operator was rejected.
INDICATOR_REASONS: Final = (*ENTRY_REASONS, "unknown_key")
_DELAY_S: Final = (0.1, 0.5, 1.0, 5.0, 15.0, 60.0, 300.0, 900.0, 3600.0, 21600.0, 86400.0)


class IntakeMetrics(SharedMetrics):
    """Events in, dead letters out, directory."""

    events_total = counter(
        meaning="Gateway events, by log format and result",
        remedy="Zero with lag: see consumer_lag_records. rejected: see dead_letters_total. "
        "ignored: records that are not model calls; if all are, the gateway does not log "
        "its AI data",
        unit="events",
        labels={"format": FORMATS, "result": RESULTS},
    )
    credentials_dropped_total = counter(
        meaning="Events whose record contains a caller's credential; the credential is not read",
        remedy="Live keys are on the topic: configure the gateway to leave them out of its log, "
        "and rotate the keys",
        unit="events",
        labels={"format": FORMATS},
    )
    fields_dropped_total = counter(
        meaning="Invalid values of optional fields; the event is kept without the field",
        remedy="The gateway writes NaN, negative numbers or text there, and the features that "
        "need the field are off: see replay --explain-format --json",
        unit="fields",
        labels={"field": OPTIONAL_FIELDS},
    )
    event_delay_seconds = histogram(
        meaning="Arrival at the worker minus event time",
        remedy="Grows with lag: add workers. Grows without lag: the gateway ships its logs "
        "late, raise windows.allowed_lateness_s",
        unit="seconds",
        buckets=_DELAY_S,
    )
    invalid_share = gauge(
        meaning="Share of recent records that cannot be decoded, 0 to 1",
        remedy="The worker stops when it stays high: compare the records of the topic with "
        "intake.format",
        unit="ratio",
        combine="max",
    )
    dead_letters_total = counter(
        meaning="Records sent to the dead-letter topic, by reason",
        remedy="Read the topic: the headers name source topic, partition, offset and reason",
        unit="records",
        labels={"reason": REJECT_REASONS},
    )
    directory_entries = gauge(
        meaning="Accounts with an entry in the account directory; every worker has all of them",
        remedy="0: the directory is not used or was never loaded (`distillwatch accounts load`)",
        unit="accounts",
        combine="max",
    )
    directory_written_timestamp_seconds = gauge(
        meaning="Time when the newest entry of the account directory was written (epoch); 0: never",
        remedy="Older than the interval of the export: the job that loads the directory fails",
        unit="seconds",
        combine="max",
    )
    directory_lookups_total = counter(
        meaning="Events, by whether the account directory has an entry of their account",
        remedy="Few hits: the keys of the directory differ from what intake.account reads, or "
        "new accounts are loaded late; see `distillwatch accounts check`",
        unit="events",
        labels={"result": ("hit", "miss")},
    )
    directory_rejected_total = counter(
        meaning="Rejected records of the accounts topic, by reason; the account keeps its "
        "previous entry",
        remedy="The log names the record; full: raise directory.max_entries",
        unit="records",
        labels={"reason": ENTRY_REASONS},
        combine="max",
    )
    shareable_values_total = counter(
        meaning="Values that came to have several accounts, so that they may be shared; after a "
        "restart they count once more",
        remedy="0 with sharing.key set: the log has no text, TLS fingerprints or addresses, so "
        "there is nothing to share",
        unit="values",
        labels={"kind": SHARED_KINDS},
    )
    indicator_matches_total = counter(
        meaning="Events with a value that another operator reported",
        remedy="Much of events_total: an indicator names what many use; find it with `distillwatch "
        "share list` and take it back with `distillwatch share withdraw`",
        unit="events",
    )
    foreign_indicators = gauge(
        meaning="Indicators of other operators that are known, expired ones included",
        remedy="0 after an import: the workers have no sharing.key, or rejected them, see "
        "foreign_indicators_rejected_total",
        unit="indicators",
        combine="max",
    )
    foreign_indicators_rejected_total = counter(
        meaning="Rejected records of the indicators topic, by reason; the indicator keeps its "
        "previous state",
        remedy="The log names the record; unknown_key: sharing.key_id was changed, import what the "
        "group shares under its new key; full: raise sharing.max_indicators",
        unit="records",
        labels={"reason": INDICATOR_REASONS},
        combine="max",
    )
