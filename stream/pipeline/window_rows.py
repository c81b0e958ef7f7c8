"""The events of one window, merged and sorted: the result does not depend on arrival order."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stream.accounts.windows.account_windows import WindowRows
from stream.core.events import EventBatch
from stream.store.order import lexical, run_starts

if TYPE_CHECKING:
    from collections.abc import Iterator


def window_rows(
    end: float, window_s: float, batches: list[EventBatch], *, most: int
) -> Iterator[WindowRows]:
    """Yield the window that ends at ``end``, in portions of at most ``most`` accounts.

    Rows are sorted by account, time, template and prompt. Rows that are equal in all of these give
    the same state in any order.
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
