"""Settings of intake: formats, limits and the key of the fingerprints."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct

from stream.core.secret import Secret
from stream.intake.codec.mapping import Mapping, format_of
from stream.intake.codec.path import Path
from stream.intake.codec.table import IDENTITIES

Format = Literal[
    "auto",
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
]


class IntakeSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is read, what is refused, and when refusing too much stops the worker."""

    format: Annotated[
        Format,
        Meta(description="Format of the request log; auto recognises it record by record"),
    ] = "auto"
    salt: Annotated[
        Secret,
        Meta(
            description="Keys the fingerprints of text and addresses, so that nobody can try "
            "likely ones; the same for all workers, for ever. Give it by environment or file",
            extra={"secret": True},
        ),
    ] = Secret()
    account: Annotated[
        str,
        Meta(
            pattern=f"^(|{'|'.join(IDENTITIES)}|/.+)$",
            description="Who is the account: key, user, end_user, team, organization, or a JSON "
            "pointer (for otlp / and an attribute) to a field of the site's own; empty: the "
            "default of each format (deploy/gateways). Where it is missing, the first of these "
            "that is there",
        ),
    ] = ""
    mapping: Annotated[
        Mapping | None,
        Meta(
            description="A format of the site's own: a table of field = path, or {path, unit} or "
            "{constant}, or a list of which the first that is there counts; see deploy/gateways",
            extra={"json": True},
        ),
    ] = None
    unwrap: Annotated[
        tuple[str, ...],
        Meta(
            description="Keys or JSON pointers of wrappers that shippers put around a record, as "
            "payload or message: what stands there, as JSON or its text, is read in its place",
            extra={"json": True},
        ),
    ] = ()
    max_record_bytes: Annotated[
        int,
        Meta(ge=1024, description="Larger records are dead letters", extra={"unit": "bytes"}),
    ] = 1_048_576
    max_dead_letter_bytes: Annotated[
        int,
        Meta(
            ge=0,
            description="A dead letter longer than this is cut, and its headers say so; the "
            "dead-letter topic has to take so much (max.message.bytes)",
            extra={"unit": "bytes"},
        ),
    ] = 1_000_000
    max_record_events: Annotated[
        int,
        Meta(
            ge=1,
            description="A record (JSON array or lines) with more events is a dead letter",
            extra={"unit": "events"},
        ),
    ] = 10_000
    max_future_s: Annotated[
        float,
        Meta(
            gt=0,
            description="An event time further ahead of the clock is absurd",
            extra={"unit": "s"},
        ),
    ] = 300.0
    oldest_timestamp: Annotated[
        float,
        Meta(
            ge=0,
            description="An event time before this is absurd",
            extra={"unit": "epoch seconds"},
        ),
    ] = 1_420_070_400.0  # 2015-01-01
    duplicate_window_s: Annotated[
        float,
        Meta(
            ge=0,
            le=86_400,
            description="Records of one account with the same request id and nothing new to say "
            "count once when their event times are this near; 0: all count, as they should where "
            "the gateway takes the id from the client's header",
            extra={"unit": "s"},
        ),
    ] = 600.0
    invalid_span: Annotated[
        int,
        Meta(
            ge=10,
            description="Records over which the share of invalid ones is watched",
            extra={"unit": "records"},
        ),
    ] = 1000
    invalid_share: Annotated[
        float,
        Meta(
            gt=0,
            le=1,
            description="The worker stops when more than this share of a span is invalid",
            extra={"unit": "share"},
        ),
    ] = 0.5

    def __post_init__(self) -> None:
        """Refuse a mapping that is none, before anything runs."""
        for path in self.unwrap:
            try:
                Path.parse(path)
            except ValueError as error:
                raise ValueError(f"unwrap: {error}") from None
        if self.mapping is not None:
            format_of(self.mapping)
        elif self.format == "mapping":
            raise ValueError("mapping: needed with format `mapping`")
