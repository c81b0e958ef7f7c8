"""``python -m quality.audit``: looks for what only the planted traffic has by accident.

For each campaign it prints the values of fields that nobody benign ever sends, and the summaries
of an account (presence and form of fields, not what was asked) that by themselves tell attackers
from benign accounts. Each of these must be a published property of the campaign; whatever is not
is a fault of the generator, which a detector must not learn. Judging that is left to people.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter, defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import msgspec
import numpy as np

from quality.plan import BENIGN, first, quick
from quality.store import Store

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from numpy.typing import NDArray

    from quality.directory import AccountEntry

#: Fields whose values are few: a value of its own gives an attacker away.
_VALUES: Final = (
    "model", "plan", "operation", "status", "country", "asn", "user_agent", "tls_fingerprint",
    "temperature", "max_tokens", "stream", "logprobs",
)  # fmt: skip
_SHOWN: Final = 8
#: An area under the curve this far from chance is worth a look.
_TELLING: Final = 0.97
_LEAST_REQUESTS: Final = 3


class Account:
    """Sums over what one account sent."""

    def __init__(self) -> None:
        """Start empty."""
        self.sums: defaultdict[str, float] = defaultdict(float)
        self.requests = 0

    def add(self, event: dict[str, Any], line: bytes) -> None:
        """Take in an event as it stands in the file."""
        self.requests += 1
        for name in event:
            self.sums[f"has {name}"] += 1
        time = event["timestamp"]
        head = line[: line.index(b",")]
        self.sums["decimals of timestamp"] += len(head.partition(b".")[2])
        self.sums["fraction of timestamp"] += time % 1
        self.sums["second of the minute"] += time % 60
        self.sums["request id, as a number"] += int(event["request_id"][4:8], 16)
        self.sums["account id, as a number"] += int(event["account_id"][5:9], 16)
        created = event.get("account_created_at", 0)
        self.sums["second of the minute of creation"] += created % 60
        prompt, system = event.get("prompt") or "", event.get("system_prompt") or ""
        self.sums["characters of prompt"] += len(prompt)
        self.sums["lines of prompt"] += prompt.count("\n")
        self.sums["characters beyond ASCII"] += sum(ord(c) > 127 for c in prompt)
        self.sums["input tokens are the text's"] += (
            event["input_tokens"] == (len(prompt) + len(system)) // 4
        )
        self.sums["seconds per output token"] += event["duration_s"] / max(
            event["output_tokens"], 1
        )

    def means(self) -> dict[str, float]:
        """Return the means over requests."""
        return {name: value / self.requests for name, value in self.sums.items()}


def main() -> int:
    """Print what tells attackers from benign accounts."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--cache", type=Path, required=True)
    options = parser.parse_args()
    plan = quick() if options.quick else first()
    store = Store.open(options.cache, plan, options.data if options.data.is_dir() else None)
    benign, values = _read(line for day in range(plan.days) for line in store.lines(BENIGN, day))
    for campaign in plan.campaigns:
        attackers = set(store.truth(campaign.id).attackers)
        planted, theirs = _read(store.campaign_lines(campaign.id))
        planted = {name: account for name, account in planted.items() if name in attackers}
        directory = store.truth(BENIGN).directory | store.truth(campaign.id).directory
        _count_colleagues({**benign, **planted}, directory)
        print(f"\n{campaign.id}: {len(planted)} accounts")
        for field, text in _own_values(theirs, values):
            print(f"  only here: {field} = {text}")
        for area, name in _telling(planted.values(), benign.values()):
            print(f"  AUC {area:.3f}: {name}")
    return 0


def _read(lines: Iterable[bytes]) -> tuple[dict[str, Account], dict[str, Counter[Any]]]:
    accounts: defaultdict[str, Account] = defaultdict(Account)
    values: defaultdict[str, Counter[Any]] = defaultdict(Counter)
    decode = msgspec.json.Decoder().decode
    for line in lines:
        event = decode(line)
        accounts[event["account_id"]].add(event, line)
        for field in _VALUES:
            values[field][event.get(field)] += 1
        values["order of fields"][",".join(event)] += 1
    return dict(accounts), dict(values)


def _count_colleagues(
    accounts: Mapping[str, Account], directory: Mapping[str, AccountEntry]
) -> None:
    """Note how many accounts an account's organisation has, 0 without one."""
    sizes = Counter(directory[name].organization_id for name in accounts)
    for name, account in accounts.items():
        organization = directory[name].organization_id
        colleagues = 0 if organization is None else sizes[organization]
        account.sums["accounts of its organisation"] = colleagues * account.requests


def _own_values(
    theirs: dict[str, Counter[Any]], benign: dict[str, Counter[Any]]
) -> Iterator[tuple[str, str]]:
    for field, counts in theirs.items():
        own = [value for value, _ in counts.most_common() if value not in benign[field]]
        if own:
            yield field, ", ".join(map(str, own[:_SHOWN]))


def _telling(planted: Iterable[Account], benign: Iterable[Account]) -> list[tuple[float, str]]:
    ours = [a.means() for a in planted if a.requests >= _LEAST_REQUESTS]
    others = [a.means() for a in benign if a.requests >= _LEAST_REQUESTS]
    names = sorted({name for means in (*ours, *others) for name in means})
    found = []
    for name in names:
        a = np.array([means.get(name, 0.0) for means in ours])
        b = np.array([means.get(name, 0.0) for means in others])
        area = _area(a, b)
        if max(area, 1 - area) >= _TELLING:
            found.append((area, name))
    return sorted(found, reverse=True)


def _area(ours: NDArray[np.float64], others: NDArray[np.float64]) -> float:
    """Return the probability that one of ours is above one of the others; ties count half."""
    if not len(ours) or not len(others):
        return 0.5
    others = np.sort(others)
    below = np.searchsorted(others, ours) + np.searchsorted(others, ours, side="right")
    return float(below.mean() / 2 / len(others))


if __name__ == "__main__":
    sys.exit(main())
