"""Reads stored records of answers into matches, and counts what could not be compared."""

from __future__ import annotations

import hashlib
from collections import Counter
from typing import TYPE_CHECKING, Final

from stream.core.errors import PacketError, UsageError
from stream.core.rfc3339 import rfc3339
from stream.trace.answer_record import decode
from stream.trace.trace_result import ReadAnswers

if TYPE_CHECKING:
    from collections.abc import Collection

    from stream.trace.answer_matches import AnswerMatches

#: Assumed: of some hundred answers each, so that these are a thousand million answers.
MOST_RECORDS: Final = 4_000_000
_MOST_KEYS: Final = 1_000


class StoredAnswers:
    """Takes in records of the answers topic, in any order; mutable."""

    def __init__(self, matches: AnswerMatches, key_ids: Collection[str], *, thinnest: int) -> None:
        """``key_ids`` are those under which the data set was hashed."""
        self._matches = matches
        self._key_ids = frozenset(key_ids)
        self._thinnest = thinnest
        self._digests: list[bytes] = []
        self._damaged = self._thinner = 0
        self._keys: Counter[str] = Counter()
        self.reason = ""  # of the last damaged record

    def take(self, value: bytes | None) -> None:
        """Take in a record; raises UsageError beyond the bound."""
        self._digests.append(hashlib.sha256(value or b"").digest())
        if len(self._digests) > MOST_RECORDS:
            raise UsageError(f"more than {MOST_RECORDS:,} records of answers")
        try:
            answers = decode(value or b"")
        except PacketError as error:
            self._damaged += 1
            self.reason = str(error)
            return
        if len(self._keys) < _MOST_KEYS or answers.key_id in self._keys:
            self._keys[answers.key_id] += 1
        if answers.key_id not in self._key_ids:
            return
        if int(answers.one_in.max(initial=0)) > self._thinnest:
            self._thinner += 1
            return
        self._matches.take(answers)

    @property
    def foreign(self) -> dict[str, int]:
        """Return key id -> records, of keys that the data set was not hashed under."""
        return {
            name: count for name, count in sorted(self._keys.items()) if name not in self._key_ids
        }

    def summary(self) -> ReadAnswers:
        """Return what was read; the digest does not depend on the order of records."""
        matches = self._matches
        whole = hashlib.sha256(b"".join(sorted(self._digests)))
        return ReadAnswers(
            sha256=whole.hexdigest(),
            records=len(self._digests),
            damaged=self._damaged,
            other_keys=sum(self.foreign.values()),
            thinner=self._thinner,
            key_ids=sorted(self._key_ids & self._keys.keys()),
            answers=matches.answers,
            hashes=matches.hashes,
            accounts=matches.accounts,
            first=None if matches.first is None else rfc3339(matches.first),
            last=None if matches.last is None else rfc3339(matches.last),
        )
