"""The texts of a row: every string in it, however deep, that is long enough."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, Any, Final

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

#: Shorter texts have no eight words (assumed: of two letters and a space each).
LEAST_CHARACTERS: Final = 24
#: Texts of a row that are read, as of a long conversation, and how deep they are looked for.
MOST_TEXTS: Final = 10_000
_DEEPEST: Final = 32
#: Longer texts are read in parts, for a sketch is of a bounded one, and what two of them share.
_PART_CHARACTERS: Final = 2**16
_SHARED_CHARACTERS: Final = 512

_decode = msgspec.json.Decoder().decode


class RowTexts:
    """Finds the texts of rows."""

    def __init__(self, columns: Sequence[str]) -> None:
        """``columns`` are the fields that are read, with their parts: none: all fields."""
        self._columns = frozenset(columns)
        self.found: set[str] = set()  # of these columns, those that a row had

    def of_json(self, value: bytes) -> Sequence[str] | None:
        """Return the texts of a row, None where it is no JSON.

        A string that is JSON again, as conversations in CSV are, is read as such.
        """
        try:
            row = _decode(value)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            return None
        if self._columns:
            fields = row if isinstance(row, dict) else {}
            chosen = self._columns & fields.keys()
            self.found |= chosen
            row = [fields[name] for name in sorted(chosen)]
        return _bounded(_strings(row, 0))

    def of_text(self, value: bytes) -> Sequence[str]:
        """Return the text of a row that is nothing else."""
        return _bounded([value.decode("utf-8", "replace")])


def _bounded(texts: Iterable[str]) -> Sequence[str]:
    found: list[str] = []
    for text in texts:
        if len(text) >= LEAST_CHARACTERS:
            begins = range(0, max(len(text) - _SHARED_CHARACTERS, 1), _PART_CHARACTERS)
            found += [text[at : at + _PART_CHARACTERS + _SHARED_CHARACTERS] for at in begins]
        if len(found) >= MOST_TEXTS:
            break
    return found[:MOST_TEXTS]


def _strings(value: Any, depth: int) -> Iterator[str]:  # noqa: ANN401 - any JSON
    if isinstance(value, str):
        inner = _json_in(value)
        if inner is None or depth == _DEEPEST:
            yield value
        else:
            yield from _strings(inner, depth + 1)
    elif isinstance(value, dict | list) and depth < _DEEPEST:
        parts = value.values() if isinstance(value, dict) else value
        yield from chain.from_iterable(_strings(part, depth + 1) for part in parts)


def _json_in(text: str) -> Any:  # noqa: ANN401 - any JSON, None for other text
    if text[:1] not in {"{", "["} or text[-1:] not in {"}", "]"}:
        return None
    try:
        return _decode(text.encode("utf-8", "surrogatepass"))
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
