"""Rows of version 5 as rows of version 6: indicators have no alias.

Frozen: what both versions looked like is written down here, so that it stays when the code changes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from stream.store.durable import StateRows

#: An indicator's fingerprint under another salt (u8, 0: none) is behind the fields of version 5.
_NO_ALIAS: Final = bytes(8)


def links(rows: StateRows) -> StateRows:
    """Migrate indicators; accounts and their edges are as they were."""
    return [
        (key, row + _NO_ALIAS if key[:1] == b"v" and row is not None else row) for key, row in rows
    ]
