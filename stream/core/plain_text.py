"""Text of others for people: one line, nothing that moves a cursor, reorders or hides."""

from __future__ import annotations


def plain(text: str) -> str:
    """Return text with a mark in place of each character that is not printable (Unicode's)."""
    if text.isprintable():
        return text
    return "".join(one if one.isprintable() else "\N{REPLACEMENT CHARACTER}" for one in text)
