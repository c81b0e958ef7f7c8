"""How the project's pages of one file look: no script, no outside asset, made for print too."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

_STYLE: Final = """
:root{color-scheme:light dark;--line:#8884;--mark:#c0392b;--soft:#8882}
body{font:15px/1.5 system-ui,sans-serif;max-width:1140px;margin:2rem auto;padding:0 1rem}
h1{margin-bottom:0}h2{margin-top:2.4rem}h3{margin:1.2rem 0 .3rem}
table{border-collapse:collapse;width:100%;font-size:14px;font-variant-numeric:tabular-nums}
td,th{padding:.3rem .5rem;text-align:left;border-bottom:1px solid var(--line);vertical-align:top}
th{font-weight:600;opacity:.75}td.n,th.n{text-align:right;white-space:nowrap}
td.t{white-space:nowrap}td.bad{color:var(--mark);font-weight:600}
svg{width:100%;height:auto;display:block}svg text{font-size:11px;fill:currentColor}
.grid{stroke:var(--line)}.share{stroke:currentColor;stroke-width:2.2}line.mark,line.level{stroke:currentColor}
line.mark{stroke-dasharray:2 3;opacity:.8}
svg text.mark,svg text.level{paint-order:stroke;stroke:Canvas;stroke-width:4px}
.legend{list-style:none;padding:0;margin:.2rem 0 1rem;display:flex;gap:.3rem 1.2rem;flex-wrap:wrap;
font-size:13px}svg.key{width:28px;height:8px;display:inline-block;margin-right:.4rem}
dl{display:flex;gap:.6rem 2rem;flex-wrap:wrap}dt{opacity:.7;font-size:13px}
dd{margin:0;font-size:1.3rem}.note{opacity:.75;font-size:13px}
.pair{display:grid;grid-template-columns:1fr 1fr;gap:1rem}.badge{padding:.1rem .5rem;
border:1px solid currentColor;border-radius:.6rem;font-size:12px;white-space:nowrap}
.critical{color:var(--mark)}.warning{color:#b7791f}code{font-size:13px;overflow-wrap:anywhere}
section.case{border-top:3px solid var(--line);margin-top:2rem}
@media(max-width:700px){.pair{grid-template-columns:1fr}table{display:block;overflow-x:auto}}
@media print{body{max-width:none;margin:0;font-size:11px}:root{color-scheme:light}
h2,h3{break-after:avoid}svg,tr,dl,.legend{break-inside:avoid}thead{display:table-header-group}}
"""


def document(title: str, body: str) -> str:
    """Return a page of this look."""
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width">'
        f"<title>{escape(title)}</title><style>{_STYLE}</style>{body}</html>"
    )


def figures(shown: Mapping[str, str]) -> str:
    """Return figures in a row, each with its name above."""
    parts = (f"<div><dt>{escape(k)}</dt><dd>{escape(v)}</dd></div>" for k, v in shown.items())
    return f"<dl>{''.join(parts)}</dl>"


def table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table of cells that are HTML already.

    A column whose name begins with ``#`` has numbers, one with ``@`` has what is not to be broken.
    """
    kinds = {"#": ' class="n"', "@": ' class="t"'}
    styles = [kinds.get(name[:1], "") for name in columns]
    head = "".join(
        f"<th{style}>{escape(name.lstrip('#@'))}"
        for name, style in zip(columns, styles, strict=True)
    )
    body = "".join(
        "<tr>" + "".join(f"<td{style}>{cell}" for cell, style in zip(row, styles, strict=True))
        for row in rows
    )
    return f"<table><thead><tr>{head}</thead><tbody>{body}</tbody></table>"


def more(all_of_them: int, shown: int, what: str) -> str:
    """Return a note of how many are not shown; empty when all are."""
    left = all_of_them - shown
    return f'<p class="note">and {left:,} more {escape(what)}</p>' if left > 0 else ""
