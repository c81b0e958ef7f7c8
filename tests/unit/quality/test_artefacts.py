"""The audit finds organisations that only a campaign has."""

from quality.audit import Account, _count_colleagues, _telling
from quality.directory import AccountEntry

EVENT = {
    "timestamp": 1_772_409_600.5, "request_id": "req_00aa", "account_id": "acct_00aa",
    "input_tokens": 4, "output_tokens": 5, "duration_s": 1.0,
}  # fmt: skip


def account():
    made = Account()
    for _ in range(3):
        made.add(EVENT, b'{"timestamp":1772409600.5,"request_id":')
    return made


def telling(organization_of_attackers):
    benign = {f"b{i}": account() for i in range(20)}
    planted = {f"p{i}": account() for i in range(20)}
    directory = {
        name: AccountEntry(organization_id=f"org-{i // 2}") for i, name in enumerate(benign)
    }
    directory |= {
        name: AccountEntry(organization_id=organization_of_attackers(name)) for name in planted
    }
    _count_colleagues({**benign, **planted}, directory)
    return {name for _, name in _telling(planted.values(), benign.values())}


def test_one_organisation_for_a_whole_campaign_is_reported():
    assert "accounts of its organisation" in telling(lambda _: "theirs")


def test_organisations_as_benign_accounts_have_them_are_not():
    assert telling(lambda name: f"org-p-{int(name[1:]) // 2}") == set()
