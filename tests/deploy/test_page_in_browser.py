"""The page in a real browser, served by a real worker: looks, keyboard, verdicts, hostile ids."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import APIResponse, Route, expect

from testlib.browser import TOKEN, Site, Visits, accessible, served

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = [pytest.mark.deploy, pytest.mark.integration, pytest.mark.timeout(300)]

HOSTILE = [
    "<img src=x onerror=window.hit=1>",
    "</script><script>window.hit=1</script>",
    "javascript:window.hit=1",
    "\u202eevil",
    "x" * 256,
]


def name(number: int) -> str:
    return f"inc_{number:020x}"


def state(number: int, minute: int, **changes: Any) -> tuple[str, bytes]:
    """Return key and value of a campaign that has grown for some minutes."""
    size = min(8 + 4 * minute, 40)
    value: dict[str, Any] = {
        "alert_id": name(number),
        "kind": "campaign",
        "status": "firing",
        "severity": "critical",
        "score": 0.99,
        "campaign_id": f"cmp_{number}",
        "account_ids": [f"acct_{i:03}" for i in range(size)],
        "started_at": "2026-03-02T10:00:00Z",
        "detected_at": "2026-03-02T10:07:00Z",
        "updated_at": f"2026-03-02T11:{minute:02}:00Z",
        "summary": f"{size} coordinated accounts share a system prompt",
        "evidence": [
            {"feature": feature, "value": 0.5 + minute / 20, "unit": unit, "baseline": 0.1,
             "population": None, "contribution": share, "meaning": meaning}
            for feature, unit, share, meaning in (
                ("young_accounts", "share", 0.6, "most accounts were young when they joined"),
                ("prompt_cooccurrence", "accounts", 0.4, "a member shares rare values with others"),
            )
        ],
        "links": [
            {"link": "system_prompt", "value": "0" * 16, "accounts": size,
             "members": [*range(size)]},
            *({"link": "payment", "value": f"{i:016x}", "accounts": 8,
               "members": [*range(8 * i, min(8 * i + 8, size))]} for i in range(size // 8)),
        ],
        "observed": {"requests": 9 * minute, "input_tokens": 900, "output_tokens": 9000 * minute},
        "techniques": ["AML.T0024.002"],
        "runbook_url": "https://example.org/runbook#campaign",
        "model_version": "campaigns-9",
    }  # fmt: skip
    return name(number), json.dumps(value | changes).encode()


def account(
    number: int, minute: int, account_id: str, severity: str = "info", **changes: Any
) -> tuple[str, bytes]:
    """Return key and value of an account's incident."""
    evidence = {
        "feature": "output_day", "value": 2e6 + 1e5 * minute, "unit": "tokens/day",
        "baseline": 90_000.0, "population": 12_000.0, "contribution": 1.0,
        "meaning": "many tokens received in the last day",
    }  # fmt: skip
    return state(
        number, minute, kind="account", severity=severity, account_id=account_id, account_ids=None,
        campaign_id=None, links=[], evidence=[evidence], **changes,
    )  # fmt: skip


ALERTS = [
    *(state(1, minute) for minute in range(9)),
    *(account(2, minute, "acct_lone") for minute in range(3)),
    state(3, 1, account_ids=HOSTILE, summary=HOSTILE[0], severity="warning",
          links=[{"link": "payment", "value": "0" * 16, "accounts": 5, "members": [*range(5)]}]),
    account(4, 1, HOSTILE[0], severity="warning"),
    state(5, 2, status="resolved"),
]  # fmt: skip


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with served(tmp_path_factory.mktemp("page"), *ALERTS) as made:
        yield made


