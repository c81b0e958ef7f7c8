"""An alert as the body of a webhook (Standard Webhooks); it neither signs nor sends.

``{"type": "alert.firing", "timestamp": …, "data": <the alert>}``. A body stays below 20 kB, as
the specification recommends. If a campaign has too many members for that, ``data.peripheral_ids``
and then ``data.account_ids`` are cut, with them the places in ``data.members``, and
``data.account_ids_total`` is their number; the alerts topic always has all of them. Evidence is cut
last, weakest first, with ``data.evidence_total``.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import msgspec

if TYPE_CHECKING:
    from stream.core.alerts import Alert

MAX_BYTES: Final = 20_000
_TOTAL_ROOM: Final = 64  # for the field with the number


@dataclass(frozen=True, slots=True)
class Message:
    """One webhook message. ``id`` is the same for every try, so receivers detect repetitions."""

    id: str
    body: str


def write(alert: Alert, link: str = "") -> Message:
    """Return the message of one state of one incident; ``link`` opens it on the page."""
    data: dict[str, Any] = msgspec.to_builtins(alert)
    if link:
        data["page_url"] = link
    body = _body(alert, data)
    for name in ("peripheral_ids", "account_ids", "evidence"):
        excess = len(body.encode()) - MAX_BYTES
        if excess > 0 and data.get(name):
            _cut(data, name, excess + _TOTAL_ROOM)
            _cut_members(data)
            body = _body(alert, data)
    return Message(_identity(alert), body)


def message(alert: Alert, body: object) -> Message:
    """Return the message of one state of one incident with a body in the receiver's format."""
    return Message(_identity(alert), msgspec.json.encode(body).decode())


def page_link(page: str, alert: Alert) -> str:
    """Return the address of an incident and its decisions on ``page``; empty without a page.

    It opens the page and decides nothing: scanners of mails and chats follow links.
    """
    return f"{page}#{alert.alert_id}" if page else ""


def shortened(text: str, most: int) -> str:
    """Return ``text`` cut to ``most`` characters, with an ellipsis if it was longer."""
    return text if len(text) <= most else text[: most - 1] + "…"


def _body(alert: Alert, data: dict[str, Any]) -> str:
    envelope = {"type": f"alert.{alert.status}", "timestamp": alert.updated_at, "data": data}
    return msgspec.json.encode(envelope).decode()


def _cut(data: dict[str, Any], name: str, excess: int) -> None:
    """Drop items from the end until ``excess`` bytes are saved."""
    items = data[name]
    data[f"{name}_total"] = len(items)
    kept = len(items)
    while kept and excess > 0:
        kept -= 1
        excess -= len(msgspec.json.encode(items[kept])) + 1
    data[name] = items[:kept]


def _cut_members(data: dict[str, Any]) -> None:
    """Drop the places of accounts that were cut."""
    for group in data.get("members", ()):
        named = "peripheral_ids" if group["degree"] == "peripheral" else "account_ids"
        kept = len(data.get(named, ()))
        group["members"] = [place for place in group["members"] if place < kept]


def _identity(alert: Alert) -> str:
    """Return an id without dots, because signed content is joined by them."""
    state = f"{alert.alert_id}\n{alert.status}\n{alert.updated_at}"
    return f"msg_{hashlib.sha256(state.encode()).hexdigest()[:32]}"
