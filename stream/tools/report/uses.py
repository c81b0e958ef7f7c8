"""The use of each event field: which features and links are unavailable without it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from stream.core.links import LinkKind

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Use:
    """The features that need a field, the links between accounts that it makes, or what else."""

    features: tuple[str, ...] = ()
    links: tuple[LinkKind, ...] = ()
    other: str = ""

    def __str__(self) -> str:
        """Return it in a few words; empty for a field without a use yet."""
        parts = [", ".join(self.features)] if self.features else []
        parts += [self.other] if self.other else []
        links = ", ".join(kind.name.lower().replace("_", " ") for kind in self.links)
        return "; ".join([*parts, f"links by {links}"] if links else parts)


_NONE: Final = Use()
_CONTEXT: Final = "which context an account has produced, without text"

#: Every optional field of an event.
USES: Final[Mapping[str, Use]] = {
    "input_tokens": Use(("input_hour", "input_day", "output_ratio"), other=_CONTEXT),
    "output_tokens": Use(
        ("output_hour", "output_day", "output_per_request", "output_ratio"), other=_CONTEXT
    ),
    "client_ip": Use(
        ("addresses", "networks", "many_clients", "exit_rotation"),
        (LinkKind.ADDRESS, LinkKind.NETWORK, LinkKind.CUSTOMERS),
    ),
    "user_agent": Use(("user_agents", "many_clients"), (LinkKind.CUSTOMERS,)),
    "system_prompt": Use(("system_share",), (LinkKind.SYSTEM_PROMPT,)),
    "prompt": Use(
        ("prompts", "template_share", "templated_breadth"),
        (LinkKind.TEMPLATE, LinkKind.PHRASE, LinkKind.TOPIC),
    ),
    "first_prompt": Use(links=(LinkKind.CONVERSATION,)),
    "first_answer": Use(links=(LinkKind.CONVERSATION,)),
    "response": Use(other="which account was given an answer"),
    "status": Use(("error_share",)),
    "temperature": Use(("temperature",)),
    "max_tokens": Use(("max_tokens",)),
    "logprobs": Use(("logprobs_share",)),
    "account_created_at": Use(("age", "volume_for_age")),
    "payment_id": Use(links=(LinkKind.PAYMENT,)),
    "tls_fingerprint": Use(links=(LinkKind.CLIENT,)),
    "prompt_fingerprint": _NONE,  # replaces an absent prompt
    "duration_s": _NONE,
    "stream": _NONE,
    "cached_tokens": _NONE,
    "reasoning_tokens": _NONE,
    "operation": _NONE,
    "request_id": Use(other="calls that are logged twice"),
    "api_key_id": _NONE,
    "organization_id": _NONE,
    "asn": _NONE,
    "country": Use(("countries", "countries_hour")),
    "plan": Use(other="accounts are compared with those on their plan"),
}
