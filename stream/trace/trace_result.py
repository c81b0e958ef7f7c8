"""What ``distillwatch trace`` found: the shape of its JSON, and of the evidence bundle's."""

from __future__ import annotations

from typing import Annotated, Final

import msgspec
from msgspec import Meta

#: Raised when a field changes its name or meaning; new fields do not raise it.
SCHEMA_VERSION: Final = 1

Rows = Annotated[list[int], Meta(description="Some of the rows, ascending; see `dataset.rows_are`")]
Probability = Annotated[float, Meta(ge=0, le=1)]


class TracedDataset(msgspec.Struct, frozen=True, kw_only=True):
    """The data set as it was read."""

    sha256: Annotated[str, Meta(description="Of the file as it is, compressed or not")]
    bytes: int
    format: str
    rows_are: Annotated[str, Meta(description="What a row number counts, from 1")]
    rows: int
    rows_repeated: Annotated[int, Meta(description="Rows whose bytes repeat an earlier row's")]
    rows_unread: Annotated[int, Meta(description="Rows that are damaged or too long")]
    texts: Annotated[int, Meta(description="Texts of eight words or more")]
    hashes: Annotated[int, Meta(description="Distinct kept hashes, under all keys")]


class ReadAnswers(msgspec.Struct, frozen=True, kw_only=True):
    """The stored answers that were compared; times are RFC 3339."""

    sha256: Annotated[str, Meta(description="Of the records' SHA-256 in ascending order")]
    records: int
    damaged: int
    other_keys: Annotated[int, Meta(description="Records under keys that `trace.key` lacks")]
    thinner: Annotated[int, Meta(description="Records thinner than they are compared; left out")]
    key_ids: list[str]
    answers: int
    hashes: int
    accounts: int
    first: str | None
    last: str | None


class TraceParameters(msgspec.Struct, frozen=True, kw_only=True):
    """What the results depend on beside the data set and the answers."""

    version: str
    shingle_words: int
    compared_one_in: int
    dated: str | None
    level: Probability
    columns: list[str]


class AfterDate(msgspec.Struct, frozen=True, kw_only=True):
    """Answers to the same accounts after the file's date: they cannot be in it."""

    answers: int
    matched_hashes: int
    p: Annotated[
        Probability, Meta(description="That the earlier answers have no more hits than these")
    ]
    refutes: Annotated[
        bool, Meta(description="There are enough of them, and they have as many hits")
    ]


class MatchedAccount(msgspec.Struct, frozen=True, kw_only=True):
    """An account with matched rows, those of runs of words that it alone was given."""

    account_id: str
    matched_rows: int
    rows: Rows
    first: str
    last: str


class TracedGroup(msgspec.Struct, frozen=True, kw_only=True):
    """A campaign, or a lone account with an incident, compared with the data set."""

    alert_id: str
    campaign_id: str | None
    named: Annotated[bool, Meta(description="Answers to it are in the data set")]
    reason: Annotated[str, Meta(description="Why it is named or not")]
    accounts: int
    accounts_with_answers: int
    accounts_matched: int
    answers: int
    matched_hashes: int
    matched_rows: Annotated[
        int, Meta(description="Rows with a run of words that no unrelated account was given")
    ]
    rows: Rows
    first: Annotated[str | None, Meta(description="Time of the first matched answer")]
    last: Annotated[str | None, Meta(description="Time of the last matched answer")]
    p: Annotated[Probability, Meta(description="Exact test against accounts of equal volume")]
    p_possible: Annotated[Probability, Meta(description="The least that p could have been")]
    q: Annotated[
        Probability, Meta(description="Benjamini-Hochberg over groups and marked subjects")
    ]
    controls: Annotated[int, Meta(description="Accounts outside of all incidents, compared")]
    whole_share: Annotated[
        float | None,
        Meta(description="Share of the matched answers' other hashes in their rows; copies: ~1"),
    ]
    whole_p: Annotated[Probability, Meta(description="That runs of words are shared by chance")]
    after_date: AfterDate | None
    members: Annotated[
        list[MatchedAccount], Meta(description="Those with most matched rows first; bounded")
    ]


class FoundCanary(msgspec.Struct, frozen=True, kw_only=True):
    """A canary that the data set has, and the decision that it belongs to; times are RFC 3339."""

    word: Annotated[str, Meta(description="The word itself; who knows it can plant it")]
    decision_id: str
    state: Annotated[str, Meta(description="Of the decision: undone, expired, active, ...")]
    matched_rows: int
    first_use: Annotated[
        str | None, Meta(description="When the decision came into force; null: it never did")
    ]
    ended: Annotated[str | None, Meta(description="When it ended; null: it has not")]


class TracedSubject(msgspec.Struct, frozen=True, kw_only=True):
    """Who was marked by decisions, with the canaries of these that the data set has."""

    subject_kind: Annotated[str, Meta(description="campaign, account, key, user or team")]
    subject_id: str
    alert_ids: Annotated[list[str], Meta(description="Incidents that the decisions are about")]
    named: Annotated[bool, Meta(description="A canary that it was given is in the data set")]
    reason: Annotated[str, Meta(description="Why it is named or not")]
    accounts: Annotated[int, Meta(description="Accounts, keys, users or teams that were marked")]
    canaries: Annotated[int, Meta(description="Those that it was given before the file's date")]
    found: Annotated[list[FoundCanary], Meta(description="Bounded")]
    matched_rows: Annotated[int, Meta(description="Rows with one of them")]
    rows: Rows
    copied_rows: Annotated[
        int | None,
        Meta(
            description="Of these, rows that have a run of words of its answers, too; null: its "
            "incident was not compared"
        ),
    ]
    first: Annotated[str | None, Meta(description="First use of the canaries that were found")]
    expected: Annotated[float, Meta(ge=0, description="Canaries found by chance, at most")]
    p: Annotated[Probability, Meta(description="Of as many by chance, at most: exact binomial")]
    q: Annotated[
        Probability, Meta(description="Benjamini-Hochberg over groups and marked subjects")
    ]


class TracedCanaries(msgspec.Struct, frozen=True, kw_only=True):
    """The canaries of all decisions to mark, searched for in the data set."""

    searched: bool
    missing: Annotated[str | None, Meta(description="Why they were not searched for")]
    sha256: Annotated[str, Meta(description="Of the signed decisions that have a canary")]
    suspicious: Annotated[int, Meta(description="Records that are not signed, forged or damaged")]
    canaries: int
    tested: Annotated[int, Meta(description="Subjects that were given one before the file's date")]
    compared: Annotated[int, Meta(description="Words of a canary's length in the data set")]
    possible: Annotated[int, Meta(description="Words that a canary is drawn from")]
    subjects: Annotated[
        list[TracedSubject], Meta(description="Subjects of which one was found, by p")
    ]


class TraceResult(msgspec.Struct, frozen=True, kw_only=True):
    """Whether answers of this gateway are in a data set, to which accounts, and how sure it is."""

    schema_version: int
    dataset: TracedDataset
    answers: ReadAnswers
    parameters: TraceParameters
    groups: Annotated[list[TracedGroup], Meta(description="Campaigns and lone accounts, by p")]
    outside: Annotated[
        list[MatchedAccount],
        Meta(description="Accounts outside of all incidents with most matched rows: not tested"),
    ]
    canaries: TracedCanaries
    limits: list[str]
