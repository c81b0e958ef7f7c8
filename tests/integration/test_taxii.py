"""Bundles over TAXII 2.1 with a server that speaks HTTP."""

from __future__ import annotations

import json

import pytest

from stream.core.errors import UsageError
from stream.core.secret import Secret
from stream.delivery import taxii
from stream.delivery.taxii import TaxiiError
from testlib.sharing import sharing
from testlib.taxii import PASSWORD, USER, taxii_server

pytestmark = pytest.mark.integration

OBJECTS = [{"type": "indicator", "id": f"indicator--{number}"} for number in range(20)]
BUNDLE = json.dumps({"type": "bundle", "objects": OBJECTS}).encode()
OURS = sharing(taxii_user=USER, taxii_password=Secret(PASSWORD))


def test_what_is_sent_comes_back_page_by_page() -> None:
    with taxii_server() as server:
        taxii.send(server.url, BUNDLE, OURS)
        pages = [json.loads(page)["objects"] for page in taxii.received(server.url, OURS)]
    assert len(pages) > 1
    assert [one for page in pages for one in page] == OBJECTS


def test_a_wrong_password_is_one_line_that_does_not_show_it() -> None:
    with taxii_server() as server:
        for settings in (sharing(), sharing(taxii_user=USER, taxii_password=Secret("wrong one"))):
            with pytest.raises(TaxiiError, match="401") as caught:
                taxii.send(server.url, BUNDLE, settings)
            assert "\n" not in str(caught.value)
            assert "wrong one" not in str(caught.value)


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"no JSON",
        b"[]",
        b'{"objects": 3, "more": true}',
        b"[" * 200_000,
        b'{"objects": [{}], "more": true}',  # for ever
        b'{"objects": [], "more": true}',
        b" " * 2_000_000,
    ],
)
def test_whatever_a_server_answers_ends_in_one_line_or_in_nothing(answer, monkeypatch) -> None:
    monkeypatch.setattr(taxii, "MOST_BYTES", 1_000_000)
    monkeypatch.setattr(taxii, "MOST_PAGES", 5)
    ended: list[object] = []
    with taxii_server() as server:
        server.answer = answer
        try:
            ended = [json.loads(page)["objects"] for page in taxii.received(server.url, OURS)]
        except TaxiiError as error:
            ended = [str(error)]
    (one,) = ended
    assert one in ([], 3) or (isinstance(one, str) and len(one) < 500 and "\n" not in one)


@pytest.mark.parametrize("part", ["header", "body"])
def test_a_server_that_sends_a_byte_now_and_then_ends_in_one_line(part, monkeypatch) -> None:
    monkeypatch.setattr(taxii, "_ANSWER_S", 1.0)
    with taxii_server() as server:
        server.drips = part
        with pytest.raises(TaxiiError, match="no whole answer within 1 s"):
            [*taxii.received(server.url, OURS)]


def test_a_server_has_bounded_time_for_all_pages(monkeypatch) -> None:
    monkeypatch.setattr(taxii, "_ALL_S", 0.0)
    with taxii_server() as server:
        taxii.send(server.url, BUNDLE, OURS)
        with pytest.raises(TaxiiError, match="not all pages within 0 s"):
            [*taxii.received(server.url, OURS)]


def test_nothing_goes_to_a_server_without_encryption_but_on_loopback() -> None:
    for url in ("http://taxii.example.org/c/", "file:///etc/passwd", "x"):
        with pytest.raises(UsageError, match="expected an https address"):
            taxii.send(url, BUNDLE, OURS)


def test_an_address_that_is_none_is_one_line() -> None:
    with pytest.raises(UsageError, match="--taxii: Invalid IPv6 URL"):
        [*taxii.received("https://[", OURS)]


def test_a_server_that_is_not_there_is_one_line() -> None:
    with taxii_server() as server:
        url = server.url
    with pytest.raises(TaxiiError, match=r": unreachable"):
        [*taxii.received(url, OURS)]
