"""What stored values consist of, as text: another text means another format."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any, Final

import msgspec

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np

#: Parts of a JSON schema that only people read.
_FOR_PEOPLE: Final = frozenset({"title", "description", "examples"})


def of_structs(*types: type[msgspec.Struct]) -> Mapping[str, str]:
    """Return type name -> digest of its fields, for these types and all that are in them.

    Names, order, types, bounds and defaults count; descriptions do not.
    """
    _, components = msgspec.json.schema_components(types)
    return {
        name: hashlib.blake2b(
            msgspec.json.encode(_plain(schema), order="sorted"), digest_size=6
        ).hexdigest()
        for name, schema in sorted(components.items())
    }


def of_dtype(row: np.dtype[Any]) -> str:
    """Return the fields of a row, in order, with those of nested rows."""
    return str(row.descr)


def of_fields(row: np.dtype[Any]) -> str:
    """Return the fields of a flat row, in order, in few characters: ``total<i8[4] plan<u4``."""
    return " ".join(_field(name, row[name]) for name in row.names or ())


def fields_of(text: str) -> list[tuple[str, str, tuple[int, ...]]]:
    """Return name, type and shape of each field in what :func:`of_fields` returns.

    Names consist of letters, digits and underscores; a type begins with one of ``<>|``.
    """
    return [_parsed(word) for word in text.split()]


def _field(name: str, dtype: np.dtype[Any]) -> str:
    shape = ",".join(map(str, dtype.shape))
    return f"{name}{dtype.base.str}" + (f"[{shape}]" if shape else "")


def _parsed(word: str) -> tuple[str, str, tuple[int, ...]]:
    at = min(word.find(mark) for mark in "<>|" if mark in word)
    kind, _, shape = word[at:].rstrip("]").partition("[")
    return word[:at], kind, tuple(map(int, shape.split(","))) if shape else ()


def _plain(schema: object) -> object:
    if isinstance(schema, dict):
        return {key: _plain(part) for key, part in schema.items() if key not in _FOR_PEOPLE}
    return [*map(_plain, schema)] if isinstance(schema, list) else schema
