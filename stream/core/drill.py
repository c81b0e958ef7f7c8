"""The names of drill traffic: account ids that no request gets into this namespace by itself.

They begin with a control character, with which intake refuses every account id (see
:mod:`stream.intake.codec.event`): only a record whose mark was verified keeps it. So the name
alone says to each later stage what a row is, and a reader that knows nothing of marks (an older
version, a replay of a dump without headers) refuses the record instead of learning from it.
Why: :mod:`stream.tools.drill`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

#: The header of a record with its mark, see :class:`stream.intake.fingerprint.mark.Marker`.
HEADER: Final = "distillwatch-drill"
#: U+0010, "data link escape".
_SIGN: Final = "\x10"


def named(name: str) -> str:
    """Return the account id of a drill's account."""
    return _SIGN + name


def is_drill(account: str) -> bool:
    """Say whether an account id is one of a drill."""
    return account[:1] == _SIGN


def any_drill(accounts: Sequence[str]) -> bool:
    """Say whether any account id is one of a drill: no other one begins with so low a character."""
    return bool(accounts) and is_drill(min(accounts))


def drill_of(account: str) -> str:
    """Return which drill an account is of: all that comes before its number."""
    return account.rpartition("-")[0]


def shown(account: str) -> str:
    """Return an account id as people see it."""
    return account.removeprefix(_SIGN)


def mark_of(headers: Iterable[tuple[str, bytes | None]]) -> bytes | None:
    """Return the mark among the headers of a record, None without one."""
    return next((value or b"" for name, value in headers if name == HEADER), None)
