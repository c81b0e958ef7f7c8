"""All migrations of packets: version -> function to the content of the next version.

While workers are replaced one after the other, those of the newer version read packets of the
older one. A function takes what msgpack decodes, without types, and may change it. Kept for one
release: packets live as long as ``topics.internal_retention_s``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from stream.core.before_reasoning import (
    COUNTS,
    OF_MEMBER,
    OF_TURNOVER,
    TRAFFIC,
    Pair,
    grown,
    grown_values,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

Content = dict[str, Any]

#: Columns of events that version 12 has beside those of version 11, and the bytes of a value.
_NEW_COLUMNS: Final = {"reasoning_tokens": 4, "model": 8, "indicator": 8}
_ACCOUNT: Final = np.dtype("<u4")


def _from_11(packet: Content) -> Content:
    """Add reasoning tokens (0), names of models (unknown) and indicators of others (none).

    Packets of version 11 were written with them for some hours, too: these are left as they are.
    """
    columns = packet.get("columns", {})
    rows = len(columns.get("account", b"")) // _ACCOUNT.itemsize
    if "offset" in columns:
        columns |= {
            name: columns.get(name, bytes(rows * size)) for name, size in _NEW_COLUMNS.items()
        }
    for name, pair in (("before", COUNTS), ("traffic", TRAFFIC)):
        if len(columns.get(name, b"")) == rows * pair[0].itemsize and rows:
            (columns[name],) = grown([columns[name]], pair)
    for field in ("prompts", "turns"):
        packet[field] = [[*row[:-1], _grown(row[-1], OF_MEMBER)] for row in packet.get(field, ())]
    for group in packet.get("groups", ()):
        group["members"] = [_grown(member, OF_MEMBER) for member in group["members"]]
    packet["turnovers"] = [_grown(row, OF_TURNOVER) for row in packet.get("turnovers", ())]
    return packet


def _grown(values: list[Any], where: Mapping[int, Pair]) -> list[Any]:
    if all(len(values[at]) == pair[0].itemsize for at, pair in where.items()):
        return grown_values(values, where)
    return values


def _from_12(packet: Content) -> Content:
    """Leave it as it is: version 13 may have more columns and names, while a salt is replaced."""
    return packet


MIGRATIONS: Final[Mapping[int, Callable[[Content], Content]]] = {11: _from_11, 12: _from_12}
