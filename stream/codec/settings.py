"""Settings of intake: formats, limits and the key of the fingerprints."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct

from stream.types.secret import Secret

Format = Literal["auto", "canonical", "litellm"]
LitellmAccount = Literal["key", "user", "end_user", "team", "organization"]


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
    litellm_account: Annotated[
        LitellmAccount,
        Meta(
            description="Which identity of a LiteLLM payload is the account: key, user, end_user, "
            "team or organization; the first of these that is there when it is missing"
        ),
    ] = "key"
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
