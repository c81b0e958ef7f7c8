"""What an enforcer answers about an account, as gateways and CrowdSec's clients get it."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

import aiohttp

if TYPE_CHECKING:
    from stream.http.enforcer.settings import EnforcerSettings

_WITHIN: Final = aiohttp.ClientTimeout(total=5)


class EnforcerProbe:
    """One enforcer, by its address."""

    def __init__(
        self, session: aiohttp.ClientSession, url: str, settings: EnforcerSettings
    ) -> None:
        """Use the first of the settings' tokens, as a gateway does."""
        self._session = session
        self.url = url.rstrip("/")
        self._account_header = settings.account_header
        self._token = next(iter(settings.tokens.reveal().split()), "")

    async def trouble(self, account: str, *, held: bool) -> str:
        """Return in one line what is wrong, "" if nothing is.

        The enforcer has a simulated decision about the account if ``held``, and none otherwise;
        requests of the account pass in both cases.
        """
        query = {"scope": "username", "value": account, "simulated": "true"}
        try:
            status, found = await self._get("/v1/decisions", params=query)
            if status == HTTPStatus.OK:
                passes, _ = await self._get("/authorize", headers={self._account_header: account})
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            return (
                f"no enforcer answers at {self.url} ({type(error).__name__}): start `distillwatch "
                "enforcer`, or name where it listens with --enforcer"
            )
        if status == HTTPStatus.UNAUTHORIZED:
            return f"the enforcer at {self.url} refuses the token: it has other enforcer.tokens"
        if status != HTTPStatus.OK:
            return f"{self.url} answers {status}: it is no enforcer of this version"
        if passes != HTTPStatus.OK:
            return (
                f"the enforcer at {self.url} refuses a request, and the decision is simulated "
                f"({passes}): is enforcer.fail_closed set, and the enforcer stale?"
            )
        has = any(one["value"] == account and one["simulated"] for one in found or ())
        if has == held:
            return ""
        return (
            f"the enforcer at {self.url} does not follow the decisions topic: compare its "
            "decisions.key and topics.decisions, and see enforcer_age_seconds"
        )

    async def _get(
        self, path: str, params: dict[str, str] | None = None, headers: dict[str, str] | None = None
    ) -> tuple[int, Any]:
        """Return status and JSON of an answer, None where it has none."""
        async with self._session.get(
            self.url + path,
            params=params,
            headers={"X-Api-Key": self._token, **(headers or {})},
            timeout=_WITHIN,
        ) as answer:
            is_json = answer.content_type == "application/json"
            return answer.status, await answer.json() if is_json else None
