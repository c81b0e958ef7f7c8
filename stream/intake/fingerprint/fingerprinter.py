"""Events to columns: every string but the account id becomes a keyed fingerprint."""

from __future__ import annotations

from collections import defaultdict
from itertools import count
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from stream.core.batch import optional_columns
from stream.core.events import EVENT_COLUMNS, PREVIOUS, EventBatch
from stream.core.networks import BROWSER, HOSTING, country_code
from stream.intake.codec.admission import fields_of, values_of
from stream.intake.fingerprint.address import address
from stream.intake.fingerprint.conversations import Conversations
from stream.intake.fingerprint.keyed import ABSENT, KeyedHash, utf8
from stream.intake.fingerprint.model_names import ModelNames
from stream.intake.fingerprint.networks import (
    NetworkColumn,
    NetworkHash,
    NetworkLookup,
    no_databases,
    unpacked,
)
from stream.intake.fingerprint.prompts import Prompts
from stream.intake.fingerprint.row_cache import Hash, RowCache
from stream.intake.fingerprint.shareable import CLIENT_COLUMNS, Sharing, shareable
from stream.intake.fingerprint.text import normalise_system_prompt

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from stream.core.batch import Array, Fingerprints
    from stream.intake.codec.admission import Fields
    from stream.intake.codec.event import RequestEvent

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

#: The index of each account, in the order in which they were first seen.
AccountCodes = defaultdict[str, int]


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
        sharing: Sharing | None = None,
        previous: bytes | None = None,
    ) -> None:
        """Key all fingerprints with ``salt``; all workers need the same one.

        With a ``previous`` salt, values that link accounts have columns under it, too.

        Without ``request_ids`` no request has one: hashing them is for those who compare them.
        ``networks`` returns the lookup of the moment; another object has other facts. ``sharing``
        takes in what may be shared.
        """
        self._sharing = sharing
        self._request_id = KeyedHash(salt, "request_id") if request_ids else None
        self._lookup = networks
        self._networks = NetworkHash(salt)
        fields = list(_OF_ACCOUNTS)
        hashes: dict[str, Hash] = {
            column: KeyedHash(salt, column, address if column == "address" else utf8)
            for column in fields
        }
        for place, column in enumerate(_OF_ADDRESSES):
            hashes[column] = NetworkColumn(self._networks, place)
        hashes |= sharing.client_hashes() if sharing else {}
        self._of_accounts = RowCache(
            hashes,
            {column: fields.index(column) for column in fields}
            | dict.fromkeys(_OF_ADDRESSES, fields.index("address"))
            | {column: fields.index(field) for column, field in CLIENT_COLUMNS.items()},
        )
        self._system_prompt = KeyedHash(salt, "system_prompt", normalise_system_prompt)
        key = sharing.key if sharing else None
        self._shared_system_prompt = [KeyedHash(key, "system_prompt")] if key is not None else []
        self._prompts = Prompts(salt, key)
        self._conversations = Conversations(salt, key)
        self._given = KeyedHash(salt, "given")
        self._models = ModelNames(salt)
        self._previous = (
            Fingerprinter(previous, request_ids=False, networks=networks) if previous else None
        )

    def columns(self, events: Sequence[RequestEvent], offsets: Sequence[int]) -> EventBatch:
        """Return the events as columns; ``offsets`` has the source offset of each."""
        codes = account_codes()
        columns = stacked([self.rows(fields_of(map(values_of, events)), offsets, codes)])
        return EventBatch(list(codes), columns)

    def rows(
        self, fields: Fields, offsets: Sequence[int], accounts: AccountCodes
    ) -> dict[str, Array]:
        """Return the columns of events, without those that are 0 for all; see :func:`stacked`.

        ``accounts`` has the index of each account; new accounts are added.
        """
        columns = self._rows(fields, offsets, accounts)
        if self._previous is not None:
            columns |= self._previous.links(fields, offsets)
        if self._sharing is not None:
            names, addresses = fields["account_id"], fields["client_ip"]
            rows = shareable(columns, names, addresses, self._networks.network_of)
            matched = self._sharing.take(rows)
            columns |= {} if matched is None else {"indicator": matched}
        return columns

    def _rows(
        self, fields: Fields, offsets: Sequence[int], accounts: AccountCodes
    ) -> dict[str, Array]:
        names, prompts = fields["account_id"], fields["prompt"]
        columns: dict[str, Array] = {
            "offset": np.fromiter(offsets, np.int64, len(offsets)),
            "account": np.fromiter(map(accounts.__getitem__, names), np.uint32, len(names)),
            "model": self._models.numbers(fields["model"]),
            **self._attributes(fields),
        }
        for column, (field, absent) in _NUMBERS.items():
            columns[column] = _numbers(fields[field], EVENT_COLUMNS[column], absent)
        if any(fields["reasoning_tokens"]):
            columns["reasoning_tokens"] = _numbers(
                fields["reasoning_tokens"], EVENT_COLUMNS["reasoning_tokens"], 0
            )
        if any(fields["logprobs"]):
            columns["logprobs"] = np.array(fields["logprobs"], bool)
        if any(fields["system_prompt"]):
            found = self._system_prompt.beside(self._shared_system_prompt, fields["system_prompt"])
            columns |= zip(("system_prompt", "shared_system_prompt"), found, strict=False)
        if self._request_id is not None and any(fields["request_id"]):
            columns["request_id"] = self._request_ids(self._request_id, names, fields["request_id"])
        if any(prompts):
            columns |= self._prompts.of(prompts)
        answers, responses = fields["first_answer"], fields["response"]
        if any(answers) or any(responses):
            whole = columns.get("prompt", np.zeros(len(names), np.uint64))
            columns |= self._conversations.of(fields["first_prompt"], answers, whole, responses)
        if any(fields["prompt_fingerprint"]):
            # The gateway's own stands in where there is no text.
            given = self._given.cached(fields["prompt_fingerprint"])
            whole = columns.get("prompt", np.zeros(len(names), np.uint64))
            columns["prompt"] = np.where(whole, whole, given)
        return columns

    def links(self, fields: Fields, offsets: Sequence[int]) -> dict[str, Array]:
        """Return the columns that link accounts, as those of the previous salt, shape ``(n,)``."""
        columns = self.rows(fields, offsets, account_codes())
        none = np.zeros(len(offsets), np.uint64)
        return {previous: columns.get(name, none) for name, previous in PREVIOUS.items()}

    def model_names(self, rows: EventBatch) -> dict[int, str]:
        """Return the names of the models of events by number; call it once for each batch."""
        return self._models.names_of(rows.columns["model"])

    def _attributes(self, fields: Fields) -> dict[str, Array]:
        """Return what accounts repeat, and facts about the networks they call from."""
        lookup = self._lookup()
        if self._networks.use(lookup):
            self._of_accounts.clear()
        attributes = [fields[field] for field in _OF_ACCOUNTS.values()]
        columns: dict[str, Array] = {**self._of_accounts.fingerprints(attributes)}
        facts = columns.pop("facts")
        if facts.any() or any(fields["asn"]) or any(fields["country"]):
            columns |= _networks(facts, fields, lookup)
        return columns

    def _request_ids(
        self, hashed: KeyedHash, accounts: Sequence[str], ids: Sequence[str | None]
    ) -> Fingerprints:
        """Return fingerprints of account and id together: an id is an account's own."""
        return hashed.of_bytes(
            [
                b"" if id_ in ABSENT else f"{account}\0{id_}".encode("utf-8", "surrogatepass")
                for account, id_ in zip(accounts, ids, strict=True)
            ]
        )


