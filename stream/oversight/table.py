"""The report as CSV (RFC 4180): one row a campaign."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from stream.oversight.report import CampaignGroup, CampaignRow, OversightReport

#: Fields of a campaign that are one value.
_PLAIN: Final = (
    *("campaign_id", "alert_id", "open", "severity", "score", "verdict", "accounts"),
    *(
        "accounts_certain",
        "requests",
        "input_tokens",
        "output_tokens",
        "reasoning_tokens",
        "first_seen",
        "last_seen",
    ),
    *("detected", "decided", "enforced", "first_refused", "detect_s", "decide_s"),
    *("enforce_s", "refuse_s", "leaked_before_alert"),
)
_EFFECT: Final = ("refused", "slowed", "changed", "simulated", "tokens_not_taken_estimate")
COLUMNS: Final = (
    *_PLAIN,
    *("leaked_before_action_at_least", "leaked_before_action_at_most"),
    *("techniques", "evidence", "actions", "undone"),
    *(f"requests_{name}" if name in _EFFECT[:-1] else name for name in _EFFECT),
    *("networks", "networks_other", "countries", "models", "model_version"),
)


def as_csv(report: OversightReport) -> str:
    """Return the campaigns with a header; an absent value is empty."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    writer.writerows(map(_cells, report.campaigns))
    return text.getvalue()


def _cells(one: CampaignRow) -> list[object]:
    share = one.leaked_before_action
    return [
        *(getattr(one, name) for name in _PLAIN),
        *(("", "") if share is None else (share.at_least, share.at_most)),
        " ".join(one.techniques),
        " ".join(one.evidence),
        " ".join(
            f"{action.action}:{action.decisions}" for action in one.actions if action.decisions
        ),
        sum(action.undone for action in one.actions),
        *(getattr(one.effect, name) for name in _EFFECT),
        " ".join(f"{group.network}:{group.accounts}" for group in one.networks.groups),
        one.networks.other,
        _groups(one.countries),
        _groups(one.models),
        one.model_version,
    ]


def _groups(groups: list[CampaignGroup]) -> str:
    """Return groups as NAME:OUTPUT TOKENS; models have blanks, so a semicolon is between them."""
    text = "; ".join(
        f"{'other' if one.name is None else one.name}:{one.sums.output_tokens}" for one in groups
    )
    # Who writes requests may choose the name: spreadsheets take such a cell for a formula.
    return f"'{text}" if text.startswith(("=", "+", "-", "@")) else text
