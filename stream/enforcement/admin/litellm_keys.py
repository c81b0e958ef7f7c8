"""LiteLLM's keys: blocked, or with a rate, by its management endpoints.

The account of the log is the key's hash, which these endpoints take. One call sets the limit and
the mark with the old value, under the key's own ``metadata``: a crash leaves both or none. Traps,
from litellm/proxy/management_endpoints/key_management_endpoints.py (1.108):

- ``/key/block`` and ``/key/unblock`` write the column ``blocked`` and no mark; ``/key/update``
  writes both, and clears caches as they do. Fields left out stay, null clears ``rpm_limit``.
- ``metadata`` is replaced as a whole, so it is read first and written back with everything in it.
- The owner of a key may change its metadata: a mark counts only with our signature. It names no
  key, because one that is made again has another hash, the same metadata, and stays blocked.
- ``/key/info`` finds deleted keys, too; an address that leads elsewhere answers 404 as well.
"""

from __future__ import annotations

import re
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

import msgspec

from stream.decisions.native_limits import LimitMark, LimitName, LimitState
from stream.enforcement.admin.admin_gateway import AdminError, GatewayAccount

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from stream.decisions.signature import Signer
    from stream.enforcement.admin.admin_client import AdminClient

#: litellm.proxy.utils.hash_token: SHA-256 of the key.
_HASH: Final = re.compile(r"[0-9a-f]{64}")
#: The member of a key's metadata that is ours.
OURS: Final = "distillwatch"
_PAGE: Final = 100  # the most that /key/list gives
MOST_PAGES: Final = 100_000
_MAX_NAME: Final = 128
_SIGNED: Final = b"litellm key"


class _KeyInfo(msgspec.Struct, frozen=True):
    """What /key/info has of a key and we need."""

    blocked: bool | None = None
    rpm_limit: int | None = None
    metadata: dict[str, Any] | None = None
    status: str | None = None


class _Marks(msgspec.Struct, frozen=True, omit_defaults=True):
    block: LimitMark | None = None
    rate: LimitMark | None = None


class LitellmKeys:
    """Reads and changes keys."""

    def __init__(self, client: AdminClient, signer: Signer) -> None:
        """``signer`` signs marks."""
        self._client = client
        self._signer = signer

    async def read(self, account: str) -> GatewayAccount:
        """Return what LiteLLM has of a key."""
        if not _HASH.fullmatch(account):
            raise AdminError("unknown", "no hash of a key")
        status, answer = await self._client.call(
            "GET", "key", "info", query={"key": account}, expected=(HTTPStatus.NOT_FOUND,)
        )
        if status == HTTPStatus.NOT_FOUND:
            if isinstance(answer, dict) and "error" in answer:
                raise AdminError("unknown", "LiteLLM has no such key")
            raise AdminError("rejected", "HTTP 404: admin.url does not lead to LiteLLM")
        try:
            info = msgspec.convert((answer or {})["info"], _KeyInfo)
        except (msgspec.ValidationError, TypeError, KeyError):
            raise AdminError("rejected", "/key/info has not what LiteLLM documents") from None
        if info.status == "deleted":
            raise AdminError("unknown", "the key is deleted")
        metadata = info.metadata or {}
        marks = self._marks(metadata)
        limits: dict[LimitName, LimitState] = {
            "block": LimitState(0 if info.blocked else None, marks.block),
            "rate": LimitState(info.rpm_limit, marks.rate),
        }
        return GatewayAccount(account=account, limits=limits, handle=metadata)

    async def write(
        self, known: GatewayAccount, changes: Mapping[LimitName, LimitState], person: str
    ) -> None:
        """Set limits and marks in one call."""
        await self._client.call(
            "POST",
            "key",
            "update",
            body=self.update(known, changes),
            headers={"litellm-changed-by": _changed_by(person)},
        )

    def update(
        self, known: GatewayAccount, changes: Mapping[LimitName, LimitState]
    ) -> dict[str, Any]:
        """Return the body of /key/update."""
        metadata = dict(known.handle) if isinstance(known.handle, dict) else {}
        limits = {**known.limits, **changes}
        metadata.pop(OURS, None)
        marks = _Marks(block=limits["block"].mark, rate=limits["rate"].mark)
        if marks != _Marks():
            text = msgspec.json.encode(marks)
            signature = self._signer.sign(_SIGNED, text)
            metadata[OURS] = {"mark": text.decode(), "signature": signature.decode()}
        body: dict[str, Any] = {"key": known.account, "metadata": metadata}
        if limits["block"].limit != known.limits["block"].limit:
            body["blocked"] = limits["block"].limit is not None
        if limits["rate"].limit != known.limits["rate"].limit:
            body["rpm_limit"] = limits["rate"].limit
        return body

    async def marked(self) -> AsyncIterator[str]:
        """Return the keys whose metadata has a mark, oldest key first: new ones move no page."""
        query = {
            "size": str(_PAGE),
            "return_full_object": "true",
            "sort_by": "created_at",
            "sort_order": "asc",
        }
        for page in range(1, MOST_PAGES + 1):
            _, answer = await self._client.call(
                "GET", "key", "list", query={**query, "page": str(page)}
            )
            keys = answer.get("keys") if isinstance(answer, dict) else None
            if not isinstance(keys, list):
                raise AdminError("rejected", "/key/list has not what LiteLLM documents")
            for key in keys:
                token = key.get("token") if isinstance(key, dict) else None
                metadata = key.get("metadata") if token else None
                if isinstance(metadata, dict) and OURS in metadata and _HASH.fullmatch(str(token)):
                    yield str(token)
            if len(keys) < _PAGE:
                return

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()

    def _marks(self, metadata: Mapping[str, Any]) -> _Marks:
        """Return the marks that we have signed."""
        ours = metadata.get(OURS)
        text, signature = (
            (ours.get("mark"), ours.get("signature")) if isinstance(ours, dict) else (None, None)
        )
        if not (isinstance(text, str) and isinstance(signature, str)):
            return _Marks()
        if not self._signer.signed(_SIGNED, text.encode(), signature.encode()):
            return _Marks()
        try:
            return msgspec.json.decode(text, type=_Marks)
        except msgspec.MsgspecError:
            return _Marks()


def _changed_by(person: str) -> str:
    """Return a header's value: names are what people write."""
    name = "".join(one if one.isascii() and one.isprintable() else "?" for one in person)
    return f"distillwatch {name}".strip()[:_MAX_NAME]