@pytest.mark.parametrize(
    ("scheme", "width", "height"),
    [("light", 1280, 900), ("dark", 1280, 900), ("light", 390, 844), ("dark", 320, 640)],
)
def test_it_can_be_read_everywhere(
    visits: Visits, tmp_path: Path, scheme: str, width: int, height: int
) -> None:
    page = visits.open(color_scheme=scheme, viewport={"width": width, "height": height})
    expect(page.locator("#open .row")).to_have_count(4)
    accessible(page)
    for number in (1, 2, 3):
        page.goto(f"{visits.site.url}#{name(number)}")
        expect(page.locator("#incident .id")).to_have_text(name(number))
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        accessible(page)
        picture = page.screenshot(path=tmp_path / f"{number}.png", full_page=True)
        assert len(picture) > 20_000
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_label("Token")).to_be_focused()
    accessible(page)
    assert "acct_" not in page.content()


def test_an_incident_is_shown_in_words_charts_and_a_graph(visits: Visits) -> None:
    page = visits.open()
    expect(page.locator("#incident-title")).to_have_text("Campaign of 40 accounts")
    expect(page.locator(".reason").first).to_contain_text("60 % of the score")
    expect(page.locator(".reason svg").first).to_have_attribute(
        "aria-label", "young accounts from 2 Mar 10:00 to 2 Mar 11:08: members 90 %, elsewhere 10 %"
    )
    expect(page.locator("svg.graph .member")).to_have_count(40)
    expect(page.locator("svg.graph .value")).to_have_count(6)
    page.goto(f"{visits.site.url}#{name(2)}")
    legend = page.locator(".reason .legend li")
    expect(legend).to_have_text(
        ["now 2.2M tokens/day", "own past 90K tokens/day", "others, median 12K tokens/day"]
    )
    expect(page.locator("section.graph")).to_be_hidden()


def test_hostile_ids_are_text(visits: Visits) -> None:
    page = visits.open(f"#token={TOKEN}")
    for number in (3, 4):
        page.goto(f"{visits.site.url}#{name(number)}")
        expect(page.locator("#incident .id")).to_have_text(name(number))
    page.goto(f"{visits.site.url}#{name(3)}")
    page.get_by_text("5 accounts by id").click()
    assert page.locator(".ids li").all_text_contents() == HOSTILE
    assert page.locator("svg.graph title").filter(has_text=HOSTILE[1]).count() == 1
    assert page.evaluate("window.hit") is None
    assert page.locator("img, script:not([src='app.js'])").count() == 0


def test_a_verdict_goes_by_keyboard_to_kafka_and_back(visits: Visits) -> None:
    page = visits.open(viewport={"width": 390, "height": 844})
    expect(page.locator("#open .row").first).to_be_visible()

    def press_until(selector: str, key: str = "Tab", most: int = 40) -> None:
        for _ in range(most):
            if page.evaluate("s => document.activeElement.matches(s)", selector):
                return
            page.keyboard.press(key)
        pytest.fail(f"{selector} is not reached")

    press_until(f'a[href="#{name(1)}"]')
    page.keyboard.press("Enter")
    expect(page.locator("#incident-title")).to_be_focused()
    press_until("[data-verdict=benign]")
    page.keyboard.press("Enter")
    expect(page.locator("#author")).to_be_focused()  # the verdict has no author yet
    page.keyboard.type("Ada")
    press_until("#note")
    page.keyboard.type("a test of ours")
    press_until("[data-verdict=benign]", "Shift+Tab")
    page.keyboard.press("Space")
    expect(page.locator(".message")).to_contain_text("benign by Ada")
    (verdict,) = visits.site.verdicts(name(1), 1)
    assert verdict["time"] == pytest.approx(time.time(), abs=60)
    del verdict["time"]
    assert verdict == {
        "alert_id": name(1), "verdict": "benign", "author": "Ada", "note": "a test of ours",
    }  # fmt: skip

    other = visits.open(f"#token={TOKEN}")  # another person sees it without reloading
    expect(other.locator(f'a[href="#{name(1)}"] .row-verdict')).to_have_text("benign, by Ada")
    press_until("[data-verdict=withdrawn]")
    page.keyboard.press("Enter")
    expect(page.locator("[data-verdict=withdrawn]")).to_be_hidden()
    assert [one["verdict"] for one in visits.site.verdicts(name(1), 2)] == ["benign", "withdrawn"]
    expect(other.locator(f'a[href="#{name(1)}"] .row-verdict')).to_have_count(0)


