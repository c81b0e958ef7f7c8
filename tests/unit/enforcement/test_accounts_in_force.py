"""Of decisions in force the accounts are known, and of no others."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from stream.decisions.in_force import InForce
from stream.enforcement.accounts_in_force import AccountsInForce

if TYPE_CHECKING:
    from collections.abc import Mapping

    from stream.core.decisions import Decision, SubjectKind


def test_accounts_are_those_of_the_latest_table():
    accounts = AccountsInForce()
    assert accounts.current() == frozenset()
    table: Mapping[tuple[SubjectKind, str], tuple[Decision, ...]] = {
        ("account", "acct_1"): (),
        ("account", "acct_2"): (),
        ("team", "acct_3"): (),
    }
    accounts.renew(InForce(table, frozenset(), math.inf), ())
    assert accounts.current() == {"acct_1", "acct_2"}
    accounts.renew(InForce({}, frozenset(), math.inf), ())
    assert accounts.current() == frozenset()
