"""Tasks of one narrow capability, writing database queries, of which no two are alike."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stream.tools.simulate import language
from stream.tools.simulate.vocabulary import SUBJECTS, SYLLABLES

if TYPE_CHECKING:
    from stream.tools.simulate.dice import Dice
    from stream.tools.simulate.vocabulary import Subject

_DIALECTS = ("SQL", "Postgres", "SQLite", "MySQL", "T-SQL", "DuckDB", "BigQuery")
_TYPES = ("int", "text", "date", "numeric", "bool", "timestamp", "varchar", "uuid")
_VERBS = ("count", "sum", "rank", "average", "join", "group", "pivot", "deduplicate", "list")
_WINDOWS = ("per day", "by week", "each month", "a quarter", "every year", "an hour", "in total")
_FORMS = (
    "{dialect}: {verb} {a} {window} where {b} > {n}, tables {t} and {u}",
    "query for {t} and {u}: {verb} {a}, having {b} < {n}, {window}",
    "{t}, {u}. {verb} {a} over {b} {window}, null {c} excluded",
    "from {t} left join {u}, {verb} {a} {window}; index {b}?",
    "window function in {dialect}? {verb} {a} partitioned on {b}, {t}",
    "{verb} distinct {a} of {t} without a match in {u} ({b}, {n} rows)",
    "translate to {dialect}: {verb} {a} if {b} in {n}, {c}; {t} {u}",
    "recursive cte on {t}: {verb} {a} below {b}, depth {n}",
    "why is this slow: select {a} from {t} join {u} on {b} where {c} = {n}",
    "subquery or join? {verb} {a} {window}, {t} against {u} via {b}",
    "update {t} set {a} by {u}.{b} when {c} is {n}, {dialect}",
    "{dialect} upsert into {t}: {a}, {b}, conflict on {c}",
)


def query_task(dice: Dice) -> str:
    """Write one task: two tables and what to compute of them."""
    subject = dice.pick(SUBJECTS)
    tables = [_table(dice, subject) for _ in range(2)]
    columns = [_column(dice, subject) for _ in range(3)]
    return dice.pick(_FORMS).format(
        dialect=dice.pick(_DIALECTS), verb=dice.pick(_VERBS), window=dice.pick(_WINDOWS),
        t=tables[0], u=tables[1], a=columns[0], b=columns[1], c=columns[2],
        n=dice.below(9000) + 2,
    )  # fmt: skip


def _table(dice: Dice, subject: Subject) -> str:
    columns = ", ".join(
        f"{_column(dice, subject)} {dice.pick(_TYPES)}" for _ in range(2 + dice.below(4))
    )
    return f"{language.name(dice).lower()}_{dice.pick(subject.things)}({columns})"


def _column(dice: Dice, subject: Subject) -> str:
    return f"{dice.pick(subject.things).replace('-', '_')}_{dice.pick(SYLLABLES)}"
