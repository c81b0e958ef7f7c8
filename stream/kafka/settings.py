"""Settings of the connection to Kafka, of a worker's consumers and of the topics: no connection."""

from __future__ import annotations

from typing import Annotated, Final, Literal

from msgspec import Meta, Struct

from stream.core.secret import Secret

SecurityProtocol = Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"]
SaslMechanism = Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"]
Compression = Literal["none", "gzip", "snappy", "lz4", "zstd"]

#: Headers and key, the frame of a batch, and what compression adds to bytes that have no pattern.
_AROUND_A_RECORD_BYTES: Final = 65_536


class KafkaSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The connection to the brokers and the consumer group of the workers."""

    bootstrap_servers: Annotated[
        str,
        Meta(min_length=1, description="Brokers to connect to first, host:port, comma-separated"),
    ] = "localhost:9092"
    security_protocol: Annotated[
        SecurityProtocol, Meta(description="Encryption and authentication of the connection")
    ] = "PLAINTEXT"
    sasl_mechanism: Annotated[
        SaslMechanism, Meta(description="How the password is proven, with a SASL_ protocol")
    ] = "SCRAM-SHA-512"
    username: Annotated[str, Meta(description="User name, with a SASL_ protocol")] = ""
    password: Annotated[Secret, Meta(description="Password, with a SASL_ protocol")] = Secret()
    ssl_cafile: Annotated[
        str, Meta(description="PEM file of the trusted authorities; empty: the system's")
    ] = ""
    ssl_certfile: Annotated[
        str, Meta(description="PEM file of our certificate, for mutual TLS")
    ] = ""
    ssl_keyfile: Annotated[str, Meta(description="PEM file of our private key, for mutual TLS")] = (
        ""
    )
    ssl_key_password: Annotated[
        Secret, Meta(description="Password of kafka.ssl_keyfile, when the key is encrypted")
    ] = Secret()
    app_id: Annotated[
        str,
        Meta(
            pattern=r"^[a-zA-Z0-9._-]{1,200}$",
            description="Consumer group of the workers and prefix of their transactional ids",
        ),
    ] = "distillwatch"
    session_timeout_s: Annotated[
        float,
        Meta(
            ge=1,
            description="Session timeout: after this long without a heartbeat the worker's "
            "partitions "
            "are reassigned",
            extra={"unit": "s"},
        ),
    ] = 10.0
    heartbeat_interval_s: Annotated[
        float,
        Meta(gt=0, description="Heartbeat interval", extra={"unit": "s"}),
    ] = 3.0
    commit_interval_s: Annotated[
        float,
        Meta(
            ge=0.1,
            description="Checkpoint interval: how often state is written and offsets are committed",
            extra={"unit": "s"},
        ),
    ] = 5.0
    start_timeout_s: Annotated[
        float,
        Meta(
            ge=0,
            description="How long to retry connecting to the brokers at the start",
            extra={"unit": "s"},
        ),
    ] = 60.0
    request_timeout_s: Annotated[
        float,
        Meta(
            ge=1, description="How long a broker may take to answer a request", extra={"unit": "s"}
        ),
    ] = 30.0
    compression: Annotated[
        Compression, Meta(description="Compression of records that are written to Kafka")
    ] = "zstd"
    fetch_bytes: Annotated[
        int,
        Meta(
            ge=1024,
            description="Largest fetch from one partition; bounds memory",
            extra={"unit": "bytes"},
        ),
    ] = 4_194_304
    transactions: Annotated[
        bool,
        Meta(
            description="Write checkpoints in Kafka transactions; false only for brokers without "
            "them, "
            "where a stalled worker that wakes up late may damage state"
        ),
    ] = True


#: Assumed: the cores of a large machine; each process takes the memory of a worker.
MAX_PROCESSES: Final = 64


class WorkerSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How many consumers of the group one ``distillwatch worker`` runs."""

    processes: Annotated[
        Annotated[int, Meta(ge=1, le=MAX_PROCESSES)] | Literal["auto"],
        Meta(
            description="Processes of a worker, each a consumer of the group with one core; auto: "
            "as many as there are cores (CPU affinity and cgroup quota), but no more than "
            "topics.partitions",
            extra={"unit": "processes"},
        ),
    ] = 1


class TopicSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Names and shapes of the topics."""

    requests: Annotated[
        str, Meta(min_length=1, description="Topic with the gateway's log records")
    ] = "gateway.requests"
    alerts: Annotated[str, Meta(min_length=1, description="Topic that alerts are written to")] = (
        "distillwatch.alerts"
    )
    deadletter: Annotated[
        str, Meta(min_length=1, description="Topic for records that are not events")
    ] = "distillwatch.deadletter"
    accounts: Annotated[
        str,
        Meta(
            min_length=1,
            description="Compacted topic with the account directory, keyed by account id",
        ),
    ] = "gateway.accounts"
    verdicts: Annotated[
        str, Meta(min_length=1, description="Topic with people's verdicts on alerts")
    ] = "distillwatch.verdicts"
    suppressions: Annotated[str, Meta(min_length=1, description="Topic with suppressions")] = (
        "distillwatch.suppressions"
    )
    decisions: Annotated[
        str, Meta(min_length=1, description="Compacted topic with the states of decisions")
    ] = "distillwatch.decisions"
    effects: Annotated[
        str,
        Meta(
            min_length=1,
            description="Compacted topic with what enforcers have done under each decision",
        ),
    ] = "distillwatch.effects"
    ledger: Annotated[
        str,
        Meta(
            min_length=1,
            description="Compacted topic with what left on each day, by country and by model",
        ),
    ] = "distillwatch.ledger"
    indicators: Annotated[
        str,
        Meta(min_length=1, description="Compacted topic with indicators of other operators"),
    ] = "distillwatch.indicators"
    audit: Annotated[
        str,
        Meta(
            min_length=1,
            description="Topic with all that was read from the decisions topic, kept forever",
        ),
    ] = "distillwatch.audit"
    answers: Annotated[
        str,
        Meta(
            min_length=1,
            description="Topic with keyed hashes of answers, empty without trace.enabled",
        ),
    ] = "distillwatch.answers"
    internal_prefix: Annotated[
        str, Meta(min_length=1, description="Prefix of the internal topics")
    ] = "distillwatch.internal."
    partitions: Annotated[
        int,
        Meta(
            ge=1,
            le=1024,
            description="Partitions of the internal topics: most workers that can share the work; "
            "fixed once there is state",
            extra={"unit": "partitions"},
        ),
    ] = 4
    requests_partitions: Annotated[
        int,
        Meta(
            ge=1,
            description="Partitions of the requests topic, if `topics create` creates it",
            extra={"unit": "partitions"},
        ),
    ] = 4
    replication_factor: Annotated[
        int,
        Meta(
            ge=1,
            description="Copies of each partition that `topics create` requests; 3 in production, "
            "1 loses data with its broker",
            extra={"unit": "copies"},
        ),
    ] = 1
    internal_retention_s: Annotated[
        float,
        Meta(
            ge=3600,
            description="Retention of the internal topics: the longest outage without data loss",
            extra={"unit": "s"},
        ),
    ] = 259_200.0
    alerts_retention_s: Annotated[
        float,
        Meta(
            ge=3600,
            description="Retention of alerts and dead letters, if `topics create` creates their "
            "topics",
            extra={"unit": "s"},
        ),
    ] = 2_592_000.0
    answers_retention_s: Annotated[
        float,
        Meta(
            ge=3600,
            description="Retention of the hashes of answers, if `topics create` creates their "
            "topic: how far back `distillwatch trace` can look",
            extra={"unit": "s"},
        ),
    ] = 7_776_000.0
    shareable_retention_s: Annotated[
        float,
        Meta(
            ge=86400,
            description="Retention of fingerprints that may be shared, if `topics create` creates "
            "their topic; older incidents are shared without indicators",
            extra={"unit": "s"},
        ),
    ] = 5_184_000.0
    max_record_bytes: Annotated[
        int,
        Meta(
            ge=1_048_576,
            description="Largest record written: an alert with all members of a campaign, a row of "
            "state; `topics create` sets it, your own topics need it too (max.message.bytes)",
            extra={"unit": "bytes"},
        ),
    ] = 16_777_216

    @property
    def packet_bytes(self) -> int:
        """Return the largest content of one internal record: the rest is the batch around it."""
        return self.max_record_bytes - _AROUND_A_RECORD_BYTES
