"""One comparison of a data set with stored answers, step by step; the caller does the reading."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stream import __version__
from stream.core.rfc3339 import rfc3339
from stream.trace.answer_matches import AnswerMatches
from stream.trace.attribution import Attribution
from stream.trace.canary_findings import CanaryFindings
from stream.trace.canary_search import CanarySearch
from stream.trace.file_hashes import FileHashes
from stream.trace.shingles import WORDS
from stream.trace.sketcher import MAX_CHARACTERS, Sketcher
from stream.trace.stored_answers import StoredAnswers
from stream.trace.suspects import SuspectBook, components
from stream.trace.text_words import text_words
from stream.trace.trace_limits import LIMITS, WITHOUT_CANARIES, WITHOUT_DATE
from stream.trace.trace_result import SCHEMA_VERSION, TraceParameters, TraceResult

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stream.core.batch import Positions
    from stream.trace.canary_decisions import CanaryDecisions
    from stream.trace.keys import TraceKey
    from stream.trace.trace_result import TracedDataset


class TraceRun:
    """First the data set and the incidents, then the answers, then the result; mutable."""

    def __init__(
        self,
        keys: Sequence[TraceKey],
        *,
        densest: int,
        thinnest: int,
        level: float,
        dated: float | None,
        decisions: CanaryDecisions,
    ) -> None:
        """Answers are kept one in ``thinnest`` at least and one in ``densest`` at most.

        ``level``: the greatest false discovery rate at which a group is named; ``dated``: when the
        data set was made, epoch seconds; ``decisions``: those whose canaries are searched for.
        """
        self._decisions = decisions
        words = [one.limits.canary for one in decisions.decisions if one.limits.canary]
        self._canaries = CanarySearch(words)
        self._sketchers = {key.key_id: Sketcher(key.key) for key in keys}
        self._densest, self._thinnest = densest, thinnest
        self._level, self._dated = level, dated
        self.file = FileHashes()
        self.book = SuspectBook()

    def add_texts(self, texts: Sequence[str], rows: Positions) -> None:
        """Add texts of the data set, each with its row; raises UsageError beyond the bound."""
        words = [*text_words(texts, MAX_CHARACTERS)]
        self._canaries.look(words, rows)
        for sketcher in self._sketchers.values():
            sketches = sketcher.sketches_of(words, len(texts), self._densest)
            self.file.add(sketches.hashes, rows[sketches.text])

    def start_answers(self) -> StoredAnswers:
        """Return what takes in the stored records, once the data set and incidents are read."""
        self.file.merge()
        self._suspects = self.book.suspects()
        self._related = components(self._suspects)
        self._matches = AnswerMatches(
            self.file, self._related, thinnest=self._thinnest, dated=self._dated
        )
        self._answers = StoredAnswers(self._matches, self._sketchers, thinnest=self._thinnest)
        return self._answers

    def result(self, dataset: TracedDataset, columns: Sequence[str]) -> TraceResult:
        """Return what was found: the same data set and records give the same."""
        canaries = CanaryFindings(
            self._decisions, self._canaries.found(), self._canaries.compared, dated=self._dated
        )
        attribution = Attribution(
            self._matches.found(),
            self._suspects,
            self._related,
            level=self._level,
            dated=self._dated is not None,
            seed=self.file.seed(),
            others=canaries.p,
        )
        groups = attribution.groups()
        tested = [one.p for one in groups]
        dated = None if self._dated is None else rfc3339(self._dated)
        return TraceResult(
            schema_version=SCHEMA_VERSION,
            dataset=dataset,
            answers=self._answers.summary(),
            parameters=TraceParameters(
                version=__version__,
                shingle_words=WORDS,
                compared_one_in=self._thinnest,
                dated=dated,
                level=self._level,
                columns=list(columns),
            ),
            groups=groups,
            outside=attribution.outside(),
            canaries=canaries.result(tested, attribution.rows, level=self._level),
            limits=[
                *(() if dated else (WITHOUT_DATE,)),
                *((WITHOUT_CANARIES,) if self._decisions.missing else ()),
                *LIMITS,
            ],
        )
