"""Settings of intake: formats, limits and the key of the fingerprints."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct

from stream.core.secret import Secret
from stream.intake.codec.format_table import IDENTITIES
from stream.intake.codec.mapping import Mapping, format_of
from stream.intake.codec.path import Path

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
    """What is read, what is rejected, and which share of invalid records stops the worker."""

    format: Annotated[
        Format,
        Meta(description="Format of the request log; auto recognises the format of each record"),
    ] = "auto"
    salt: Annotated[
        Secret,
        Meta(
            description="Key of the fingerprints of text and addresses, against guessing; must be "
            "the same for all workers; to change it, see salt_previous. Set it by environment "
            "variable or file",
            extra={"secret": True},
        ),
    ] = Secret()
    salt_previous: Annotated[
        Secret,
        Meta(
            description="The previous value of salt, for as long as accounts are to be linked "
            "to what was learnt under it: campaigns.remember_s; then remove it (deploy/README.md, "
            "Rotate the salt). Set it by environment variable or file",
            extra={"secret": True},
        ),
    ] = Secret()
    account: Annotated[
        str,
        Meta(
            pattern=f"^(|{'|'.join(IDENTITIES)}|/.+)$",
            description="The account of a request: key, user, end_user, team, organization, or a "
            "JSON pointer (for otlp: / and an attribute name) to a custom field; empty: the "
            "default of each format (deploy/gateways). If a record does not have it, the first "
            "of these identities that it has",
        ),
    ] = ""
    mapping: Annotated[
        Mapping | None,
        Meta(
            description="A custom format: a table of field = path, {path, unit} or {constant}, or "
            "a list of these, of which the first with a value is used; see deploy/gateways",
            extra={"json": True},
        ),
    ] = None
    unwrap: Annotated[
        tuple[str, ...],
        Meta(
            description="Keys or JSON pointers of wrappers that log shippers put around a record, "
            "such as payload or message: the JSON there (or JSON text) is decoded instead",
            extra={"json": True},
        ),
    ] = ()
    max_record_bytes: Annotated[
        int,
        Meta(
            ge=1024,
            description="Larger records go to the dead-letter topic",
            extra={"unit": "bytes"},
        ),
    ] = 1_048_576
    max_dead_letter_bytes: Annotated[
        int,
        Meta(
            ge=0,
            description="Longer dead letters are truncated, and a header marks them; the "
            "dead-letter topic must accept this size (max.message.bytes)",
            extra={"unit": "bytes"},
        ),
    ] = 1_000_000
    max_record_events: Annotated[
        int,
        Meta(
            ge=1,
            description="A record (JSON array or lines) with more events goes to the dead-letter "
            "topic",
            extra={"unit": "events"},
        ),
    ] = 10_000
    max_future_s: Annotated[
        float,
        Meta(
            gt=0,
            description="Events further in the future are rejected",
            extra={"unit": "s"},
        ),
    ] = 300.0
    oldest_timestamp: Annotated[
        float,
        Meta(
            ge=0,
            description="Events before this time are rejected",
            extra={"unit": "epoch seconds"},
        ),
    ] = 1_420_070_400.0  # 2015-01-01
    asn_database: Annotated[
        str,
        Meta(
            description="File with the AS numbers of addresses, in MaxMind's format (GeoLite2 ASN, "
            "GeoIP2 ISP, DB-IP, IPinfo); read again when it changes; empty: none"
        ),
    ] = ""
    country_database: Annotated[
        str,
        Meta(
            description="File with the countries of addresses, in MaxMind's format (GeoLite2 or "
            "GeoIP2 Country or City, DB-IP, IPinfo); read again when it changes; empty: none"
        ),
    ] = ""
    anonymiser_database: Annotated[
        str,
        Meta(
            description="File with VPNs, proxies and hosting providers, in MaxMind's format "
            "(GeoIP2 Anonymous IP); read again when it changes; empty: none"
        ),
    ] = ""
    hosting_networks: Annotated[
        str,
        Meta(
            description="Text file with the networks of hosting providers: a CIDR or an AS number "
            "(AS64500) a line, # begins a comment; read again when it changes; empty: none"
        ),
    ] = ""
    duplicate_window_s: Annotated[
        float,
        Meta(
            ge=0,
            le=86_400,
            description="Records of one account with the same request id and no new values count "
            "once if their event times differ by at most this; 0: all count, which is right if "
            "the gateway takes the id from the client's header",
            extra={"unit": "s"},
        ),
    ] = 600.0
    invalid_span: Annotated[
        int,
        Meta(
            ge=10,
            description="Length of the window over which the share of invalid records is measured",
            extra={"unit": "records"},
        ),
    ] = 1000
    invalid_share: Annotated[
        float,
        Meta(
            gt=0,
            le=1,
            description="The worker stops if more than this share of the window is invalid",
            extra={"unit": "share"},
        ),
    ] = 0.5

    def __post_init__(self) -> None:
        """Reject an invalid mapping and salts that cannot be before anything runs."""
        if self.salt_previous and not self.salt:
            raise ValueError("salt_previous: expected none without `salt`")
        if self.salt_previous and self.salt_previous == self.salt:
            raise ValueError("salt_previous: expected another value than that of `salt`")
        for path in self.unwrap:
            try:
                Path.parse(path)
            except ValueError as error:
                raise ValueError(f"unwrap: {error}") from None
        if self.mapping is not None:
            format_of(self.mapping)
        elif self.format == "mapping":
            raise ValueError("mapping: needed with format `mapping`")
