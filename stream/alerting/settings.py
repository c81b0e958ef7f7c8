"""Settings of incidents and of their alerts."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from stream.core.thresholds import DEFAULT_THRESHOLDS, ScoreThresholds

_S = {"unit": "s"}


class AlertingSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When an incident opens, is updated and resolves, and its severity."""

    open_score: Annotated[
        float,
        Meta(
            gt=0.5,
            lt=1,
            description="An incident opens at this score; an account that is just as rare as "
            "detection.alerts_budget allows scores as much",
            extra={"unit": "score"},
        ),
    ] = DEFAULT_THRESHOLDS.open_score
    clear_score: Annotated[
        float,
        Meta(
            gt=0,
            lt=1,
            description="An incident stays open while the score is at or above this; an account "
            "from this score on is suspect and not learnt from, a group a candidate for a cluster",
            extra={"unit": "score"},
        ),
    ] = DEFAULT_THRESHOLDS.clear_score
    resolve_after_s: Annotated[
        float,
        Meta(
            ge=60,
            description="An incident resolves after this long without evidence",
            extra=_S,
        ),
    ] = 6 * 3600.0
    cool_down_s: Annotated[
        float,
        Meta(
            ge=0,
            description="The same cause re-opens a resolved incident within this time",
            extra=_S,
        ),
    ] = 86400.0
    resend_s: Annotated[
        float,
        Meta(
            ge=60,
            description="An open incident without changes is sent again this often",
            extra=_S,
        ),
    ] = 6 * 3600.0
    ledger_days: Annotated[
        int,
        Meta(
            ge=1,
            le=36_500,
            description="Days of the ledger, behind `distillwatch report`, that are kept; 800 are "
            "two calendar years and the time to report on them",
            extra={"unit": "days"},
        ),
    ] = 800
    max_incidents: Annotated[
        int,
        Meta(
            ge=16,
            description="Incidents remembered, open or cooling down; when all of them are "
            "open no further one opens, and a quarter is reserved for campaigns",
            extra={"unit": "incidents"},
        ),
    ] = 10_000
    grow_share: Annotated[
        float,
        Meta(
            gt=0,
            description="An incident is sent again when its members or its output tokens "
            "(requests without token counts) have grown by this share since the last alert",
            extra={"unit": "share"},
        ),
    ] = 0.25
    grow_every_s: Annotated[
        float,
        Meta(ge=0, description="Minimum time between two updates for growth", extra=_S),
    ] = 900.0
    updates_first_day: Annotated[
        int,
        Meta(
            ge=1,
            description="Maximum updates of an incident in the 24 hours after its first alert, "
            "half of them in the first 12. A change of severity counts and is always sent, and so "
            "is the resolution",
            extra={"unit": "updates"},
        ),
    ] = 12
    updates_per_day: Annotated[
        int,
        Meta(
            ge=1,
            description="Maximum updates in each 24 hours after that, spread evenly",
            extra={"unit": "updates"},
        ),
    ] = 4
    refresh_s: Annotated[
        float,
        Meta(
            ge=60,
            description="The newest figures of an incident are written to the alerts topic, marked "
            "`refresh`, this often; the page shows them, receivers do not get them",
            extra=_S,
        ),
    ] = 900.0
    warning_score: Annotated[
        float,
        Meta(
            gt=0,
            le=1,
            description="Severity is at least warning from this score",
            extra={"unit": "score"},
        ),
    ] = 0.9
    critical_score: Annotated[
        float,
        Meta(
            gt=0,
            le=1,
            description="Severity is critical from this score with enough output tokens",
            extra={"unit": "score"},
        ),
    ] = 0.97
    critical_output_tokens: Annotated[
        int,
        Meta(
            ge=0,
            description="From this many output tokens so far, severity is at least warning, and "
            "critical from alerting.critical_score",
            extra={"unit": "tokens"},
        ),
    ] = 1_000_000
    critical_output_tokens_per_hour: Annotated[
        int,
        Meta(
            ge=0,
            description="The same for the output tokens of the last hour",
            extra={"unit": "tokens per hour"},
        ),
    ] = 500_000
    warning_members: Annotated[
        int,
        Meta(
            ge=2,
            description="Severity of a campaign is at least warning from this many members",
            extra={"unit": "accounts"},
        ),
    ] = 20
    critical_members: Annotated[
        int,
        Meta(
            ge=2,
            description="Severity of a campaign is critical from this many members",
            extra={"unit": "accounts"},
        ),
    ] = 100
    runbook_url: Annotated[
        str,
        Meta(
            description="Address of the runbook; {version} is the version that runs. Alerts append "
            "'#account' or '#campaign'",
            extra={"unit": ""},
        ),
    ] = "https://distillwatch.invalid/v{version}/runbook"
    cloudevents_source: Annotated[
        str,
        Meta(
            max_length=256,
            description="Name of this deployment (a URI or a path, /gateways/eu) as the source of "
            "CloudEvents; alerts then carry their attributes as Kafka headers; empty: none",
        ),
    ] = ""

    @property
    def thresholds(self) -> ScoreThresholds:
        """Return the scores that incidents open and close at; raises ValueError."""
        return ScoreThresholds(open_score=self.open_score, clear_score=self.clear_score)

    def least_score(self, *, is_open: bool) -> float:
        """Return the score from which there is evidence: hysteresis."""
        return self.clear_score if is_open else self.open_score
