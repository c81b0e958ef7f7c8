"""The alert of the contract: what the topic, the file and every receiver get. Decides nothing.

Descriptions become the published schema, see :mod:`stream.core.alert_schema`.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Final, Literal, NamedTuple, TypeVar, get_args

import msgspec
from msgspec import Meta

from stream.core.events import MAX_ACCOUNT_BYTES
from stream.core.feedback import LinkName, Verdict
from stream.core.findings import Evidence, Observed, Severity, TrafficGroup
from stream.core.membership import DegreeName

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

AlertKind = Literal["account", "campaign"]
AlertStatus = Literal["firing", "resolved"]
#: What the last state of the incident of a forgotten account has instead of its id.
FORGOTTEN_ID: Final = "(forgotten)"
FORGOTTEN: Final = "The account was forgotten: nothing is kept of it."
_BETWEEN_STATES: Final = timedelta(seconds=0.5)
#: What an account takes in an alert, at most: every character escaped, quotes and a comma; and its
#: place among those that are as sure.
MAX_MEMBER_BYTES: Final = 2 * MAX_ACCOUNT_BYTES + 3 + 7


class SharedValue(msgspec.Struct, frozen=True, kw_only=True):
    """An indicator that links members of a campaign, and by which it can be suppressed."""

    link: Annotated[LinkName, Meta(description="Attribute that has the value")]
    value: Annotated[str, Meta(description="Keyed fingerprint of the value, 16 hex digits")]
    accounts: Annotated[int, Meta(description="Number of members with the value")]
    members: Annotated[
        list[int], Meta(description="Some of them, as positions in `account_ids`, from 0")
    ]


class MemberGroup(msgspec.Struct, frozen=True, kw_only=True):
    """Accounts that are as sure as each other to belong to a campaign, for the same reasons."""

    degree: Annotated[
        DegreeName,
        Meta(
            description="certain: act on it; likely: review it; peripheral: it shares what others "
            "share, do nothing"
        ),
    ]
    why: Annotated[str, Meta(description="The reasons in words")]
    members: Annotated[
        list[int],
        Meta(
            description="The accounts, as positions from 0: in `account_ids`, or, of peripheral "
            "ones, in `peripheral_ids`"
        ),
    ]


_Places = TypeVar("_Places", SharedValue, MemberGroup)


class Degrees(NamedTuple):
    """Numbers of accounts of an alert by how sure they are."""

    certain: int
    likely: int
    peripheral: int

    def __str__(self) -> str:
        """Return them in words, without those that are none."""
        counts = zip(self, ("certain", "likely", "only peripheral"), strict=True)
        return ", ".join(f"{count:,} {word}" for count, word in counts if count)


class Alert(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One state of one incident; times are RFC 3339 in UTC, event time."""

    alert_id: Annotated[str, Meta(description="Stable over all updates of one incident")]
    kind: Annotated[AlertKind, Meta(description="What the incident is about")]
    status: Annotated[
        AlertStatus,
        Meta(description="firing; resolved: no evidence any more, merged, muted or labelled"),
    ]
    severity: Annotated[Severity, Meta(description="Never falls while an incident is open")]
    score: Annotated[
        float,
        Meta(description="0 to 1, calibrated: higher is rarer in benign traffic"),
    ]
    account_id: Annotated[str | None, Meta(description="The account; kind account only")] = None
    campaign_id: Annotated[str | None, Meta(description="The campaign; kind campaign only")] = None
    account_ids: Annotated[
        list[str] | None,
        Meta(description="The certain and likely members, ascending; kind campaign only"),
    ] = None
    peripheral_ids: Annotated[
        list[str],
        Meta(
            description="Accounts that have something in common with members and are not accused, "
            "ascending: do nothing about them"
        ),
    ] = []
    members: Annotated[
        list[MemberGroup],
        Meta(description="How sure it is that each account belongs to the campaign, and why"),
    ] = []
    started_at: Annotated[str, Meta(description="Time of the first evidence")]
    detected_at: Annotated[str, Meta(description="Time of the first alert")]
    updated_at: Annotated[
        str, Meta(description="Time of this state; with `alert_id` it identifies the message")
    ]
    summary: Annotated[str, Meta(description="One sentence that a person can act on")]
    evidence: Annotated[list[Evidence], Meta(description="Reasons, strongest first")]
    links: Annotated[
        list[SharedValue],
        Meta(description="Indicators that members share, the most shared of each kind"),
    ] = []
    verdict: Annotated[
        Verdict | None, Meta(description="The latest verdict of a person on the incident")
    ] = None
    observed: Annotated[Observed, Meta(description="Traffic of the accused accounts")]
    traffic: Annotated[
        list[TrafficGroup],
        Meta(
            description="The same by country and by model: each member counts with the one that "
            "most of its tokens belong to; kind campaign only"
        ),
    ] = []
    techniques: Annotated[list[str], Meta(description="MITRE ATLAS and OWASP ids")]
    runbook_url: Annotated[str, Meta(description="Section of the runbook for this kind")]
    model_version: Annotated[
        str, Meta(description="Model that scored; the part after + is its calibration by verdicts")
    ]
    refresh: Annotated[
        bool,
        Meta(description="Newest figures, on the topic only: receivers do not get this state"),
    ] = False
    drill: Annotated[
        bool, Meta(description="A synthetic campaign of `distillwatch drill`: no action is needed")
    ] = False


