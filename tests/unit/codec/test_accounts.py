"""Who is the account: the identity that is asked for, in every format that knows it."""

from __future__ import annotations

import json

import pytest

from stream.core.errors import SettingsError
from stream.intake.codec.format_table import IDENTITIES
from stream.intake.codec.gateways import GATEWAYS
from stream.intake.codec.gateways.genai import GENAI
from stream.settings import load
from testlib.traffic.gateway_samples import FORMATS, MAPPING, events, of

#: Format -> identity -> the account of its first sample.
EXPECTED = {
    "litellm": {
        "": "88dc28d0f030c55ed4ab77ed8faf098196cb1c05df778539800c9f1243fe6b4b",
        "user": "user-7",
        "team": "team-1",
        "/metadata/user_api_key_alias": "ci",
    },
    "kong": {"": "customer-42", "key": "cred-81", "/consumer/username": "acme"},
    "apisix": {"": "acme", "end_user": "u-7", "/route_id": "ai"},
    "envoy": {"": "customer-42", "organization": "customer-42", "/method": "POST"},
    "otlp": {"": "customer-42", "organization": "customer-42", "/service.name": "assistant"},
    "portkey": {"": "customer-42", "key": "openai-prod", "/ai_org": "openai"},
    "helicone": {"": "customer-42", "key": "12", "/request_properties/app": "search"},
    "cloudflare": {"": "customer-42", "team": "search", "/metadata/team": "search"},
    "mapping": {"": "customer-42", "/request_id": "83b63da3"},
    "canonical": {"": "acct-1", "key": "acct-1"},  # says itself who is the account
}


@pytest.mark.parametrize("format_", FORMATS)
def test_the_account_is_who_was_asked_for(format_):
    row = of(format_)[0]
    for asked, account in EXPECTED[format_].items():
        assert events(row, account=asked)[0]["account_id"] == account, asked


@pytest.mark.parametrize("form", [*GATEWAYS, GENAI], ids=lambda form: form.name)
def test_every_identity_stands_in_where_the_one_asked_for_is_missing(form):
    for asked in (*IDENTITIES, "/nowhere"):
        assert events(*of(form.name), account=asked)


def test_two_identities_of_one_value_are_both_known():
    [found] = events(of("kong")[0], account="key")
    assert found["account_id"] == found["api_key_id"] == "cred-81"


@pytest.mark.parametrize("odd", [None, "", "-", [], {"id": 1}, 1.5, True])
def test_a_value_that_names_nobody_is_passed_over(odd):
    row = json.loads(json.dumps(of("kong")[0]))
    row["consumer"] = {"custom_id": odd, "username": odd, "id": "c0ffee"}
    assert events(row)[0]["account_id"] == "c0ffee"


def test_an_identity_may_be_a_number():
    row = json.loads(json.dumps(of("kong")[0]))
    row["consumer"]["custom_id"] = 42
    assert events(row)[0]["account_id"] == "42"


@pytest.mark.parametrize("account", ["nobody", "consumer.id", "Key", "/"])
def test_what_is_no_identity_is_refused(account):
    with pytest.raises(SettingsError, match=r"intake\.account"):
        load(None, {"DISTILLWATCH_INTAKE_ACCOUNT": account})


def test_a_mapping_names_identities_as_the_contract_does():
    mapping = MAPPING | {"api_key_id": "request_id", "organization_id": "http_user_agent"}
    row = of("mapping")[0]
    [found] = events(row, mapping=mapping, account="key")
    assert found["account_id"] == found["api_key_id"] == "83b63da3"
    assert found["organization_id"] == "OpenAI/Python 1.99.1"
