"""Stories in the modes of the quality benchmark: what is known when fields are missing."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from quality.directory import KNOWN
from quality.modes import MODES, TEXT

from testlib.traffic.link_traffic import fixed, nothing

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from stream.tools.simulate.scenario import Scenario
    from testlib.traffic.link_traffic import Account

#: For stories that end the same with all fields and with those that gateways log.
in_modes = pytest.mark.parametrize("mode", ["full", "gateway"])


def in_mode(accounts: Iterable[Account], mode: str) -> list[Account]:
    """Return the accounts with the links that a log of this mode leaves of them.

    An organisation stays: gateways log it. A user agent alone links nobody: a client is that
    together with its TLS fingerprint.
    """
    absent = MODES[mode].absent - (KNOWN if MODES[mode].directory else frozenset())
    changes: dict[str, Any] = {}
    if "payment_id" in absent:
        changes["payment"] = ""
    if "account_created_at" in absent:
        changes["created_at"] = math.nan
    if "tls_fingerprint" in absent:
        changes["client"] = ""
    if absent >= TEXT:
        changes |= {"says": fixed(""), "asks": nothing}
    return [replace(account, **changes) for account in accounts]


def lines(scenario: Scenario, mode: str) -> Iterator[bytes]:
    """Return the events of a simulated scenario as a log of this mode has them."""
    return MODES[mode].lines(scenario.lines())
