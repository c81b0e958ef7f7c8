"""Sketches of the answers of a batch of events, without what the request has brought in itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from stream.intake.fingerprint.keyed import indexed
from stream.trace.answer_record import Answers, merged, no_answers
from stream.trace.keys import trace_keys
from stream.trace.sketcher import Sketcher

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from stream.intake.codec.admission import Fields
    from stream.trace.metrics import TraceMetrics
    from stream.trace.settings import TraceSettings
    from stream.trace.sketcher import Sketches

#: The texts of a request that its answer may repeat.
_REQUEST: Final = ("prompt", "system_prompt", "first_prompt", "first_answer")


def no_accounts() -> Collection[str]:
    """Return no account: none is watched."""
    return ()


class AnswerSketches:
    """Makes sketches of answers under the current key; no text is kept."""

    def __init__(
        self,
        settings: TraceSettings,
        metrics: TraceMetrics,
        watched: Callable[[], Collection[str]] = no_accounts,
    ) -> None:
        """``watched`` returns the accounts of which more is kept; raises SettingsError."""
        current = trace_keys(settings.key)[0]
        self._key_id, self._sketcher = current.key_id, Sketcher(current.key)
        self._one_in, self._one_in_watched = settings.one_in, settings.one_in_watched
        self._watched = watched
        self._none = no_answers(current.key_id)
        self._results = metrics.answers_total

    def of(self, fields: Fields) -> Answers:
        """Return the sketches of the answers of some events."""
        answers, names = fields["response"], fields["account_id"]
        given = [row for row, answer in enumerate(answers) if answer]
        self._count("absent", len(answers) - len(given))
        watched = self._watched()
        parts = [
            self._sketches(fields, rows, one_in)
            for one_in, rows in (
                (self._one_in, [row for row in given if names[row] not in watched]),
                (self._one_in_watched, [row for row in given if names[row] in watched]),
            )
            if rows
        ]
        return merged(parts) if parts else self._none

    def _sketches(self, fields: Fields, rows: Sequence[int], one_in: int) -> Answers:
        """Return the sketches of the answers at ``rows``, all of one density."""
        answers = fields["response"]
        own = [[fields[name][row] for row in rows] for name in _REQUEST if any(fields[name])]
        found = self._sketcher.sketches([answers[row] for row in rows], one_in, own)
        self._count_results(found, len(rows))
        kept, count = np.unique(found.text, return_counts=True)
        kept_rows = [rows[place] for place in kept.tolist()]
        accounts, account = indexed([fields["account_id"][row] for row in kept_rows])
        times = np.fromiter((fields["timestamp"][row] for row in kept_rows), np.float64)
        return Answers(
            self._key_id,
            accounts,
            account,
            times.clip(0, 2**32 - 1).astype(np.uint32),
            np.full(len(kept), one_in, np.uint16),
            count,
            found.hashes,
        )

    def _count_results(self, found: Sketches, answers: int) -> None:
        sketched = np.zeros(answers, bool)
        sketched[found.text] = True
        short = found.shingles == 0
        copied = ~sketched & (found.left_out > 0)
        self._count("sketched", int(sketched.sum()))
        self._count("too_short", int(short.sum()))
        self._count("copied", int(copied.sum()))
        self._count("not_sampled", answers - int((sketched | short | copied).sum()))

    def _count(self, result: str, answers: int) -> None:
        if answers:
            self._results.labels(result=result).inc(answers)