def without_accounts(alert: Alert, accounts: Collection[str]) -> Alert:
    """Return a state without some accounts: of a campaign the others, of such an account its end.

    It is later than ``alert`` and earlier than the next one that alerting writes, a second later.
    A damaged time stays as it is: alerting has not written it.
    """
    try:
        later = datetime.fromisoformat(alert.updated_at) + _BETWEEN_STATES
        updated_at = later.astimezone(UTC).isoformat().replace("+00:00", "Z")
    except (ValueError, OverflowError):
        updated_at = alert.updated_at
    left = msgspec.structs.replace(alert, updated_at=updated_at, refresh=True)
    if alert.kind == "account":
        return msgspec.structs.replace(
            left, account_id=FORGOTTEN_ID, status="resolved", summary=FORGOTTEN
        )
    ids, place = _left(alert.account_ids or [], accounts)
    peripheral_ids, beside = _left(alert.peripheral_ids, accounts)
    groups = (
        _placed(group, beside if group.degree == "peripheral" else place) for group in alert.members
    )
    return msgspec.structs.replace(
        left,
        account_ids=ids,
        peripheral_ids=peripheral_ids,
        members=[group for group in groups if group.members],
        links=[_placed(link, place) for link in alert.links],
    )


def _left(ids: list[str], accounts: Collection[str]) -> tuple[list[str], dict[int, int]]:
    """Return the ids but for some, and the place of each by the one it had."""
    kept = [i for i, name in enumerate(ids) if name not in accounts]
    return [ids[i] for i in kept], {old: new for new, old in enumerate(kept)}


def _placed(one: _Places, place: Mapping[int, int]) -> _Places:
    return msgspec.structs.replace(one, members=[place[i] for i in one.members if i in place])


def degrees_of(alert: Alert) -> Degrees:
    """Return how many accounts of a campaign are how sure."""
    count = dict.fromkeys(get_args(DegreeName), 0)
    for group in alert.members:
        count[group.degree] += len(group.members)
    return Degrees(**count)


def as_sent(alerts: Iterable[Alert]) -> list[Alert]:
    """Return what receivers get, then each refreshed state that is newer."""
    sent: list[Alert] = []
    newer: dict[str, Alert] = {}
    for alert in alerts:
        newer.pop(alert.alert_id, None)
        if alert.refresh:
            newer[alert.alert_id] = alert
        else:
            sent.append(alert)
    return [*sent, *newer.values()]


_decode = msgspec.json.Decoder(Alert).decode


def alert_in(value: bytes | None) -> Alert | None:
    """Return the alert in a record of the alerts topic, None for an invalid record."""
    try:
        return _decode(value or b"")
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
