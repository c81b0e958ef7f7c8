"""``distillwatch worker`` as the next release would be: each format has a version more.

Packets and all parts of state are as they are now, under the next number, with a migration from the
present one. So what workers of two releases do beside each other can be tested from one revision.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import stream

if TYPE_CHECKING:
    from collections.abc import Callable

VERSION = "99.0.0"


def _unchanged(content: Any) -> Any:
    return content


def make_next(
    set_item: Callable[[Any, Any, Any], None], set_attribute: Callable[[Any, str, Any], None]
) -> None:
    """Make this process one of the next release."""
    from stream.core import packets  # noqa: PLC0415 - after the version is set
    from stream.pipeline import migrations, schema, state_parts  # noqa: PLC0415

    set_attribute(schema, "__version__", VERSION)
    set_item(packets.MIGRATIONS, packets.PACKET_VERSION, _unchanged)
    set_attribute(packets, "PACKET_VERSION", packets.PACKET_VERSION + 1)
    for stage, parts in [*state_parts.PARTS.items()]:
        for part in parts:
            set_item(migrations.MIGRATIONS, (part.name, part.version), _unchanged)
        newer = tuple(part._replace(version=part.version + 1) for part in parts)
        set_item(state_parts.PARTS, stage, newer)


def main() -> None:
    from stream.cli.main import run  # noqa: PLC0415

    stream.__version__ = VERSION
    make_next(lambda where, key, value: where.__setitem__(key, value), setattr)
    sys.argv = ["distillwatch", "worker"]
    run()


if __name__ == "__main__":
    main()
