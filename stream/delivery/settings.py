"""Settings of the receivers of alerts and of the worker's own HTTP pages."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct

from stream.core.findings import Severity
from stream.core.secret import Secret


class ReceiverSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What every receiver by HTTP has of its own."""

    allow_insecure: Annotated[
        bool,
        Meta(description="Post to http:// addresses that are not this machine, in the clear"),
    ] = False
    ssl_cafile: Annotated[
        str,
        Meta(
            description="PEM file of the authorities that may sign the receiver's certificate; "
            "none: those of the system"
        ),
    ] = ""
    minimum_severity: Annotated[
        Severity,
        Meta(description="Alerts below it are not sent: info, warning or critical"),
    ] = "info"
    drills: Annotated[
        Literal["skip", "deliver"],
        Meta(
            description="Alerts of a `distillwatch drill`, whatever their severity: skip leaves "
            "them out and tells the drill so, deliver sends them"
        ),
    ] = "skip"
    timeout_s: Annotated[
        float,
        Meta(gt=0, le=120, description="Longest wait for an answer", extra={"unit": "s"}),
    ] = 15.0


class PostSettings(ReceiverSettings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where alerts are posted one by one, and how patiently."""

    url: Annotated[
        Secret,
        Meta(
            description="Address that alerts are posted to; empty: none. Never shown: many have a "
            "token in their path"
        ),
    ] = Secret()
    first_retry_s: Annotated[
        float,
        Meta(
            gt=0,
            description="Upper bound of the first pause; it doubles with every failure",
            extra={"unit": "s"},
        ),
    ] = 5.0
    longest_retry_s: Annotated[
        float,
        Meta(
            gt=0,
            description="Longest pause between two tries, also when the receiver asks for more; a "
            "success after an outage ends all pauses",
            extra={"unit": "s"},
        ),
    ] = 3600.0
    retry_for_s: Annotated[
        float,
        Meta(
            ge=0,
            description="An alert is given up after this time without success: the longest "
            "outage of the receiver, or mistake in address or secret, that loses nothing",
            extra={"unit": "s"},
        ),
    ] = 86_400.0
    refused_tries: Annotated[
        int,
        Meta(
            ge=1,
            description="An alert that the receiver cannot take (400, 409, 413, 415, 422) is given "
            "up after so many",
            extra={"unit": "tries"},
        ),
    ] = 3
    concurrency: Annotated[
        int,
        Meta(ge=1, le=256, description="Posts under way at once", extra={"unit": "posts"}),
    ] = 8


class WebhookSettings(PostSettings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A receiver of Standard Webhooks."""

    secret: Annotated[
        Secret,
        Meta(
            description="Signing secret, whsec_…; several separated by spaces while rotating "
            "(all of them sign). Give it by environment or file",
        ),
    ] = Secret()


class AlertmanagerSettings(ReceiverSettings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Prometheus's Alertmanager, which routes, groups and silences."""

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
            "Give it by environment or file"
        ),
    ] = Secret()
    resend_s: Annotated[
        float,
        Meta(
            ge=1,
            le=3600,
            description="Incidents are posted again this often while they are open; four times "
            "this without any worker, and Alertmanager takes them for resolved",
            extra={"unit": "s"},
        ),
    ] = 60.0


class PagerDutySettings(PostSettings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """PagerDuty's Events API v2; used when there is a key."""

    url: Annotated[
        Secret, Meta(description="Where events go; of the EU: https://events.eu.pagerduty.com/…")
    ] = Secret("https://events.pagerduty.com/v2/enqueue")
    routing_key: Annotated[
        Secret,
        Meta(
            description="Integration key of a service's Events API v2; empty: no PagerDuty. Give "
            "it by environment or file"
        ),
    ] = Secret()


class SlackSettings(PostSettings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A channel of Slack by its incoming webhook."""

    concurrency: Annotated[
        int,
        Meta(
            ge=1,
            le=256,
            description="Posts under way at once; Slack takes one a second",
            extra={"unit": "posts"},
        ),
    ] = 1


class OcsfSettings(PostSettings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A receiver of OCSF Detection Findings, such as a SIEM's HTTP input."""

    authorization: Annotated[
        Secret,
        Meta(
            description="Value of the Authorization header (`Splunk …`, `Bearer …`); empty: none. "
            "Give it by environment or file"
        ),
    ] = Secret()


class HttpSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where /metrics, /livez and /readyz listen.

    All interfaces by default, because Prometheus and the probes of an orchestrator come from
    elsewhere; the pages show no account, key, address or setting.
    """

    host: Annotated[str, Meta(description="Interface of the pages of a worker")] = "0.0.0.0"  # noqa: S104 - see above
    port: Annotated[
        int,
        Meta(ge=0, le=65535, description="Port of the pages; 0: any free one"),
    ] = 6066
    stalled_after_s: Annotated[
        float,
        Meta(
            gt=0,
            description="/livez fails when records wait and none was processed for this long",
            extra={"unit": "s"},
        ),
    ] = 120.0
