"""The product as its next release would be: each format has a version more.

Packets and all parts of state are as they are now, under the next number, with a migration from the
present one. So what two releases do with each other's records can be tested from one revision. As a
program it is that release's `distillwatch`.
"""

from __future__ import annotations

import operator
from typing import TYPE_CHECKING, Any

from stream.cli.main import run
from stream.core import packets
from stream.pipeline import migrations, schema, state_parts

if TYPE_CHECKING:
    from collections.abc import Callable

VERSION = "99.0.0"


def _unchanged(content: Any) -> Any:
    return content


def make_next(
    set_item: Callable[[Any, Any, Any], None], set_attribute: Callable[[Any, str, Any], None]
) -> None:
    """Make this process one of the next release."""
    set_attribute(schema, "__version__", VERSION)
    set_item(packets.MIGRATIONS, packets.PACKET_VERSION, _unchanged)
    set_attribute(packets, "PACKET_VERSION", packets.PACKET_VERSION + 1)
    for stage, parts in [*state_parts.PARTS.items()]:
        for part in parts:
            set_item(migrations.MIGRATIONS, (part.name, part.version), _unchanged)
        newer = tuple(part._replace(version=part.version + 1) for part in parts)
        set_item(state_parts.PARTS, stage, newer)


if __name__ == "__main__":
    make_next(operator.setitem, setattr)
    run()
