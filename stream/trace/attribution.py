"""From matches to groups: which campaigns' answers a data set has, and how sure that is.

A group is named where three things agree: its accounts have more hits than others of equal volume
(:mod:`stream.trace.equal_volume`); rows have its answers as a whole, not single runs of words, as
other answers to the same prompts have (:func:`whole_copy_p`); and, where the date of the data set
is known, its earlier answers have more hits than its later ones, which cannot be in it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from stream.core.rfc3339 import rfc3339
from stream.trace.equal_volume import Exposure, GroupTest, compare
from stream.trace.significance import q_values, whole_copy_p
from stream.trace.trace_result import AfterDate, MatchedAccount, TracedGroup

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from stream.core.batch import Positions, Slots
    from stream.trace.found_matches import FoundMatches, Volumes
    from stream.trace.suspects import Suspect

#: Rows and members that a result lists.
MOST_ROWS: Final = 1_000
MOST_MEMBERS: Final = 1_000
MOST_OUTSIDE: Final = 20
_MEMBER_ROWS: Final = 20
#: Assumed: one in a hundred is taken for a whole copy by chance, beside what p allows.
_WHOLE_P: Final = 0.01
#: Later answers refute where they could have shown the difference at 0.01 and do not at 0.05.
_COULD_SHOW: Final = 0.01
_SHOWN: Final = 0.05


@dataclass(frozen=True, slots=True)
class _Tested:
    suspect: Suspect
    slots: Slots
    places: Positions
    test: GroupTest
    whole: tuple[int, int]
    after: AfterDate | None


class Attribution:
    """Tests suspects against the accounts outside of all of them."""

    def __init__(
        self,
        matches: FoundMatches,
        suspects: Sequence[Suspect],
        related: Mapping[str, int],
        *,
        level: float,
        dated: bool,
        seed: int,
        others: Sequence[float] = (),
    ) -> None:
        """``level`` is the greatest false discovery rate at which a group is named.

        ``related``: account -> its component; ``dated``: whether the date of the data set is known;
        ``seed``: of the random samples; ``others``: p of the other tests.
        """
        self._others = others
        #: Id of an alert -> rows that have a run of words of its answers, once groups are known.
        self.rows: dict[str, Positions] = {}
        self._matches = matches
        self._suspects = suspects
        self._related = related
        self._level = level
        self._dated = dated
        self._seed = seed
        known = [name for one in suspects for name in (*one.accounts, *one.peripheral)]
        everyone = matches.everyone()
        self._outside = everyone[~np.isin(everyone, matches.slots(known))]

    def groups(self) -> list[TracedGroup]:
        """Return the suspects as groups, those with the least p first."""
        controls = _exposure(self._matches.volumes(self._outside))
        tested = [self._tested(suspect, controls) for suspect in self._suspects]
        q = q_values([*(one.test.p for one in tested), *self._others])
        found = [self._group(one, value) for one, value in zip(tested, q, strict=False)]
        return sorted(found, key=lambda one: (one.p, -one.matched_rows, one.alert_id))

    def outside(self) -> list[MatchedAccount]:
        """Return accounts outside of all incidents that have most matched hashes."""
        hits = self._matches.volumes(self._outside).hits
        most = np.argsort(-hits, kind="stable")[:MOST_OUTSIDE]
        return self._accounts(self._outside[most[hits[most] > 0]])

    def _tested(self, suspect: Suspect, controls: Exposure) -> _Tested:
        slots = self._matches.slots(suspect.accounts)
        before = _exposure(self._matches.volumes(slots))
        group = self._related[suspect.accounts[0]]
        places = self._matches.of_accounts(group, slots)
        after = None
        if self._dated:
            after = _after(before, self._matches.volumes(slots, after=True), self._seed)
        return _Tested(
            suspect,
            slots,
            places,
            compare(before, controls, self._seed),
            self._matches.whole(group, places),
            after,
        )

    def _group(self, one: _Tested, q: float) -> TracedGroup:
        found, others = one.whole
        whole_p = whole_copy_p(found, others)
        volumes = self._matches.volumes(one.slots)
        rows = self.rows[one.suspect.alert_id] = self._matches.rows(one.places)
        first, last = self._times(one.places)
        reason = self._against(one, q, whole_p)
        members = self._accounts(one.slots)
        return TracedGroup(
            alert_id=one.suspect.alert_id,
            campaign_id=one.suspect.campaign_id or None,
            named=not reason,
            reason=reason or "its answers are in the data set",
            accounts=len(one.suspect.accounts),
            accounts_with_answers=int(np.count_nonzero(volumes.answers)),
            accounts_matched=len(members),
            answers=int(volumes.answers.sum()),
            matched_hashes=int(volumes.hits.sum()),
            matched_rows=len(rows),
            rows=rows[:MOST_ROWS].tolist(),
            first=first,
            last=last,
            p=one.test.p,
            p_possible=one.test.possible,
            q=q,
            controls=one.test.controls,
            whole_share=found / others if others else None,
            whole_p=whole_p,
            after_date=one.after,
            members=members[:MOST_MEMBERS],
        )

    def _against(self, one: _Tested, q: float, whole_p: float) -> str:
        """Return why a group is not named, "" if it is."""
        if not len(one.places):
            which = "run of words that it alone was given is in the data set"
            return f"no {which}" if len(one.slots) else "no answer of it is stored"
        if q > self._level:
            if one.test.possible > self._level:
                least = f"{one.test.possible:.1g}"
                return f"too few accounts of comparable volume: p cannot be below {least}"
            return "its accounts have no more matches than others"
        if whole_p > _WHOLE_P:
            return "rows share runs of words with its answers, but do not have them as a whole"
        if one.after is not None and one.after.refutes:
            return "answers given after the date of the data set match as often"
        return ""

    def _accounts(self, slots: Slots) -> list[MatchedAccount]:
        """Return the accounts that have matched rows of their own, those with most first."""
        found = []
        for slot, places in self._matches.by_account(slots):
            rows = self._matches.rows(places)
            first, last = self._times(places)
            found.append(
                MatchedAccount(
                    account_id=self._matches.names(np.array([slot]))[0],
                    matched_rows=len(rows),
                    rows=rows[:_MEMBER_ROWS].tolist(),
                    first=first or "",
                    last=last or "",
                )
            )
        return sorted(found, key=lambda one: (-one.matched_rows, one.account_id))

    def _times(self, places: Positions) -> tuple[str | None, str | None]:
        if not len(places):
            return None, None
        first, last = self._matches.times(places)
        return rfc3339(first), rfc3339(last)


def _exposure(volumes: Volumes) -> Exposure:
    return Exposure(volumes.hashes, volumes.hits)


def _after(before: Exposure, later: Volumes, seed: int) -> AfterDate:
    test = compare(before, _exposure(later), seed)
    return AfterDate(
        answers=int(later.answers.sum()),
        matched_hashes=int(later.hits.sum()),
        p=test.p,
        refutes=test.possible <= _COULD_SHOW and test.p > _SHOWN,
    )
