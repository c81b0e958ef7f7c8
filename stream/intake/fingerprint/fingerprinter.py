"""Events to columns: every string but the account id becomes a keyed fingerprint."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec
import numpy as np

from stream.core.events import EVENT_COLUMNS, EventBatch
from stream.core.networks import BROWSER, HOSTING, country_code
from stream.intake.codec.event import RequestEvent
from stream.intake.fingerprint.address import address
from stream.intake.fingerprint.conversations import Conversations
from stream.intake.fingerprint.keyed import ABSENT, KeyedHash, utf8
from stream.intake.fingerprint.networks import (
    NetworkColumn,
    NetworkHash,
    NetworkLookup,
    no_databases,
    unpacked,
)
from stream.intake.fingerprint.prompts import Prompts
from stream.intake.fingerprint.row_cache import RowCache
from stream.intake.fingerprint.text import normalise_system_prompt

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from stream.core.batch import Array, Fingerprints

#: Column -> field of the event that an account repeats.
_OF_ACCOUNTS: Final = {
    "address": "client_ip",
    "user_agent": "user_agent",
    "tls": "tls_fingerprint",
    "payment": "payment_id",
    "organization": "organization_id",
    "plan": "plan",
}
#: Columns of the client's address beside its own fingerprint.
_OF_ADDRESSES: Final = ("network", "facts")
#: How browsers' user agents begin (RFC 9110 10.1.5; all of them call themselves Mozilla).
_BROWSERS: Final = "Mozilla/"
#: Column -> (field, value if absent).
_NUMBERS: Final = {
    "time": ("timestamp", np.nan),
    "created_at": ("account_created_at", np.nan),
    "input_tokens": ("input_tokens", 0),
    "output_tokens": ("output_tokens", 0),
    "max_tokens": ("max_tokens", 0),
    "status": ("status", 0),
    "temperature": ("temperature", np.nan),
}

_Columns = dict[str, tuple[Any, ...]]


class Fingerprinter:
    """Turns decoded events into columns; the same salt gives the same fingerprints everywhere.

    Short attributes are cached to be fast; texts are not kept.
    """

    def __init__(
        self,
        salt: bytes,
        *,
        request_ids: bool = True,
        networks: Callable[[], NetworkLookup] = no_databases,
    ) -> None:
        """Key all fingerprints with ``salt``; all workers need the same one.

        Without ``request_ids`` no request has one: hashing them is for those who compare them.
        ``networks`` returns the lookup of the moment; another object has other facts.
        """
        self._request_id = KeyedHash(salt, "request_id") if request_ids else None
        self._lookup = networks
        self._networks = NetworkHash(salt)
        fields = list(_OF_ACCOUNTS)
        self._of_accounts = RowCache(
            {
                column: KeyedHash(salt, column, address if column == "address" else utf8)
                for column in fields
            }
            | {
                column: NetworkColumn(self._networks, place)
                for place, column in enumerate(_OF_ADDRESSES)
            },
            {column: fields.index(column) for column in fields}
            | dict.fromkeys(_OF_ADDRESSES, fields.index("address")),
        )
        self._system_prompt = KeyedHash(salt, "system_prompt", normalise_system_prompt)
        self._prompts = Prompts(salt)
        self._conversations = Conversations(salt)
        self._given = KeyedHash(salt, "given")

    def columns(self, events: Sequence[RequestEvent], offsets: Sequence[int]) -> EventBatch:
        """Return the events as columns; ``offsets`` has the source offset of each."""
        accounts: dict[str, int] = {}
        columns = self.rows(events, offsets, accounts)
        return EventBatch(list(accounts), columns)

    def rows(
        self, events: Sequence[RequestEvent], offsets: Sequence[int], accounts: dict[str, int]
    ) -> dict[str, Array]:
        """Return the columns of a batch with the rows of ``events``.

        ``accounts`` has the index of each account; new accounts are added.
        """
        if not events:
            return {name: np.zeros(0, dtype) for name, dtype in EVENT_COLUMNS.items()}
        # Field by field instead of event by event: all of it happens in C.
        rows = zip(*map(msgspec.structs.astuple, events), strict=True)
        fields: _Columns = dict(zip(RequestEvent.__struct_fields__, rows, strict=True))
        code = accounts.setdefault
        columns: dict[str, Array] = {
            "offset": np.array(offsets),
            "account": np.array([code(account, len(accounts)) for account in fields["account_id"]]),
            "logprobs": np.array(fields["logprobs"], bool),
            "system_prompt": self._system_prompt.uncached(fields["system_prompt"]),
        }
        columns["request_id"] = self._request_ids(fields["account_id"], fields["request_id"])
        columns |= self._prompts.of(fields["prompt"])
        columns |= self._conversations.of(
            fields["first_prompt"], fields["first_answer"], columns["prompt"], fields["response"]
        )
        if any(fields["prompt_fingerprint"]):
            # The gateway's own stands in where there is no text.
            given = self._given.cached(fields["prompt_fingerprint"])
            columns["prompt"] = np.where(columns["prompt"], columns["prompt"], given)
        columns |= self._attributes(fields)
        for column, (field, absent) in _NUMBERS.items():
            columns[column] = _numbers(fields[field], EVENT_COLUMNS[column], absent)
        return {
            name: columns[name].astype(dtype, copy=False) for name, dtype in EVENT_COLUMNS.items()
        }

    def _attributes(self, fields: _Columns) -> dict[str, Array]:
        """Return what accounts repeat, and facts about the networks they call from."""
        lookup = self._lookup()
        if self._networks.use(lookup):
            self._of_accounts.clear()
        attributes = [fields[field] for field in _OF_ACCOUNTS.values()]
        columns: dict[str, Array] = {**self._of_accounts.fingerprints(attributes)}
        known = unpacked(columns.pop("facts"))
        # The gateway saw the caller: the network in its log wins over a database's.
        if any(fields["asn"]):
            logged = _numbers(fields["asn"], known["asn"].dtype, 0)
            known["asn"] = np.where(logged, logged, known["asn"])
        if any(fields["country"]):
            logged = np.fromiter(map(country_code, fields["country"]), np.uint16)
            known["country"] = np.where(logged, logged, known["country"])
        if len(lookup.hosting_asns):
            known["hosting"] |= np.isin(known["asn"], lookup.hosting_asns) * np.uint8(HOSTING)
        for row in np.flatnonzero(known["hosting"]).tolist():
            if (fields["user_agent"][row] or "").startswith(_BROWSERS):
                known["hosting"][row] |= BROWSER
        return columns | known

    def _request_ids(self, accounts: Sequence[str], ids: Sequence[str | None]) -> Fingerprints:
        """Return fingerprints of account and id together: an id is an account's own."""
        if self._request_id is None or not any(ids):
            return np.zeros(len(ids), np.uint64)
        return self._request_id.of_bytes(
            [
                b"" if id_ in ABSENT else utf8(f"{account}\0{id_}")
                for account, id_ in zip(accounts, ids, strict=True)
            ]
        )


def _numbers(values: Sequence[float | None], dtype: np.dtype[Any], absent: float) -> Array:
    if not any(values) and (absent == 0 or {*values} == {None}):
        return np.full(len(values), absent, dtype)
    try:
        return np.fromiter(values, dtype, len(values))
    except TypeError:  # some are None, which numpy converts to NaN for floats
        found = np.array(values, np.float64)
        return np.where(np.isnan(found), absent, found).astype(dtype)
