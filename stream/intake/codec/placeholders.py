"""Placeholder texts: what gateways write where a prompt was removed or is absent.

One such text in all records would make all prompts equal.
"""

from __future__ import annotations

import re
from typing import Final

#: The longest text that is looked at.
MAX_PLACEHOLDER: Final = 64
#: LiteLLM's for a pass-through, and what programs print for nothing.
_NOTHING: Final = frozenset(
    {
        *("default-message-value", "none", "null", "nil", "undefined", "nan", "n/a"),
        *(
            "[object object]",
            "-",
            "--",
            "...",
            '""',
            "''",
            "{}",
            "[]",
            "[{}]",
            "()",
            "<>",
            "[null]",
        ),
    }
)
_OF_WHAT: Final = (
    *("content", "prompt", "text", "message", "messages", "data", "value", "input", "request"),
    *("body", "pii", "user"),
)
_DONE: Final = (
    *("redacted", "redact", "masked", "scrubbed", "omitted", "filtered", "removed", "censored"),
    *("anonymised", "anonymized", "sanitized", "suppressed", "withheld"),
)
#: How those begin that begin with letters.
_FIRST: Final = frozenset(
    start
    for word in (*_OF_WHAT, *_DONE, *_NOTHING, "xxxx")
    for whole in (f"{word}{end}"[:4] for end in ("", " ", "_", "-", ":", "=", "."))
    for start in (whole, whole.title(), whole.upper())
)
#: Marks of removed text, in any brackets: `redacted-by-litellm`, `__REDACTED__`, `[Scrubbed due to
#: 'password']`, `<masked>`, `[content removed]`, `REDACTED_BY_POLICY`, `*****`.
_MARK: Final = re.compile(
    rf"""[\W_]*
    (?:(?:{"|".join(_OF_WHAT)})[\W_]+
       (?:(?:has|have)[\W_]+been[\W_]+|is[\W_]+|was[\W_]+)?)?
    (?:{"|".join(_DONE)})
    (?:[\W_]+(?:by|due[\W_]+to|for|per|content|prompt|text|message|data|value|input)\b[\w\s'"-]*)?
    [\W_]*
    | \s*(?:\*{{2,}}|x{{4,}}|•{{2,}}|█+|\#{{3,}})\s*
    | \s*[\[{{]\s*[\]}}]\s*""",
    re.IGNORECASE | re.VERBOSE,
)


def is_placeholder(text: str) -> bool:
    """Return whether a text is a placeholder; the first letters decide for most, which is fast."""
    if len(text) > MAX_PLACEHOLDER:
        return False
    first = text[:4]
    if first not in _FIRST and first[:1].isalpha():
        return False
    plain = text.strip().lower()
    return not plain or plain in _NOTHING or _MARK.fullmatch(plain) is not None
