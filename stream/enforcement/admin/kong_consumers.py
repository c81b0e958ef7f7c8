"""Kong's consumers: refused or limited by plugins of their own.

The account of the log is the consumer's ``custom_id``. A plugin's id is made of consumer and name:
every enforcer writes the same one, and writing it again changes nothing. Its tags are the mark.
Traps, from Kong's own tests (spec/02-integration/04-admin_api) and documentation:

- Of one name a consumer has one plugin: another one's makes PUT answer 409, and is left as it is.
- Without a database the admin API is read only: 405.
- A consumer's plugin takes the place of those of the same name of routes, services and everything.
- Tags must have no comma and no slash; they come back in any order.
"""

from __future__ import annotations

import uuid
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final, TypeVar

import msgspec

from stream.decisions.native_limits import LIMIT_NAMES, LimitMark, LimitName, LimitState
from stream.enforcement.admin.admin_gateway import AdminError, GatewayAccount

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from stream.enforcement.admin.admin_client import AdminClient

TAG: Final = "distillwatch"
_NAMES: Final[dict[LimitName, str]] = {"block": "request-termination", "rate": "rate-limiting"}
_SPACE: Final = uuid.UUID("6a0b1e0e-5d0c-5b8b-9a5e-0a3c8d6d1f27")
_REFUSED: Final = "requests of this account are refused"
_PAGE: Final = "1000"  # the most that Kong gives
MOST_PAGES: Final = 1000
_PARTS: Final = 3  # of a tag such as distillwatch-set-10


_Row = TypeVar("_Row", bound=msgspec.Struct)


class _Reference(msgspec.Struct, frozen=True):
    id: uuid.UUID


class _Consumer(msgspec.Struct, frozen=True):
    id: uuid.UUID
    custom_id: str | None = None


class _Plugin(msgspec.Struct, frozen=True):
    """What a plugin has and we need."""

    id: uuid.UUID
    name: str
    enabled: bool = True
    config: dict[str, Any] = {}
    tags: list[str] | None = None
    consumer: _Reference | None = None
    route: _Reference | None = None
    service: _Reference | None = None
    consumer_group: _Reference | None = None

    @property
    def is_narrower(self) -> bool:
        """Return whether it counts for some of the consumer's requests only."""
        return bool(self.route or self.service or self.consumer_group)


class KongConsumers:
    """Reads and changes plugins of consumers."""

    def __init__(self, client: AdminClient) -> None:
        """Use ``client``, which has the token."""
        self._client = client

    async def read(self, account: str) -> GatewayAccount:
        """Return what Kong has of the consumer with this ``custom_id``."""
        _, answer = await self._client.call("GET", "consumers", query={"custom_id": account})
        found = _rows(answer, _Consumer)
        consumer = next((one for one in found if one.custom_id == account), None)
        if consumer is None:
            raise AdminError("unknown", "Kong has no such consumer")
        plugins = [
            one
            async for one in self._all(("consumers", str(consumer.id), "plugins"), {})
            if not one.is_narrower
        ]
        limits = {name: _state(consumer.id, name, plugins) for name in LIMIT_NAMES}
        return GatewayAccount(account=account, limits=limits, handle=consumer.id)

    async def write(
        self,
        known: GatewayAccount,
        changes: Mapping[LimitName, LimitState],
        person: str,  # noqa: ARG002 - Kong notes the token's owner
    ) -> None:
        """Put, hand over or delete plugins."""
        consumer = uuid.UUID(str(known.handle))
        for name, state in changes.items():
            if state.occupied and state.mark:
                raise AdminError("occupied", f"the consumer has its own {_NAMES[name]}")
            path = "consumers", str(consumer), "plugins", str(_plugin_id(consumer, name))
            if state.mark is None and state.limit is None:
                await self._client.call("DELETE", *path, expected=(HTTPStatus.NOT_FOUND,))
            elif state.mark is None:
                # What an administrator made of our plugin is theirs.
                await self._client.call("PATCH", *path, body=handed_over(name, state.limit))
            else:
                await self._client.call("PUT", *path, body=plugin(name, state.mark))

    async def marked(self) -> AsyncIterator[str]:
        """Return the accounts of the consumers that have a plugin of ours."""
        consumers = {
            one.consumer.id
            async for one in self._all(("plugins",), {"tags": TAG})
            if one.consumer and one.name in _NAMES.values()
        }
        for consumer in sorted(consumers):
            status, answer = await self._client.call(
                "GET", "consumers", str(consumer), expected=(HTTPStatus.NOT_FOUND,)
            )
            if status == HTTPStatus.NOT_FOUND:
                continue  # deleted meanwhile, its plugins with it
            (found,) = _rows({"data": [answer]}, _Consumer)
            if found.custom_id:
                yield found.custom_id

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()

    async def _all(self, path: tuple[str, ...], query: Mapping[str, str]) -> AsyncIterator[_Plugin]:
        """Return the plugins of all pages."""
        query = {**query, "size": _PAGE}
        for _ in range(MOST_PAGES):
            _, answer = await self._client.call("GET", *path, query=query)
            for one in _rows(answer, _Plugin):
                yield one
            offset = answer.get("offset")
            if not isinstance(offset, str):
                return
            query = {**query, "offset": offset}


