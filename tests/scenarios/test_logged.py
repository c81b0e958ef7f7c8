"""Stories in a mode have the links and fields of that mode, and no others."""

from __future__ import annotations

from dataclasses import replace
from itertools import islice

import msgspec
import numpy as np
import pytest
from quality.modes import MODES, NOT_LOGGED, TEXT

from stream.core.links import LinkKind
from stream.tools.simulate.population import PlantedCampaigns
from stream.tools.simulate.scenario import scenario
from testlib.traffic.link_traffic import HOUR_S, START_S, Account, fixed, links
from testlib.traffic.logged import in_mode, lines

SAID = {LinkKind.SYSTEM_PROMPT, LinkKind.TEMPLATE, LinkKind.PHRASE}
ALWAYS = {LinkKind.ADDRESS, LinkKind.NETWORK}
ACCOUNT = Account(
    name="a", per_day=1e5, says=fixed("system", "template"), created_at=START_S - HOUR_S,
    payment="card", addresses=("home", "office", "phone"),
    networks=("provider", "company", "operator"), asks=lambda _: ("phrase",),
)  # fmt: skip


@pytest.mark.parametrize(
    ("mode", "kinds", "aged"),
    [
        ("full", SAID | ALWAYS | {LinkKind.PAYMENT, LinkKind.CLIENT}, True),
        ("gateway-directory", SAID | ALWAYS | {LinkKind.PAYMENT}, True),
        ("gateway", SAID | ALWAYS, False),
        ("gateway-no-text", ALWAYS, False),
    ],
)
def test_a_story_has_the_links_of_its_mode(mode: str, kinds: set[LinkKind], *, aged: bool) -> None:
    batch = links(in_mode([replace(ACCOUNT)], mode), np.random.default_rng(1), START_S)
    assert set(batch.columns["kind"].tolist()) == kinds
    assert np.isfinite(batch.columns["created_at"]).all() == aged


def test_simulated_events_have_the_fields_of_their_mode() -> None:
    planted = PlantedCampaigns(shape="router", accounts=5)
    conversing = replace(scenario("router"), planted=planted)
    seen = {
        mode: {
            name for line in islice(lines(conversing, mode), 3000)
            for name in msgspec.json.decode(line)
        }
        for mode in MODES
    }  # fmt: skip
    assert seen["full"] >= NOT_LOGGED | TEXT
    assert seen["gateway"] == seen["full"] - NOT_LOGGED
    assert seen["gateway-no-text"] == seen["gateway"] - TEXT
    assert seen["gateway-directory"] == seen["gateway"]  # the product fills the rest
