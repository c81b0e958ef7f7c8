"""Decisions in a real browser: a proposal is approved, is in force, and is undone."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import msgspec
import pytest
from playwright.sync_api import expect

from stream.core.effects import EffectReport
from stream.core.findings import Observed
from stream.core.secret import Secret
from stream.decisions.signature import EFFECTS, HEADER, Signer
from testlib.browser import TOKEN, Site, Visits, accessible, served
from testlib.decisions import KEY, account_alert, campaign_alert

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Locator, Page

    from stream.core.alerts import Alert

pytestmark = [pytest.mark.deploy, pytest.mark.integration, pytest.mark.timeout(300)]

HOSTILE = "</script><script>window.hit=1</script>\u202eevil"


#: A million tokens a request, ten million a second.
OBSERVED = Observed(requests=10, output_tokens=10**7, output_tokens_last_hour=36 * 10**9)


def name(number: int) -> str:
    return f"inc_{number:020x}"


def alert(number: int, made: Alert) -> tuple[str, bytes]:
    """Return key and value of an alert under an id of its own."""
    given = msgspec.structs.replace(made, alert_id=name(number))
    return given.alert_id, msgspec.json.encode(given)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    alerts = (
        alert(1, campaign_alert(certain=30, observed=OBSERVED)),
        alert(2, account_alert(account_id=HOSTILE, summary=f"{HOSTILE} extracts")),
        alert(3, account_alert(account_id="acc-undecided")),
    )
    folder = tmp_path_factory.mktemp("page")
    with served(folder, *alerts, decisions_key=KEY, decisions_mode="propose") as made:
        yield made


def card(page: Page, place: str, text: str) -> Locator:
    return page.locator(f"{place} .decision").filter(has_text=text)


def decisions(visits: Visits, author: str = "ana") -> Page:
    """Open the view of decisions as a person."""
    page = visits.open()
    page.get_by_role("link", name="Decisions").click()
    expect(page.locator("#mode")).to_contain_text("carry out what a person approves")
    page.get_by_label("Decided by").fill(author)
    return page


def report(site: Site, decision_id: str) -> None:
    """Report as an enforcer that has refused seven requests."""
    made = EffectReport(
        decision_id=decision_id, enforcer="edge", run="0" * 16, gateway="1",
        held_at=time.time(), refused_requests=7, first_refused_at=time.time(),
    )  # fmt: skip
    signer = Signer(Secret(KEY), EFFECTS)
    site.send(
        (made.key, msgspec.json.encode(made)),
        topic="EFFECTS",
        headers=lambda key, value: [(HEADER, signer.sign(key, value))],
    )


def test_two_people_suspend_a_campaign_and_one_undoes_it(visits: Visits) -> None:
    page = decisions(visits)
    one = card(page, "#waiting", "campaign cmp_1")
    expect(one.locator("h4")).to_have_text("Suspend: 30 accounts of campaign cmp_1")
    expect(one).to_contain_text("needs 2 people")
    one.locator("details summary").click()
    expect(one.locator(".ids li")).to_have_count(20)
    expect(one).to_contain_text("and 10 more")
    one.get_by_label("Reason").fill("resells our answers")
    one.get_by_role("button", name="Approve").click()
    expect(one).to_contain_text("ana approved, needs a second person")
    expect(page.locator("#waiting > .done")).to_contain_text("It waits for another person")
    one.get_by_role("button", name="Approve").click()
    expect(one.locator(".message")).to_contain_text("ana has approved it already")
    visits.problems.clear()  # the browser reports the 409

    other = decisions(visits, "bo")
    card(other, "#waiting", "campaign cmp_1").get_by_role("button", name="Approve").click()
    expect(card(other, "#in-force", "campaign cmp_1")).to_contain_text("by ana, bo")
    there = card(page, "#in-force", "campaign cmp_1")  # without reloading
    expect(there).to_contain_text("In force until")
    report(visits.site, there.locator(".id").inner_text())
    expect(there).to_contain_text("7 refused")
    expect(there).to_contain_text("about 7M output tokens not taken (estimate)")
    expect(there).to_contain_text("held by 1 enforcer")
    expect(there).to_contain_text("in force, carried out")
    there.get_by_role("button", name="Undo").click()
    expect(there.locator(".message")).to_contain_text("Enter a reason")
    expect(there.get_by_label("Reason")).to_be_focused()
    page.keyboard.type("a university class")
    there.get_by_role("button", name="Undo").click()
    past = card(page, "#history", "campaign cmp_1")
    expect(past).to_contain_text("a university class")
    expect(past.get_by_role("button")).to_have_count(0)
    page.get_by_role("button", name="Refused").click()
    expect(page.locator("#history .decision")).to_have_count(0)
    page.get_by_role("button", name="Undone").click()
    expect(past).to_have_count(1)


def test_an_incident_has_its_proposal_and_hostile_ids_are_text(visits: Visits) -> None:
    page = visits.open(f"#{name(2)}")  # as an alert's message links to it
    page.get_by_label("Token").fill(TOKEN)
    page.get_by_role("button", name="Open").click()
    one = card(page, "#incident", "Throttle")
    expect(one.locator("h4 bdi")).to_have_text(HOSTILE)
    page.get_by_label("Your name").fill("ana")
    one.get_by_role("button", name="Refuse").click()
    expect(one.locator(".message")).to_contain_text("Enter a reason")
    one.get_by_label("Reason").fill(HOSTILE)
    one.get_by_role("button", name="Refuse").click()
    expect(page.locator("#incident .decision .kicker")).to_contain_text("refused")
    expect(one.locator(".note bdi")).to_have_text(HOSTILE)
    assert page.evaluate("window.hit") is None
    assert page.locator("img, script:not([src='app.js'])").count() == 0
    page.get_by_role("button", name="Sign out").click()
    assert "acc-" not in page.content()
    assert "evil" not in page.content()


def test_what_is_typed_stays_while_news_comes(visits: Visits) -> None:
    page = decisions(visits)
    one = card(page, "#waiting", "acc-undecided")
    one.get_by_label("Reason").fill("half a thought")
    visits.site.send(alert(4, account_alert(account_id="acc-new")))
    expect(card(page, "#waiting", "acc-new")).to_be_visible()
    expect(one.get_by_label("Reason")).to_have_value("half a thought")
    expect(one.get_by_label("Reason")).to_be_focused()


def test_a_request_that_fails_once_costs_nothing_but_time(visits: Visits) -> None:
    page = visits.open("")
    page.route("**/api/decisions", lambda route: route.fulfill(status=503), times=1)
    page.goto(f"{visits.site.url}#decisions")
    page.get_by_label("Token").fill(TOKEN)
    page.get_by_role("button", name="Open").click()
    expect(card(page, "#waiting", "acc-undecided")).to_be_visible()
    visits.problems.clear()  # the browser reports the 503


@pytest.mark.parametrize(
    ("scheme", "width"), [("light", 1280), ("dark", 1280), ("light", 390), ("dark", 320)]
)
def test_it_can_be_read_everywhere(visits: Visits, scheme: str, width: int) -> None:
    page = visits.open(color_scheme=scheme, viewport={"width": width, "height": 900})
    page.goto(f"{visits.site.url}#decisions")
    expect(card(page, "#waiting", "acc-undecided")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    accessible(page)
    page.goto(f"{visits.site.url}#{name(3)}")
    expect(card(page, "#incident", "acc-undecided")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    accessible(page)