def plugin(name: LimitName, mark: LimitMark) -> dict[str, Any]:
    """Return the body of PUT for a plugin of ours."""
    before = [] if mark.before is None else [f"{TAG}-before-{mark.before}"]
    return {
        "name": _NAMES[name],
        "enabled": True,
        "config": _config(name, mark.set),
        "tags": [
            TAG,
            f"{TAG}-set-{mark.set}",
            *before,
            f"{TAG}-until-{mark.until:.0f}",
            *mark.decisions,
        ],
    }


def handed_over(name: LimitName, limit: int | None) -> dict[str, Any]:
    """Return the body of PATCH for a plugin that is not ours any more."""
    config = {} if name == "block" else {"config": {"minute": limit}}
    return {**config, "enabled": limit is not None, "tags": []}


def _config(name: LimitName, limit: int) -> dict[str, Any]:
    if name == "block":
        return {"status_code": 403, "message": _REFUSED}
    return {"minute": limit, "limit_by": "consumer"}


def _plugin_id(consumer: uuid.UUID, name: LimitName) -> uuid.UUID:
    return uuid.uuid5(_SPACE, f"{consumer} {_NAMES[name]}")


def _state(consumer: uuid.UUID, name: LimitName, plugins: list[_Plugin]) -> LimitState:
    """Return one limit of a consumer: by our plugin, or by the one of an administrator."""
    found = next((one for one in plugins if one.name == _NAMES[name]), None)
    if found is None:
        return LimitState()
    is_ours = found.id == _plugin_id(consumer, name) and TAG in (found.tags or ())
    limit = _limit(name, found)
    return LimitState(limit, _mark(found.tags or []) if is_ours else None, occupied=not is_ours)


def _limit(name: LimitName, found: _Plugin) -> int | None:
    """Return what a plugin amounts to; one that waits for a header or parameter limits nothing."""
    if not found.enabled:
        return None
    if name == "block":
        return None if found.config.get("trigger") else 0
    minute = found.config.get("minute")
    return int(minute) if isinstance(minute, int | float) else None


def _mark(tags: list[str]) -> LimitMark | None:
    """Return the mark that tags are, None where a person has changed them."""
    ours = (one.split("-") for one in tags if one.startswith(f"{TAG}-"))
    given = {parts[1]: parts[2] for parts in ours if len(parts) == _PARTS}
    try:
        return msgspec.convert(
            {
                "set": given["set"],
                "before": given.get("before"),
                "until": given["until"],
                "decisions": [one for one in tags if one.startswith("dec_")],
            },
            LimitMark,
            strict=False,
        )
    except (KeyError, msgspec.ValidationError):
        return None


def _rows(answer: object, kind: type[_Row]) -> list[_Row]:
    try:
        data = answer["data"] if isinstance(answer, dict) else None
        return msgspec.convert(data, list[kind])  # type: ignore[valid-type]
    except (msgspec.ValidationError, KeyError):
        raise AdminError("rejected", "an answer has not what Kong documents") from None
