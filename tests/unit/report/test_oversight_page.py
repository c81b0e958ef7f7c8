"""The page of an oversight report: one bounded file without outside assets, scripts or accounts."""

from __future__ import annotations

import re

import msgspec

from stream.tools.report.oversight_page import oversight_page
from testlib.oversight import DAMAGED, RECORDS, campaign, of_alert, reported


def test_the_page_has_the_figures_and_both_plots() -> None:
    page = oversight_page(reported([*RECORDS, *DAMAGED]))
    for text in ("8,700", "12.5%", "50.0% to 62.5%", "AML.T0024.002", "suspend 1", "2.0 s"):
        assert text in page, text
    assert page.count('role="img"') == 4
    assert "known members of campaigns" in page
    assert "1,200 output tokens (29.9%)" in page
    assert "campaign" in page
    assert "The topics do not hold the whole period" not in page


def test_it_names_no_account_and_needs_nothing_else() -> None:
    page = oversight_page(reported([*RECORDS, *DAMAGED]))
    assert "acc-" not in page
    assert "<script" not in page
    assert re.findall(r"(?:src|href|url)\s*[=(]", page) == []


def test_a_report_of_nothing_is_a_page() -> None:
    page = oversight_page(reported([]))
    assert "The topics do not hold the whole period" in page
    assert 'role="img"' not in page


def test_text_of_others_is_escaped() -> None:
    hostile = msgspec.structs.replace(reported(RECORDS), limits=["<script>"], models={"<b>": 1})
    page = oversight_page(hostile)
    assert "<script>" not in page
    assert "<b>" not in page


def test_the_table_is_bounded() -> None:
    many = reported([of_alert(campaign(10, 100, n), 10) for n in range(250)])
    page = oversight_page(many)
    assert "and 50 more campaigns" in page
    assert page.count("<code>cmp_") == 3 * 200
