"""Settings of incidents and of the alerts that tell of them."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from stream.core.thresholds import DEFAULT_THRESHOLDS, ScoreThresholds

_S = {"unit": "s"}


class AlertingSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When an incident opens, how often it speaks, when it is over and how grave it is."""

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
            description="An incident is over when there was no evidence for this long",
            extra=_S,
        ),
    ] = 6 * 3600.0
    cool_down_s: Annotated[
        float,
        Meta(
            ge=0,
            description="The same cause within this time after the end re-opens the incident",
            extra=_S,
        ),
    ] = 86400.0
    resend_s: Annotated[
        float,
        Meta(
            ge=60,
            description="An incident that goes on without news is sent again this often",
            extra=_S,
        ),
    ] = 6 * 3600.0
    max_incidents: Annotated[
        int,
        Meta(
            ge=16,
            description="Incidents remembered, firing or cooling down; when all of them are "
            "firing no further one opens, and a quarter is for campaigns alone",
            extra={"unit": "incidents"},
        ),
    ] = 10_000
    grow_share: Annotated[
        float,
        Meta(
            gt=0,
            description="An incident is sent again when its members or its output tokens "
            "(requests where none are logged) have grown by this share since it was sent last",
            extra={"unit": "share"},
        ),
    ] = 0.25
    grow_every_s: Annotated[
        float,
        Meta(ge=0, description="Growth is told at most this often", extra=_S),
    ] = 900.0
    updates_first_day: Annotated[
        int,
        Meta(
            ge=1,
            description="Updates of an incident in the 24 hours after its first alert, at most; "
            "half of them in the first 12. A change of severity, which counts, and the end are "
            "always sent",
            extra={"unit": "updates"},
        ),
    ] = 12
    updates_per_day: Annotated[
        int,
        Meta(
            ge=1,
            description="The same in each 24 hours after that, spread over them",
            extra={"unit": "updates"},
        ),
    ] = 4
    refresh_s: Annotated[
        float,
        Meta(
            ge=60,
            description="The newest figures of an incident are written to the alerts topic, marked "
            "`refresh`, this often; the page shows them, no receiver is told",
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
            description="Severity is critical from this score once enough tokens were observed",
            extra={"unit": "score"},
        ),
    ] = 0.97
    critical_output_tokens: Annotated[
        int,
        Meta(
            ge=0,
            description="With so many output tokens so far, severity is at least warning, and "
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
            description="Severity of a campaign is at least warning from so many members",
            extra={"unit": "accounts"},
        ),
    ] = 20
    critical_members: Annotated[
        int,
        Meta(
            ge=2,
            description="Severity of a campaign is critical from so many members",
            extra={"unit": "accounts"},
        ),
    ] = 100
    runbook_url: Annotated[
        str,
        Meta(
            description="Start of the address of the runbook; '#account' or '#campaign' follows",
            extra={"unit": ""},
        ),
    ] = "https://distillwatch.invalid/runbook"
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


class FeedbackSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What people's verdicts and suppressions do, and for how long."""

    mute_s: Annotated[
        float,
        Meta(
            ge=3600,
            description="A false_positive or benign verdict keeps the same cause quiet for so long",
            extra=_S,
        ),
    ] = 30 * 86400.0
    account_odds: Annotated[
        float,
        Meta(
            gt=1,
            description="An account that was judged fires all the same when the odds of its score "
            "have become so many times as large",
            extra={"unit": "times"},
        ),
    ] = 10.0
    campaign_share: Annotated[
        float,
        Meta(
            gt=0,
            le=1,
            description="A campaign is one that was judged when this share of its members or of "
            "its linking values was in that",
            extra={"unit": "share"},
        ),
    ] = 0.5
    max_verdicts: Annotated[
        int,
        Meta(
            ge=1,
            description="Verdicts remembered, to keep quiet and to learn from; the oldest go first",
            extra={"unit": "verdicts"},
        ),
    ] = 1000
    max_suppressions: Annotated[
        int,
        Meta(
            ge=1,
            le=1000,
            description="Suppressions in force; beyond it those that end first go",
            extra={"unit": "suppressions"},
        ),
    ] = 200
    longest_suppression_s: Annotated[
        float,
        Meta(
            ge=60,
            description="Longest time that a suppression may be made for",
            extra=_S,
        ),
    ] = 90 * 86400.0
    learn_from: Annotated[
        float,
        Meta(
            ge=1,
            description="Verdicts of each kind (true, and false or benign) from which scores move; "
            "those of one author count as five at most",
            extra={"unit": "verdicts"},
        ),
    ] = 10.0
    learnt_odds: Annotated[
        float,
        Meta(
            ge=1,
            le=4,
            description="What verdicts teach multiplies or divides the odds of a score by this at "
            "most; 1: nothing is learnt",
            extra={"unit": "times"},
        ),
    ] = 2.0
