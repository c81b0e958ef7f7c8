"""A standing account whose new part extracts is found; those that change otherwise are not.

Played as rows of features over a population of services (the vectors themselves are tested in
``tests/unit/windows/test_content_means.py``).
"""

from __future__ import annotations

import pytest

from testlib.traffic.crowds import OPEN, SERVICE, Stage, opened

STANDING = SERVICE | {"requests_day": 3000, "output_day": 1.2e5, "active_hours": 22}
#: Of the same amount a part now is something else, with long answers, and has been for hours.
TURNED = STANDING | {
    "output_day": 1e6, "output_hour": 5e4, "output_per_request": 330, "output_ratio": 0.3,
    "content_shift": 40, "new_content_ratio": 2.5, "new_content_hours": 8,
}  # fmt: skip
UNKNOWN = float("nan")
#: Each differs from it in what makes it benign.
TWINS: dict[str, dict[str, float]] = {
    "launches a product like others": {"new_content_ratio": 0.2},
    "launches a small one": {"output_day": 1.5e5, "output_hour": 6e3, "output_per_request": 50},
    "prompts drift": {"new_content_ratio": 0.12},
    "ran a batch for two hours": {"new_content_hours": 2},
    "ran a batch at night": {"output_hour": 5e3},
    "takes a model with longer answers": {"content_shift": 1.2, "new_content_ratio": UNKNOWN},
    "stands in for another provider": {"requests_day": 9000, "content_shift": 600,
                                       "new_content_ratio": 0.3, "new_content_hours": 4},
}  # fmt: skip


@pytest.fixture(scope="module")
def stored():
    """A population of three days, with an account in good standing."""
    stage = Stage()
    assert stage.play(72, {"account": STANDING}) == []
    return stage.saved()


@pytest.fixture
def stage(stored):
    return Stage.restored(stored)


def test_an_account_whose_new_part_extracts_is_found_and_explained(stage):
    found = [v for v in stage.play(4, {"account": TURNED}) if v.score >= OPEN]
    assert {v.account_id for v in found} == {"account"}
    evidence = {e.feature: e for e in found[0].evidence}
    assert {"content_shift", "new_content_ratio", "output_day"} <= evidence.keys()
    assert evidence["content_shift"].baseline < 3
    assert evidence["new_content_ratio"].value == 2.5
    assert sum(e.contribution for e in found[0].evidence) == pytest.approx(1)


@pytest.mark.parametrize("name", sorted(TWINS))
def test_accounts_that_change_otherwise_stay_silent(stage, name):
    assert opened(stage.play(24, {"account": TURNED | TWINS[name]})) == set()


def test_an_account_that_was_always_so_has_not_turned():
    always = TURNED | {"content_shift": 1.2, "new_content_ratio": UNKNOWN}
    assert opened(Stage().play(96, {"account": always})) == set()
