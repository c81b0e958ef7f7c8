"""Which gateway the settings name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from stream.core.errors import SettingsError
from stream.decisions.signature import Signer
from stream.delivery.time_source import Clock
from stream.enforcement.admin.admin_client import AdminClient
from stream.enforcement.admin.kong_consumers import KongConsumers
from stream.enforcement.admin.litellm_keys import LitellmKeys

if TYPE_CHECKING:
    from stream.decisions.settings import DecisionSettings
    from stream.enforcement.admin.admin_gateway import AdminGateway
    from stream.enforcement.admin.settings import AdminSettings

#: Goes into the signature of a mark, so that no record of a topic passes for one.
MARKS: Final = b"distillwatch mark 1"


def gateway_of(
    settings: AdminSettings, decisions: DecisionSettings, clock: Clock | None = None
) -> AdminGateway | None:
    """Return the gateway of ``admin.api``, None without one; raises SettingsError."""
    if not settings.api:
        return None
    clock = clock or Clock()
    if settings.api == "kong":
        return KongConsumers(AdminClient(settings, "Kong-Admin-Token", clock=clock))
    if not settings.token:
        raise SettingsError("admin.token: missing, LiteLLM's key management wants an admin's key")
    client = AdminClient(settings, "Authorization", scheme="Bearer", clock=clock)
    return LitellmKeys(client, Signer(decisions.key, MARKS))
