"""What a log has of each request in each mode."""

import msgspec
import pytest
from quality.modes import COMPARED, HEADLINE, MODES, NOT_LOGGED, TEXT

from stream.intake.codec.gateways.litellm import LITELLM
from stream.tools.simulate.request import ChatMessage, Request

#: All fields, each with a value of its own.
FULL = Request(
    timestamp=1_772_409_600.25, account_id="a", model="m", request_id="r", api_key_id="k",
    organization_id="o", client_ip="192.0.2.1", asn=64512, country="DE", user_agent="u",
    tls_fingerprint="t", payment_id="p", account_created_at=1_772_000_000.0, plan="team",
    operation="chat", input_tokens=1, output_tokens=2, cached_tokens=3, reasoning_tokens=4,
    status=200, duration_s=0.5, stream=True, temperature=0.5, max_tokens=9, logprobs=True,
    system_prompt="s", prompt="p", messages=[ChatMessage("user", "p")], response="q",
)  # fmt: skip


def seen(mode, request=FULL):
    (line,) = MODES[mode].lines([msgspec.json.encode(request)])
    return msgspec.json.decode(line)


def test_the_full_mode_has_every_field():
    assert set(seen("full")) == set(Request.__struct_fields__)
    assert seen("full") == msgspec.to_builtins(FULL)


@pytest.mark.parametrize(
    ("mode", "absent"), [("gateway", NOT_LOGGED), ("gateway-no-text", NOT_LOGGED | TEXT)]
)
def test_a_mode_leaves_out_its_fields_and_changes_no_other(mode, absent):
    full = msgspec.to_builtins(FULL)
    assert seen(mode) == {name: value for name, value in full.items() if name not in absent}
    assert next(iter(seen(mode))) == "timestamp"  # traffic is merged by it


def test_the_gateway_mode_has_no_field_that_litellm_does_not_log():
    logged = {*LITELLM.fields, "account_id", "organization_id", "api_key_id", *TEXT}
    assert set(seen(HEADLINE)) <= logged


def test_with_a_directory_the_log_is_the_gateway_s():
    assert seen("gateway-directory") == seen("gateway")
    assert [mode.name for mode in MODES.values() if mode.directory] == ["gateway-directory"]


def test_the_headline_comes_first_and_the_compared_detectors_get_all_there_is():
    assert next(iter(MODES)) == HEADLINE == "gateway"
    assert not MODES[COMPARED].absent
