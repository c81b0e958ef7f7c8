"""Owners: an organization, a payment, a site, or the account itself, in this order."""

from __future__ import annotations

import zlib
from collections import defaultdict

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from stream.campaigns.graph.snapshot import Snapshot
from stream.campaigns.links.account_facts import note_accounts
from stream.campaigns.links.bipartite_graph import BipartiteGraph
from stream.core.links import LinkKind

TIME = 1_772_409_600.0


def number(name: str) -> int:
    return zlib.crc32(name.encode())


Uses = dict[str, dict[str, int]]


def owners(
    addresses: Uses,
    *,
    organizations: dict[str, str] | None = None,
    payments: dict[str, int] | None = None,
) -> dict[str, int]:
    """Return the owner of each account by requests from addresses, organization and payment."""
    names = sorted(addresses)
    rows = [
        (LinkKind.ADDRESS, number(address), name, count)
        for name in names
        for address, count in sorted(addresses[name].items())
    ] + [(LinkKind.PAYMENT, value, name, 1) for name, value in sorted((payments or {}).items())]
    table = BipartiteGraph()
    values = table.value_slots([int(kind) for kind, *_ in rows], [value for _, value, *_ in rows])
    accounts = table.account_slots([name for *_, name, _ in rows])
    edges = table.edge_slots(values, accounts, most=1000)
    table.edges["last"][edges] = TIME
    table.edges["requests"][edges] = [count for *_, count in rows]
    slots = table.find_accounts(names)
    named = organizations or {}
    note_accounts(
        table,
        slots,
        {
            "organization": np.array(
                [number(named[name]) if name in named else 0 for name in names], np.uint64
            ),
            "created_at": np.full(len(names), np.nan),
            "first_seen": np.full(len(names), TIME),
            "day_requests": np.array([float(sum(addresses[name].values())) for name in names]),
            "active_hours": np.ones(len(names), np.uint8),
        },
    )
    owner = Snapshot.of(table, TIME).owner
    return {name: int(owner[slot]) for name, slot in zip(names, slots.tolist(), strict=True)}


def groups(found: dict[str, int]) -> list[list[str]]:
    """Return the accounts of each owner of several."""
    of = defaultdict(list)
    for name, owner in found.items():
        of[owner].append(name)
    return sorted(names for names in of.values() if len(names) > 1)


def test_each_account_is_its_own_owner_at_its_own_address() -> None:
    found = owners({f"a{i}": {f"home-{i}": 3} for i in range(5)})
    assert groups(found) == []


def test_accounts_at_one_address_have_one_owner() -> None:
    found = owners({"a": {"office": 3}, "b": {"office": 2, "home-of-b": 1}, "c": {"home-of-c": 4}})
    assert groups(found) == [["a", "b"]]


def test_an_office_of_several_addresses_is_one_owner_from_its_first_requests() -> None:
    staff = {f"a{i}": {f"egress-{i % 4}": 1, f"egress-{(i + 1) % 4}": 1} for i in range(12)}
    assert groups(owners(staff)) == [sorted(staff)]


def test_an_office_with_one_roaming_account_is_one_owner() -> None:
    staff = {f"a{i}": {"egress-x": 2, "egress-y": 2} for i in range(6)}
    pool = {f"z{i}": {f"exit-{i}": 1, f"exit-{i + 1}": 1, f"exit-{i + 2}": 1} for i in range(12)}
    staff["a5"] |= {"exit-3": 1}
    assert sorted(f"a{i}" for i in range(6)) in groups(owners(staff | pool))


def test_accounts_that_draw_from_a_pool_of_exits_are_owners_of_their_own() -> None:
    rng = np.random.default_rng(1)
    pool = {
        f"a{i:02}": {f"exit-{j:02}": 1 for j in rng.choice(40, 6, replace=False)} for i in range(60)
    }
    assert groups(owners(pool)) == []


def test_an_organization_counts_before_payments_and_addresses() -> None:
    found = owners(
        {name: {"office": 3} for name in "abcd"},
        organizations={"a": "one", "b": "one", "c": "two"},
        payments={"a": 7, "b": 8, "c": 7, "d": 7},
    )
    assert found["a"] == found["b"]
    assert len({found[name] for name in "bcd"}) == 3


def test_an_organization_that_nearly_all_accounts_have_owns_nothing() -> None:
    everywhere = {f"a{i}": {f"home-{i}": 1} for i in range(300)}
    assert groups(owners(everywhere, organizations=dict.fromkeys(everywhere, "default"))) == []
    few = dict(list(everywhere.items())[:40])
    assert len(groups(owners(few, organizations=dict.fromkeys(few, "company")))) == 1


@given(
    st.dictionaries(
        st.text("abcdef", min_size=1, max_size=2),
        st.dictionaries(
            st.text("xyzuvw", min_size=1, max_size=2), st.integers(1, 9), min_size=1, max_size=12
        ),
        min_size=1,
        max_size=12,
    )
)  # fmt: skip
def test_only_accounts_with_an_address_in_common_by_way_of_others_have_one_owner(
    uses: Uses,
) -> None:
    for group in groups(owners(uses)):
        # Connected over addresses: no account of the group is apart from the others.
        reached, edge = {group[0]}, {group[0]}
        while edge:
            near = {
                name for name in uses for one in edge if uses[name].keys() & uses[one].keys()
            } - reached
            reached, edge = reached | near, near
        assert {*group} <= reached
