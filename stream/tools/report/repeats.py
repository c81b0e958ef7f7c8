"""Which events of a log repeat a call: by the rule of the accounts stage, in file order.

The detector compares the rows of a window by their values; here the record that comes first counts.
So if the second of two records of one call has more values, both are shown.
"""

from __future__ import annotations

from collections import Counter, OrderedDict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from stream.accounts.windows.duplicates import COMPARED, MOST_CALLS, MOST_COPIES
from stream.intake.fingerprint.text import normalise

if TYPE_CHECKING:
    from collections.abc import Mapping

#: Ids remembered: the latest.
_REMEMBERED: Final = 1_000_000

_Values = tuple[object, ...]


@dataclass(slots=True)
class _Call:
    """A call that counted, and how many copies with other times each window has had."""

    time: float
    values: _Values
    copies: Counter[float] = field(default_factory=Counter)


class Repeats:
    """Knows the calls that it has seen, by account and request id."""

    def __init__(self, duplicate_window_s: float, *, window_s: float) -> None:
        """Compare events at most ``duplicate_window_s`` apart; with 0 no event is a repetition."""
        self._duplicate_window_s = duplicate_window_s
        self._window_s = window_s
        self._calls: OrderedDict[tuple[str, str], list[_Call]] = OrderedDict()

    def again(self, event: Mapping[str, Any]) -> bool:
        """Return whether an event (field -> value) is a further record of a known call."""
        request = event.get("request_id")
        if not request or not self._duplicate_window_s:
            return False
        time, values = event["timestamp"], _compared(event)
        calls = self._calls.setdefault((event["account_id"], request), [])
        near = [call for call in calls if abs(time - call.time) <= self._duplicate_window_s]
        for call in near:
            if all(not own or own == its for own, its in zip(values, call.values, strict=True)):
                return time == call.time or self._one_more(call, time)
        if len(near) < MOST_CALLS:
            near.append(_Call(time, values))
        calls[:] = near
        if len(self._calls) > _REMEMBERED:
            self._calls.popitem(last=False)
        return False

    def _one_more(self, call: _Call, time: float) -> bool:
        window = time // self._window_s
        call.copies[window] += 1
        return call.copies[window] <= MOST_COPIES


def _compared(event: Mapping[str, Any]) -> _Values:
    prompt = event.get("prompt")
    texts = {"prompt": normalise(prompt) if prompt else event.get("prompt_fingerprint")}
    return tuple(texts[name] if name in texts else event.get(name) for name in COMPARED)
