"""The events of one step, merged and sorted so that the order of arrival no longer shows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stream.accounts.windows.account_windows import WindowRows
from stream.core.events import EventBatch
from stream.store.order import lexical, run_starts

if TYPE_CHECKING:
    from collections.abc import Iterator


def step_rows(
    end: float, window_s: float, batches: list[EventBatch], *, most: int
) -> Iterator[WindowRows]:
    """Yield the step that ends at ``end``, in portions of at most ``most`` accounts.

    Rows are sorted by account, time, template and prompt: rows that agree in all of these and
    come in another order give the same state.
    """
    merged = EventBatch.merge(batches)
    columns = merged.columns
    order = lexical(*(columns[name] for name in ("account", "time", "template", "prompt")))
    columns = {name: column[order] for name, column in columns.items()}
    at = run_starts(columns["account"])
    for first in range(0, len(at), most):
        last = first + most
        start = at[first]
        stop = at[last] if last < len(at) else len(order)
        yield WindowRows(
            time=end,
            window_s=window_s,
            accounts=list(merged.accounts[first:last]),
            at=at[first:last] - start,
            columns={name: column[start:stop] for name, column in columns.items()},
        )
