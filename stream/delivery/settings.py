"""Settings of the receivers of alerts."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct

from stream.core.findings import Severity
from stream.core.secret import Secret


class ReceiverSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Settings of every receiver."""

    allow_insecure: Annotated[
        bool,
        Meta(description="Allow unencrypted http:// addresses of other machines"),
    ] = False
    ssl_cafile: Annotated[
        str,
        Meta(
            description="PEM file of the certificate authorities of the receiver; empty: those of "
            "the system"
        ),
    ] = ""
    minimum_severity: Annotated[
        Severity,
        Meta(description="Alerts below this severity are not sent: info, warning or critical"),
    ] = "info"
    drills: Annotated[
        Literal["skip", "deliver"],
        Meta(
            description="Alerts of a `distillwatch drill`, whatever their severity: skip "
            "reports them to the drill without sending, deliver sends them"
        ),
    ] = "skip"
    timeout_s: Annotated[
        float,
        Meta(gt=0, le=120, description="Timeout of a request", extra={"unit": "s"}),
    ] = 15.0


class PostSettings(ReceiverSettings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where each alert is posted, and how often it is retried."""

    url: Annotated[
        Secret,
        Meta(
            description="Address that alerts are posted to; empty: no such receiver. Never shown: "
            "many have a token in their path"
        ),
    ] = Secret()
    first_retry_s: Annotated[
        float,
        Meta(
            gt=0,
            description="Upper bound of the first retry delay; it doubles with every failure",
            extra={"unit": "s"},
        ),
    ] = 5.0
    longest_retry_s: Annotated[
        float,
        Meta(
            gt=0,
            description="Maximum retry delay, also when the receiver requests a longer one; a "
            "success after an outage ends all delays",
            extra={"unit": "s"},
        ),
    ] = 3600.0
    retry_for_s: Annotated[
        float,
        Meta(
            ge=0,
            description="An alert is dropped (timed_out) after this time without success: the "
            "longest outage of the receiver, or wrong address or secret, that loses nothing",
            extra={"unit": "s"},
        ),
    ] = 86_400.0
    refused_tries: Annotated[
        int,
        Meta(
            ge=1,
            description="An alert that the receiver rejects (400, 409, 413, 415, 422) is dropped "
            "after this many tries",
            extra={"unit": "tries"},
        ),
    ] = 3
    concurrency: Annotated[
        int,
        Meta(ge=1, le=256, description="Concurrent requests", extra={"unit": "posts"}),
    ] = 8


class WebhookSettings(PostSettings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A receiver of Standard Webhooks."""

    secret: Annotated[
        Secret,
        Meta(
            description="Signing secret, whsec_…; several separated by spaces while rotating: "
            "all of them sign. Set it by environment or file",
        ),
    ] = Secret()


class AlertmanagerSettings(ReceiverSettings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Prometheus Alertmanager, which routes, groups and silences."""

    urls: Annotated[
        Secret,
        Meta(
            description="Addresses of every replica (http://am-0:9093 http://am-1:9093), each of "
            "which gets every alert; empty: no Alertmanager"
        ),
    ] = Secret()
    authorization: Annotated[
        Secret,
        Meta(
            description="Value of the Authorization header (`Bearer …`, `Basic …`); empty: none. "
            "Set it by environment or file"
        ),
    ] = Secret()
    resend_s: Annotated[
        float,
        Meta(
            ge=1,
            le=3600,
            description="Interval between posts of the open incidents; Alertmanager resolves "
            "them after four intervals without a worker",
            extra={"unit": "s"},
        ),
    ] = 60.0


class PagerDutySettings(PostSettings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """PagerDuty's Events API v2; used when there is a key."""

    url: Annotated[
        Secret,
        Meta(
            description="Address of the Events API v2; in the EU: https://events.eu.pagerduty.com/…"
        ),
    ] = Secret("https://events.pagerduty.com/v2/enqueue")
    routing_key: Annotated[
        Secret,
        Meta(
            description="Integration key of a service's Events API v2; empty: no PagerDuty. Set "
            "it by environment or file"
        ),
    ] = Secret()


class SlackSettings(PostSettings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A Slack channel, by its incoming webhook."""

    concurrency: Annotated[
        int,
        Meta(
            ge=1,
            le=256,
            description="Concurrent requests; Slack accepts one a second",
            extra={"unit": "posts"},
        ),
    ] = 1


class OcsfSettings(PostSettings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A receiver of OCSF Detection Findings, such as a SIEM's HTTP input."""

    authorization: Annotated[
        Secret,
        Meta(
            description="Value of the Authorization header (`Splunk …`, `Bearer …`); empty: none. "
            "Set it by environment or file"
        ),
    ] = Secret()
