"""Second fingerprints of values that may be shared, under the key of a sharing group.

Fingerprints under the operator's own salt match nowhere else, and the text is gone after intake:
so they are made here, of each distinct value, from what the first ones are made of.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

from stream.core.links import client_value
from stream.intake.fingerprint.keyed import KeyedHash

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from stream.core.batch import Array, Fingerprints, Seconds

#: Columns of attributes under the sharing key -> the attribute.
CLIENT_COLUMNS: Final = {"shared_tls": "tls", "shared_user_agent": "user_agent"}
#: Columns under the sharing key that are made beside those of texts -> kind.
TEXT_COLUMNS: Final = {
    "shared_system_prompt": "system_prompt",
    "shared_template": "template",
    "shared_conversation": "conversation",
}


class ShareableRows(NamedTuple):
    """The values of n events that may be shared."""

    accounts: Sequence[str]  # (n,), the account of each
    time: Seconds  # (n,), event time
    own: Mapping[str, Fingerprints]  # kind -> (n,), under the operator's salt
    shared: Mapping[str, Fingerprints]  # kind -> (n,), under the sharing key; not of networks
    addresses: Sequence[str | None]  # (n,)
    network_of: Callable[[str], str]  # the network around an address


@dataclass(frozen=True, slots=True)
class Sharing:
    """The sharing key, and what takes in shareable rows.

    ``take`` returns the indicator of another operator that each event matches, ``(n,)``, u8; None
    where there are no indicators.
    """

    key: bytes
    take: Callable[[ShareableRows], Fingerprints | None]

    def client_hashes(self) -> dict[str, KeyedHash]:
        """Return the hashes of the columns that make a client."""
        return {name: KeyedHash(self.key, field) for name, field in CLIENT_COLUMNS.items()}


def shareable(
    columns: dict[str, Array],
    accounts: Sequence[str],
    addresses: Sequence[str | None],
    network_of: Callable[[str], str],
) -> ShareableRows:
    """Take the columns under the sharing key out of ``columns``, and return them with the own."""
    own = {
        "network": columns["network"],
        "client": client_value(columns["tls"], columns["user_agent"]),
    }
    shared = {
        "client": client_value(columns.pop("shared_tls"), columns.pop("shared_user_agent")),
    }
    for name, kind in TEXT_COLUMNS.items():
        if name in columns:
            own[kind], shared[kind] = columns[kind], columns.pop(name)
    return ShareableRows(accounts, columns["time"], own, shared, addresses, network_of)
