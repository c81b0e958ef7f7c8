"""The names of drill traffic: a namespace of account ids that no request of a client can enter.

They begin with a control character, with which intake rejects every account id (see
:mod:`stream.intake.codec.event`): only a record whose drill signature was verified keeps it. So
each later stage recognises a drill by the name alone, and a reader without signatures (an older
version, a replay of a dump without headers) rejects the record instead of learning from it.
Why: :mod:`stream.tools.drill`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

#: The header of a record with its drill signature, see
#: :class:`stream.intake.fingerprint.drill_signature.DrillSigner`.
HEADER: Final = "distillwatch-drill"
#: U+0010, "data link escape".
_PREFIX: Final = "\x10"


def named(name: str) -> str:
    """Return the account id of a drill account."""
    return _PREFIX + name


def is_drill(account: str) -> bool:
    """Return whether an account id is a drill account's."""
    return account[:1] == _PREFIX


def any_drill(accounts: Sequence[str]) -> bool:
    """Return whether any account id is a drill's: no other begins with so low a character."""
    return bool(accounts) and is_drill(min(accounts))


def drill_of(account: str) -> str:
    """Return the drill of an account: the part of the id before its number."""
    return account.rpartition("-")[0]


def shown(account: str) -> str:
    """Return an account id as alerts show it."""
    return account.removeprefix(_PREFIX)


def signature_of(headers: Iterable[tuple[str, bytes | None]]) -> bytes | None:
    """Return the drill signature in the headers of a record, None without one."""
    return next((value or b"" for name, value in headers if name == HEADER), None)
