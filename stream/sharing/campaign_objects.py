"""The STIX objects of one campaign."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

import stix2

from stream.core.indicators import LEAST_NETWORK_ACCOUNTS
from stream.core.techniques import ATLAS, OWASP
from stream.sharing import vocabulary as v

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stream.core.decisions import Decision
    from stream.core.indicators import ShareableValue
    from stream.sharing.export_book import ExportBook, SharedCampaign

#: Members that a value links at least to be shared; a conversation goes from one to another.
_LEAST_MEMBERS: Final = {"network": LEAST_NETWORK_ACCOUNTS, "conversation": 2}
_LEAST_OTHERS: Final = 3
#: Verdicts after which what was shared is taken back.
_CLEARED: Final = frozenset({"false_positive", "benign"})
#: The largest count that a sighting may have (STIX 2.1, 5.2).
_MOST_COUNT: Final = 999_999_999
_WORDS: Final = {
    "system_prompt": "System prompt",
    "template": "Opening of prompts",
    "conversation": "Conversation that went from one account to another",
    "client": "TLS client with its user agent",
    "network": "Network that accounts call from",
}


class CampaignObjects:
    """Makes the objects of a campaign, with its relationships."""

    def __init__(
        self,
        campaign: SharedCampaign,
        book: ExportBook,
        *,
        identity: str,
        marking: str,
        valid_s: float,
    ) -> None:
        """Mark all objects, which ``identity`` made, with ``marking``."""
        self._one = campaign
        self._book = book
        self._identity = identity
        self._marking = [marking]
        self._valid_until = campaign.updated + valid_s
        verdict = book.verdict_of(campaign.incident_id)
        self._decisions = book.decisions_of(campaign.incident_id)
        changes = [decision.time for decision in self._decisions]
        changes += [verdict.time] if verdict else []
        revoked = verdict is not None and verdict.label in _CLEARED
        self._confidence = round(100 * campaign.score)
        self._common = {
            "created": _moment(campaign.detected),
            "modified": _moment(max(campaign.updated, *changes, campaign.detected)),
            "created_by_ref": identity,
            "object_marking_refs": self._marking,
            **({"revoked": True} if revoked else {}),
        }
        self._confirmed = verdict is not None and verdict.label == "true_positive"

    def all(self) -> Iterator[Any]:
        """Yield the objects."""
        campaign, patterns = self._campaign(), [*self._attack_patterns()]
        yield campaign
        yield from patterns
        yield from (self._relationship(campaign.id, "uses", one.id) for one in patterns)
        yield self._sighting(campaign.id, self._one.requests)
        values = self._values()
        networks = [one.shared for one in values if one.kind == "network"]
        infrastructure = self._infrastructure() if networks else None
        if infrastructure is not None:
            yield infrastructure
            yield self._relationship(campaign.id, "uses", infrastructure.id)
            for network in networks:
                part = _network(network, self._marking)
                yield part
                yield self._relationship(infrastructure.id, "consists-of", part.id)
        for value in values:
            indicator = self._indicator(value)
            yield indicator
            yield self._relationship(indicator.id, "indicates", campaign.id)
        for foreign, accounts in self._sighted():
            yield self._sighting(foreign, accounts)
        for decision in self._decisions:
            action = self._course_of_action(decision)
            yield action
            yield self._relationship(action.id, "related-to", campaign.id)
            yield from (self._relationship(action.id, "mitigates", one.id) for one in patterns)

    def _values(self) -> list[ShareableValue]:
        """Return those links of the members that may be shared."""
        return [
            value
            for link, own, accounts in self._one.links
            if accounts >= _LEAST_MEMBERS.get(link, _LEAST_OTHERS)
            and (value := self._book.value_of(link, own)) is not None
        ]

    def _sighted(self) -> Iterator[tuple[str, int]]:
        """Yield the indicators of other operators that members use, and by how many."""
        for link, value, accounts in self._one.links:
            foreign = self._book.foreign_of(value) if link == "indicator" else None
            if foreign is not None:
                yield foreign.indicator_id, accounts

    def _campaign(self) -> Any:  # noqa: ANN401 - of stix2
        one = self._one
        evidence = ", ".join(one.evidence) or "none named"
        return stix2.Campaign(
            id=self._id("campaign"),
            name=f"Model extraction {one.campaign_id}",
            description=f"{one.accounts} coordinated accounts; {one.requests} requests, "
            f"{one.output_tokens} output tokens since the first evidence. Evidence: {evidence}. "
            f"{'A person confirmed it.' if self._confirmed else 'A finding of a model.'}",
            objective="Extract a model's capabilities through its API",
            first_seen=_moment(one.started),
            last_seen=_moment(one.updated),
            confidence=self._confidence,
            **self._common,
        )

    def _indicator(self, value: ShareableValue) -> Any:  # noqa: ANN401 - of stix2
        keyed: dict[str, Any]
        if value.kind == "network":
            version = "ipv6" if ":" in value.shared else "ipv4"
            pattern = f"[{version}-addr:value ISSUBSET '{value.shared}']"
            keyed = {"pattern": pattern, "pattern_type": "stix"}
        else:
            fields = {
                "scheme": v.SCHEME_OF[value.kind], "key_id": value.key_id, "value": value.shared,
            }  # fmt: skip
            keyed = {
                "pattern": ":".join(fields.values()),
                "pattern_type": v.PATTERN_TYPE,
                "extensions": {
                    v.FINGERPRINT_EXTENSION: {"extension_type": "property-extension", **fields}
                },
            }
        return stix2.Indicator(
            id=self._id("indicator", value.kind, value.key_id, value.shared),
            name=_WORDS[value.kind],
            indicator_types=["anomalous-activity"],
            valid_from=_moment(self._one.started),
            valid_until=_moment(self._valid_until),
            confidence=self._confidence,
            **keyed,
            **self._common,
        )

    def _infrastructure(self) -> Any:  # noqa: ANN401 - of stix2
        return stix2.Infrastructure(
            id=self._id("infrastructure"),
            name=f"Exits of {self._one.campaign_id}",
            infrastructure_types=["anonymization"],
            first_seen=_moment(self._one.started),
            last_seen=_moment(self._one.updated),
            confidence=self._confidence,
            **self._common,
        )

    def _attack_patterns(self) -> Iterator[Any]:
        for technique in self._one.techniques:
            atlas = technique in ATLAS
            name = ATLAS.get(technique) or OWASP.get(technique) or technique
            reference = {
                "source_name": "mitre-atlas" if atlas else "owasp-top-10-llm",
                "external_id": technique,
            }
            if atlas:
                reference["url"] = f"https://atlas.mitre.org/techniques/{technique}"
            yield stix2.AttackPattern(
                id=v.stix_id("attack-pattern", self._identity, technique),
                name=name,
                external_references=[reference],
                created=v.FIXED,
                modified=v.FIXED,
                created_by_ref=self._identity,
                object_marking_refs=self._marking,
            )

    def _sighting(self, of: str, count: int) -> Any:  # noqa: ANN401 - of stix2
        return stix2.Sighting(
            id=self._id("sighting", of),
            sighting_of_ref=of,
            where_sighted_refs=[self._identity],
            first_seen=_moment(self._one.started),
            last_seen=_moment(self._one.updated),
            count=min(count, _MOST_COUNT),
            confidence=self._confidence,
            **self._common,
        )

    def _course_of_action(self, decision: Decision) -> Any:  # noqa: ANN401 - of stix2
        accounts = len(decision.subjects)
        hours = decision.lasts_s / 3600
        return stix2.CourseOfAction(
            id=self._id("course-of-action", decision.decision_id),
            name=f"{decision.action} {accounts} account{'s' * (accounts != 1)}",
            description=f"For {hours:g} hours; now {decision.state}. A person approved it."
            if any(one.kind == "person" for one in decision.approved_by)
            else f"For {hours:g} hours; now {decision.state}.",
            **self._common,
        )

    def _relationship(self, source: str, kind: str, target: str) -> Any:  # noqa: ANN401 - of stix2
        return stix2.Relationship(
            id=self._id("relationship", source, kind, target),
            source_ref=source,
            relationship_type=kind,
            target_ref=target,
            **self._common,
        )

    def _id(self, type_: str, *parts: str) -> str:
        return v.stix_id(type_, self._identity, self._one.incident_id, *parts)


def _network(network: str, marking: list[str]) -> Any:  # noqa: ANN401 - of stix2
    made = stix2.IPv6Address if ":" in network else stix2.IPv4Address
    return made(value=network, object_marking_refs=marking)


def _moment(time: float) -> datetime:
    return datetime.fromtimestamp(time, UTC)
