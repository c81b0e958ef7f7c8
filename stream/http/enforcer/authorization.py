"""External authorization: Envoy, nginx, APISIX, Traefik and Caddy send each request's headers.

200 passes, with headers that a route can choose a model by; 403 refuses; 429 throttles, with
Retry-After. nginx takes every answer but 2xx, 401 and 403 for an error
(ngx_http_auth_request_module), so below ``/authorize/nginx`` a throttled request gets 403 and
``x-distillwatch-status: 429``.

A caller may forge the headers that routes choose by. nginx replaces them as it is documented; Envoy
removes what ``x-envoy-auth-headers-to-remove`` lists, so those that an answer lacks are in there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec
from aiohttp import web

if TYPE_CHECKING:
    from collections.abc import Mapping

    from stream.core.decisions import SubjectKind
    from stream.http.enforcer.carrying_out import Handling
    from stream.http.enforcer.settings import EnforcerSettings

ROOT: Final = "/authorize"
_NGINX: Final = f"{ROOT}/nginx"
_REFUSED: Final = "requests of this account are refused"
_THROTTLED: Final = "this account may send fewer requests a minute"
_HEADERS: Final = (
    "x-distillwatch-tier",
    "x-distillwatch-decision",
    "x-distillwatch-model",
    "x-distillwatch-hide-reasoning",
)
_ABSENT: Final = "x-envoy-auth-headers-to-remove"
MAX_ID: Final = 256


def header_names(settings: EnforcerSettings) -> tuple[tuple[SubjectKind, str], ...]:
    """Return the header in which the gateway passes each kind of id."""
    return (
        ("account", settings.account_header),
        ("key", settings.key_header),
        ("user", settings.user_header),
        ("team", settings.team_header),
    )


def subjects_of(
    headers: Mapping[str, str], names: tuple[tuple[SubjectKind, str], ...]
) -> list[tuple[SubjectKind, str]]:
    """Return the ids that a gateway passes, without those that are too long."""
    return [
        (kind, value) for kind, name in names if 0 < len(value := headers.get(name, "")) <= MAX_ID
    ]


def answered(path: str, outcome: Handling) -> web.Response:
    """Return the answer to a gateway in its dialect."""
    headers = _headers(outcome)
    if outcome.answer == "refused":
        return _denied(403, _REFUSED, headers)
    if outcome.answer == "throttled":
        headers["Retry-After"] = outcome.retry_after
        if path.startswith(_NGINX):
            return _denied(403, _THROTTLED, headers | {"x-distillwatch-status": "429"})
        return _denied(429, _THROTTLED, headers)
    absent = ",".join(name for name in _HEADERS if name not in headers)
    return web.Response(headers=headers | {_ABSENT: absent})


def _headers(outcome: Handling) -> dict[str, str]:
    """Return what a gateway may pass on; an absent action has no header.

    Nor has a model whose name no header can hold.
    """
    found = outcome.treatment
    values = (
        found.tier or "",
        found.decision_id,
        found.model,
        "1" if found.hides_reasoning else "",
    )
    return {
        name: value
        for name, value in zip(_HEADERS, values, strict=True)
        if value.isprintable() and value
    }


def _denied(status: int, message: str, headers: dict[str, str]) -> web.Response:
    """Return an error in the shape that clients of LLM gateways read."""
    decision = headers.get("x-distillwatch-decision", "")
    error = {"message": message, "type": "account_restricted", "code": decision or None}
    return web.Response(
        status=status,
        body=msgspec.json.encode({"error": error}),
        content_type="application/json",
        headers=headers,
    )
