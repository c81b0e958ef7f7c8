from __future__ import annotations

import base64

import pytest

from stream.errors import SettingsError
from stream.sinks.settings import WebhookSettings
from stream.sinks.target import read_secrets, read_target
from stream.types.secret import Secret


@pytest.mark.parametrize(
    "url",
    [
        "https://hooks.example.org/a?b=c",
        "http://localhost:8080/",
        "http://127.0.0.1/",
        "http://127.8.9.10/",
        "http://[::1]:81/",
    ],
)
def test_safe_addresses_are_taken(url: str) -> None:
    assert str(read_target(WebhookSettings(url=url))) == url


@pytest.mark.parametrize(
    "url",
    [
        "",
        "hooks.example.org",
        "ftp://example.org/",
        "file:///etc/passwd",
        "https://",
        "https://user:pa55word@example.org/",
        "https://pa55word@example.org/",
        "https://example.org/#pa55word",
        "http://example.org/",
        "http://localhost.example.org/",
        "http://10.0.0.1/",
        "http://[::1",
        "https://example.org:99999/pa55word",
    ],
)
def test_other_addresses_are_refused_without_being_quoted(url: str) -> None:
    with pytest.raises(SettingsError, match=r"^webhook\.url: ") as caught:
        read_target(WebhookSettings(url=url))
    assert "pa55word" not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_clear_text_to_elsewhere_needs_a_setting() -> None:
    settings = WebhookSettings(url="http://example.org/", allow_insecure=True)
    assert read_target(settings).host == "example.org"


def test_several_secrets_are_read() -> None:
    text = " ".join("whsec_" + base64.b64encode(bytes([n]) * 24).decode() for n in (1, 2))
    assert len(read_secrets(Secret(text))) == 2


@pytest.mark.parametrize(
    "text",
    [
        "",
        "  ",
        "swordfish",
        "whsec_",
        "whsec_swordfish!",
        "whsec_" + base64.b64encode(b"swordfish").decode(),
        "whsec_" + base64.b64encode(b"swordfish" * 9).decode(),
        "whpk_" + base64.b64encode(b"a" * 32).decode(),
    ],
)
def test_bad_secrets_are_refused_without_being_quoted(text: str) -> None:
    with pytest.raises(SettingsError, match=r"^webhook\.secret: ") as caught:
        read_secrets(Secret(text))
    for part in text.removeprefix("whsec_").split():
        assert part not in str(caught.value)
