"""Kong's admin API over HTTP: consumers and their plugins, as its tests have them."""

from __future__ import annotations

import json
import uuid
from typing import Any, Self
from urllib.parse import parse_qsl, urlsplit

from aiohttp import web

_SCOPES = ("consumer", "route", "service", "consumer_group")
_DEFAULTS: dict[str, dict[str, Any]] = {
    "request-termination": {"status_code": 503, "message": None, "trigger": None},
    "rate-limiting": {"minute": None, "limit_by": "consumer", "policy": "local"},
}


class KongServer:
    """``plugins`` and ``consumers`` are its tables, by id. ``page``: rows of an answer."""

    def __init__(self, *, database: bool = True, page: int = 1000) -> None:
        self.consumers: dict[str, dict[str, Any]] = {}
        self.plugins: dict[str, dict[str, Any]] = {}
        self.exchanges: list[tuple[str, str, Any, int, Any]] = []
        self.token = ""
        self._database = database
        self._page = page

    def add(self, custom_id: str | None, number: int = 1) -> str:
        made = str(uuid.UUID(int=number))
        self.consumers[made] = {"id": made, "custom_id": custom_id, "username": f"u{number}"}
        return made

    def plug(self, name: str, consumer: str | None = None, **values: Any) -> dict[str, Any]:
        """Add a plugin as an administrator does."""
        made = str(uuid.uuid4())
        self.plugins[made] = self._plugin(made, {"name": name, "consumer": consumer, **values})
        return self.plugins[made]

    def of(self, consumer: str) -> dict[str, dict[str, Any]]:
        """Return the plugins of a consumer by name."""
        found = [one for one in self.plugins.values() if one["consumer"] == {"id": consumer}]
        return {one["name"]: one for one in found}

    async def __aenter__(self) -> Self:
        self._runner = web.ServerRunner(web.Server(self._answer, access_log=None))
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.port = self._runner.addresses[0][1]
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._runner.cleanup()

    async def _answer(self, request: web.BaseRequest) -> web.Response:
        body = json.loads(await request.read() or b"null")
        self.given_token = request.headers.get("Kong-Admin-Token", "")
        if self.token and self.given_token != self.token:
            return web.json_response({"message": "Invalid RBAC credentials"}, status=401)
        url = urlsplit(request.raw_path)
        query = dict(parse_qsl(url.query, keep_blank_values=True))
        status, answer = self._routed(request.method, url.path.strip("/").split("/"), query, body)
        self.exchanges.append((request.method, request.raw_path, body, status, answer))
        if status == 204:
            return web.Response(status=204)
        return web.json_response(answer, status=status)

    def _routed(
        self, method: str, path: list[str], query: dict[str, str], body: Any
    ) -> tuple[int, Any]:
        match method, path:
            case "GET", ["consumers"]:
                wanted = query["custom_id"]
                found = [one for one in self.consumers.values() if one["custom_id"] == wanted]
                return 200, {"data": found, "next": None}
            case "GET", ["consumers", consumer]:
                one = self.consumers.get(consumer)
                return (200, one) if one else (404, {"message": "Not found"})
            case "GET", ["plugins"]:
                tag = query["tags"]
                return 200, self._paged(lambda one: tag in (one["tags"] or ()), query)
            case "GET", ["consumers", consumer, "plugins"]:
                return 200, self._paged(lambda one: one["consumer"] == {"id": consumer}, query)
            case _, ["consumers", consumer, "plugins", plugin] if consumer in self.consumers:
                return self._changed(method, consumer, plugin, body)
        return 404, {"message": "Not found"}

    def _paged(self, chosen: Any, query: dict[str, str]) -> dict[str, Any]:
        rows = [one for one in self.plugins.values() if chosen(one)]
        start, size = int(query.get("offset", "0")), min(int(query["size"]), self._page)
        more = len(rows) > start + size
        answer = {"data": rows[start : start + size], "next": None}
        return answer | ({"next": "/x", "offset": str(start + size)} if more else {})

    def _changed(self, method: str, consumer: str, plugin: str, body: Any) -> tuple[int, Any]:
        if not self._database:
            verb = {"PUT": "create or update", "DELETE": "delete"}.get(method, "update")
            return 405, {
                "code": 12,
                "name": "operation unsupported",
                "message": f"cannot {verb} 'plugins' entities when not using a database",
            }
        known = self.plugins.get(plugin)
        if known and known["consumer"] != {"id": consumer}:
            known = None
        if known is None and method != "PUT":
            return 404, {"message": "Not found"}
        if method == "DELETE":
            del self.plugins[plugin]
            return 204, None
        if known is not None and method == "PATCH":
            config = {**known["config"], **body.get("config", {})}
            self.plugins[plugin] = {**known, **body, "config": config}
            return 200, self.plugins[plugin]
        return self._put(plugin, self._plugin(plugin, {**body, "consumer": consumer}))

    def _put(self, plugin: str, made: dict[str, Any]) -> tuple[int, Any]:
        scope = [made[name] for name in ("name", *_SCOPES)]
        for one in self.plugins.values():
            if one["id"] != plugin and [one[name] for name in ("name", *_SCOPES)] == scope:
                consumer = made["consumer"]["id"]
                name = f'consumer={{id="{consumer}"}},name="{made["name"]}",route=null,service=null'
                return 409, {
                    "code": 5,
                    "name": "unique constraint violation",
                    "message": f"UNIQUE violation detected on '{{{name}}}'",
                }
        self.plugins[plugin] = made
        return 200, made

    def _plugin(self, made: str, given: dict[str, Any]) -> dict[str, Any]:
        scopes = {name: {"id": given[name]} if given.get(name) else None for name in _SCOPES}
        return {
            "id": made,
            "name": given["name"],
            "enabled": given.get("enabled", True),
            "config": {**_DEFAULTS[given["name"]], **given.get("config", {})},
            # A set: Kong keeps no order of tags.
            "tags": sorted(given["tags"], reverse=True) if given.get("tags") else None,
            "protocols": ["http", "https"],
            **scopes,
        }