def test_a_verdict_that_is_not_saved_shows_an_error(visits: Visits) -> None:
    page = visits.open()
    page.get_by_label("Your name").fill("Ada")
    page.route("**/api/verdicts", lambda route: route.abort())
    page.get_by_role("button", name="True positive").click()
    expect(page.locator(".message")).to_contain_text("Verdict not saved")
    expect(page.get_by_role("button", name="True positive")).to_have_attribute(
        "aria-pressed", "false"
    )
    visits.problems.clear()  # the browser reports the request that we broke off


def test_news_comes_by_itself_and_what_is_typed_stays(visits: Visits) -> None:
    page = visits.open(f"#token={TOKEN}")
    page.goto(f"{visits.site.url}#{name(2)}")
    page.get_by_label("Note").fill("half a thought")
    visits.site.send(account(2, 30, "acct_lone", severity="warning"), account(6, 0, "acct_new"))
    expect(page.locator(f'a[href="#{name(6)}"]')).to_be_visible()
    expect(page.locator("#incident .kicker")).to_contain_text("warning")
    expect(page.get_by_label("Note")).to_have_value("half a thought")
    visits.site.send(account(6, 1, "acct_new", status="resolved"))
    expect(page.locator(f'#resolved a[href="#{name(6)}"]')).to_be_visible()
    visits.site.send(account(2, 31, "acct_lone"))


def test_an_incident_that_is_chosen_before_the_list_has_come_costs_no_list(visits: Visits) -> None:
    page = visits.open()
    first: list[APIResponse] = []

    def answer(route: Route) -> None:
        """Answer as a worker of which nothing changes."""
        if "if-none-match" in route.request.headers:
            route.fulfill(status=304)
        else:
            first[:] = first or [route.fetch()]
            route.fulfill(response=first[0])

    page.route("**/api/overview", answer)
    page.add_init_script(
        "const original = fetch; fetch = async (...what) => {"
        " await new Promise((go) => setTimeout(go, 1000)); return original(...what); }"
    )
    page.reload()
    page.evaluate(f"location.hash = '#{name(3)}'")
    expect(page.locator("#incident .id")).to_have_text(name(3))
    expect(page.locator("#open .row").first).to_be_visible()


def test_the_token_opens_is_kept_in_the_tab_and_out_of_the_address(visits: Visits) -> None:
    page = visits.open()
    expect(page.locator("#state")).to_have_text("live")
    assert page.url == visits.site.url
    page.reload()
    expect(page.locator("#open .row").first).to_be_visible()
    assert page.context.cookies() == []
    stranger = page.context.new_page()
    stranger.goto(visits.site.url)
    expect(stranger.get_by_label("Token")).to_be_focused()
    stranger.keyboard.type("not-the-right-token")
    stranger.keyboard.press("Enter")
    expect(stranger.get_by_role("alert")).to_contain_text("does not accept this token")
    stranger.keyboard.type(TOKEN)
    stranger.keyboard.press("Enter")
    expect(stranger.locator("#open .row").first).to_be_visible()


def test_an_unknown_incident_shows_a_message(visits: Visits) -> None:
    page = visits.open(viewport={"width": 390, "height": 844})
    page.goto(f"{visits.site.url}#{name(99)}")
    expect(page.locator("#incident")).to_contain_text(f"has no incident {name(99)}")
    page.get_by_role("link", name="All incidents").click()
    expect(page.locator("#open .row").first).to_be_visible()
    # The browser reports the 404 of each time that the page looked for it.
    assert all("404 (Not Found)" in problem for problem in visits.problems)
    visits.problems.clear()