def account_codes() -> AccountCodes:
    """Return a table of accounts, which gives an account that it does not have the next index."""
    return defaultdict(count().__next__)


def stacked(parts: Sequence[Mapping[str, Array]]) -> dict[str, Array]:
    """Return the columns of all parts, one after the other; those that a part lacks are 0."""
    sizes = [len(part["account"]) for part in parts]
    columns = {}
    for name, dtype in EVENT_COLUMNS.items():
        if any(name in part for part in parts):
            pieces = [
                part[name] if name in part else np.zeros(size, dtype)
                for part, size in zip(parts, sizes, strict=True)
            ]
            columns[name] = np.concatenate(pieces).astype(dtype, copy=False)
        else:
            columns[name] = np.zeros(sum(sizes), dtype)
    return columns | optional_columns(parts, EventBatch.OPTIONAL)


def _networks(facts: Fingerprints, fields: Fields, lookup: NetworkLookup) -> dict[str, Array]:
    """Return the columns about networks: of databases, and as logged."""
    known = unpacked(facts)
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
    return known


def _numbers(values: Sequence[float | None], dtype: np.dtype[Any], absent: float) -> Array:
    if not any(values) and (absent == 0 or {*values} == {None}):
        return np.full(len(values), absent, dtype)
    try:
        return np.fromiter(values, dtype, len(values))
    except TypeError:  # some are None, which numpy converts to NaN for floats
        found = np.array(values, np.float64)
        return np.where(np.isnan(found), absent, found).astype(dtype)
