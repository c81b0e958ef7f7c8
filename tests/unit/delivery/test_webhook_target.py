from __future__ import annotations

import base64
import socket
import ssl
from typing import TYPE_CHECKING

import pytest

from stream.core.errors import SettingsError
from stream.core.secret import Secret
from stream.delivery.target import open_socket, read_secrets, read_target, tls_context

if TYPE_CHECKING:
    from pathlib import Path


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
    assert str(read_target("webhook", Secret(url), insecure=False)) == url


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
        "https://169.254.169.254/latest/meta-data",
        "https://[fe80::1]/",
        "https://[::ffff:169.254.169.254]/",
    ],
)
def test_other_addresses_are_refused_without_being_quoted(url: str) -> None:
    with pytest.raises(SettingsError, match=r"^webhook\.url: ") as caught:
        read_target("webhook", Secret(url), insecure=False)
    assert "pa55word" not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_clear_text_to_elsewhere_needs_a_setting() -> None:
    url = Secret("http://example.org/")
    assert read_target("webhook", url, insecure=True).host == "example.org"


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


def test_a_file_of_authorities_that_is_none_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("no certificate")
    for path in (tmp_path / "ca.pem", tmp_path / "missing.pem", tmp_path):
        with pytest.raises(SettingsError, match=rf"^webhook\.ssl_cafile: {path} ") as caught:
            tls_context("webhook", str(path))
        assert "\n" not in str(caught.value)


def test_certificate_and_name_are_always_verified() -> None:
    context = tls_context("webhook", "")
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.check_hostname
    assert context.minimum_version >= ssl.TLSVersion.TLSv1_2


@pytest.mark.parametrize(
    ("family", "host"),
    [
        (socket.AF_INET, "169.254.169.254"),
        (socket.AF_INET6, "fe80::1"),
        (socket.AF_INET6, "fe80::1%lo"),
        (socket.AF_INET6, "::ffff:169.254.169.254"),
    ],
)
def test_a_name_that_leads_to_a_link_local_address_is_refused(family: int, host: str) -> None:
    with pytest.raises(PermissionError, match="link-local"):
        open_socket((family, socket.SOCK_STREAM, 0, "", (host, 80)))


@pytest.mark.parametrize("host", ["127.0.0.1", "10.0.0.1", "192.0.2.1"])
def test_other_resolved_addresses_are_dialled(host: str) -> None:
    open_socket((socket.AF_INET, socket.SOCK_STREAM, 0, "", (host, 80))).close()
