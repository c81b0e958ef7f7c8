"""Writing fitted claims into the table's source, row by row; every other line stays as it is."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from stream.campaigns.scoring.claim import Claim


def rewritten(source: str, claims: Sequence[Claim]) -> str:
    """Return the source of the table with the knots and sources of claims, formatted."""
    by_statistic = {claim.curve.statistic: claim for claim in claims}
    lines = source.splitlines(keepends=True)
    starts = [0]
    for line in lines:
        starts.append(starts[-1] + len(line.encode()))
    text = source.encode()
    for node, what in sorted(_parts(source, by_statistic), key=lambda part: -part[0].lineno):
        first = starts[node.lineno - 1] + node.col_offset
        last = starts[(node.end_lineno or 0) - 1] + (node.end_col_offset or 0)
        text = text[:first] + what.encode() + text[last:]
    return text.decode()


def _parts(source: str, claims: dict[str, Claim]) -> Iterator[tuple[ast.expr, str]]:
    """Yield the expressions that differ from the claims, with what to put there."""
    for call in ast.walk(ast.parse(source)):
        if not isinstance(call, ast.Call) or getattr(call.func, "id", "") != "Claim":
            continue
        given = {keyword.arg: keyword.value for keyword in call.keywords}
        curve = given["curve"]
        assert isinstance(curve, ast.Call)
        claim = claims[ast.literal_eval(curve.args[0])]
        if ast.literal_eval(curve.args[1]) != claim.curve.knots:
            yield curve.args[1], repr(claim.curve.knots)
        if ast.literal_eval(given["source"]) != claim.source:
            yield given["source"], _wrapped(claim.source)


def _wrapped(text: str, width: int = 80) -> str:
    """Return a text as string literals of a line each."""
    lines, words = [""], text.split(" ")
    for number, word in enumerate(words):
        piece = word if number == len(words) - 1 else f"{word} "
        if len(lines[-1] + piece) > width:
            lines.append("")
        lines[-1] += piece
    return "\n        ".join(f'"{line}"' for line in lines)
