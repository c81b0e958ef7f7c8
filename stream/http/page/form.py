"""What endpoints of the page share: JSON answers with a version, and bodies within bounds."""

from __future__ import annotations

import asyncio
import hashlib
from typing import TYPE_CHECKING, Final, TypeVar

import msgspec
from aiohttp import web

if TYPE_CHECKING:
    from collections.abc import Callable

MAX_BODY: Final = 8192
BODY_WITHIN_S: Final = 5.0

T = TypeVar("T")


async def read_form(request: web.BaseRequest, decode: Callable[[bytes], T]) -> T | web.Response:
    """Return the body of a POST as ``decode`` reads it, or the answer that refuses it."""
    if request.method != "POST":
        return web.Response(status=405, headers={"Allow": "POST"})
    # A form of another site cannot send this type, and no browser sends our token for it.
    if request.content_type != "application/json":
        return json_answer({"error": "expected application/json"}, 415)
    if request.content_length is None or request.content_length > MAX_BODY:
        return json_answer({"error": f"expected at most {MAX_BODY} bytes"}, 413)
    try:
        async with asyncio.timeout(BODY_WITHIN_S):
            return decode(await request.read())
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, TimeoutError) as error:
        return json_answer({"error": str(error) or "the body did not arrive in time"}, 400)


def versioned(request: web.BaseRequest, view: object) -> web.Response:
    """Return ``view`` as JSON with a version (ETag); 304 when the page has that version."""
    body = msgspec.json.encode(view)
    etag = f'"{hashlib.blake2b(body, digest_size=12).hexdigest()}"'
    if request.headers.get("If-None-Match") == etag:
        return web.Response(status=304, headers={"ETag": etag})
    return web.Response(body=body, content_type="application/json", headers={"ETag": etag})


def json_answer(value: object, status: int, headers: dict[str, str] | None = None) -> web.Response:
    """Return a value as JSON."""
    body = msgspec.json.encode(value)
    return web.Response(body=body, status=status, content_type="application/json", headers=headers)


def unavailable(problem: str) -> web.Response:
    """Return that the brokers are away, with when to try again."""
    return json_answer({"error": problem}, 503, {"Retry-After": "5"})
