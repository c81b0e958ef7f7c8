"""Features over the real windows: units, unknowns, scales, and benign twins side by side."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.accounts.features.functions import no_ramp
from stream.accounts.features.table import COLUMN, FEATURES, compute, scaled, schema_hash
from stream.accounts.windows.account_windows import AccountWindows, WindowRows
from stream.core.events import EVENT_COLUMNS
from stream.core.networks import BROWSER, HOSTING, country_code
from stream.store.account_table import AccountTable

START = 1_772_409_600.0
HOUR = 3600.0


def features_of(times, **values):
    """Play one account's requests in steps of an hour; return its features by name."""
    table = AccountTable(AccountWindows.FIELDS, max_accounts=16)
    windows = AccountWindows(table)
    times = np.asarray(times, float)
    end = START
    slots: Any = np.zeros(0, np.int64)
    for hour in np.unique(times // HOUR):
        rows = times // HOUR == hour
        columns = {name: np.zeros(rows.sum(), dtype) for name, dtype in EVENT_COLUMNS.items()}
        for name in ("created_at", "temperature"):
            columns[name][:] = np.nan
        columns["time"][:] = times[rows]
        for name, value in values.items():
            columns[name][:] = np.broadcast_to(value, times.shape)[rows]
        end = (hour + 1) * HOUR
        slots = windows.update(WindowRows(end, HOUR, ["a"], np.array([0]), columns))
    row = compute(windows, slots, end)[0]
    return {name: float(row[i]) for name, i in COLUMN.items()}


def spread(count, hours, start=START):
    return start + np.arange(count) * hours * HOUR / count


def unique(count, seed=1):
    return np.random.default_rng(seed).integers(1, 2**64, count, dtype=np.uint64)


def test_sums_and_ratios_are_in_their_units():
    got = features_of(spread(240, 24), input_tokens=100, output_tokens=250, status=429)
    # At the edge of a pane the newest of the twelve panes is still empty.
    assert got["requests_day"] == 220
    assert got["output_day"] == 55_000
    assert got["output_per_request"] == 250
    assert got["output_ratio"] == pytest.approx(2.5)
    assert got["active_hours"] == 24
    assert got["error_share"] == 1


def test_what_a_gateway_never_tells_is_unknown():
    got = features_of(spread(100, 5))
    for name in ("output_ratio", "volume_for_age", "age", "templated_breadth", "template_share",
                 "addresses", "many_clients", "temperature", "max_tokens", "networks",
                 "countries", "countries_hour", "exit_rotation"):  # fmt: skip
        assert np.isnan(got[name]), name


def test_a_few_requests_say_nothing_about_shares():
    got = features_of(spread(5, 1), input_tokens=10, output_tokens=10)
    assert np.isnan(got["output_ratio"])
    assert np.isnan(got["logprobs_share"])


def test_a_new_account_at_full_volume_differs_from_an_old_one_with_the_same_traffic():
    times = spread(2000, 24)
    new = features_of(times, created_at=START - HOUR)
    old = features_of(times, created_at=START - 400 * 24 * HOUR)
    assert new["volume_for_age"] > 100 * old["volume_for_age"]


def test_a_nightly_batch_rests_and_an_extractor_does_not():
    assert features_of(spread(4000, 3))["active_hours"] == 3
    assert features_of(spread(4000, 24))["active_hours"] == 24
    assert features_of(spread(4000, 3))["around_the_clock"] == 3
    broken = np.concatenate([spread(400, 8), spread(400, 5, start=START + 9 * HOUR)])
    assert features_of(broken)["around_the_clock"] == 5


@pytest.mark.parametrize(
    ("day", "hour", "known_h", "pace"),
    [(400, 100, 4, 2400), (400, 10, 4, 480), (50, 50, 0.25, 1200), (400, 100, 48, 400)],
)
def test_who_keeps_up_its_pace_has_it_extrapolated_to_a_day(day, hour, known_h, pace):
    seen: Any = SimpleNamespace(
        day={"requests": np.array([day])},
        hour={"requests": np.array([hour])},
        known_s=np.array([known_h * HOUR]),
    )
    assert no_ramp(seen)[0] == pytest.approx(pace)


def test_an_evaluation_repeats_its_items_and_a_self_instruct_run_does_not():
    times = spread(2000, 24)
    replayed = np.tile(unique(100), 20)
    items = features_of(times, prompt=replayed, template=np.uint64(7))
    seeds = features_of(times, prompt=unique(2000), template=np.uint64(7))
    assert seeds["templated_breadth"] == pytest.approx(2000, rel=0.15)
    assert seeds["templated_breadth"] > 5 * items["templated_breadth"]


def test_runners_with_one_client_spread_less_than_one_account_behind_many_of_both():
    times = spread(500, 24)
    addresses = np.tile(unique(50), 10)
    runners = features_of(times, address=addresses, user_agent=np.uint64(3))
    resold = features_of(times, address=addresses, user_agent=np.tile(unique(20, 2), 25))
    assert resold["many_clients"] > 5 * runners["many_clients"]


def test_exits_rotate_only_where_nearly_every_request_has_another_network():
    times = spread(120, 24)
    dealt = features_of(times, network=unique(120))
    assert dealt["exit_rotation"] > 80
    twins = {
        "phone behind an operator": np.repeat(unique(4), 30),
        "traveller": np.repeat(unique(12), 10),
        "company with several exits": np.tile(unique(5), 24),
        "customers of a VPN": np.tile(unique(8), 15),
        "build runners in a cloud": np.resize(unique(25), 120),
    }
    for name, networks in twins.items():
        assert (
            dealt["exit_rotation"] > 10 * features_of(times, network=networks)["exit_rotation"]
        ), name
    runners = features_of(spread(4000, 24), network=np.resize(unique(60), 4000))
    assert runners["networks"] == pytest.approx(60, rel=0.3)
    assert dealt["exit_rotation"] > 3 * runners["exit_rotation"]


def test_impossible_travel_is_several_countries_within_an_hour():
    times = spread(240, 24)
    codes = np.array([country_code(c) for c in ("US", "DE", "IN", "BR", "JP", "NG", "VN", "PL")])
    dealt = features_of(times, country=np.resize(codes, 240))
    assert dealt["countries_hour"] == pytest.approx(8, abs=1)
    assert dealt["countries"] == pytest.approx(8, abs=1)
    journey = features_of(times, country=np.repeat(codes[:3], 80))
    assert journey["countries_hour"] == pytest.approx(1, abs=0.1)
    assert journey["countries"] == pytest.approx(3, abs=0.2)
    roaming = features_of(times, country=np.resize(codes[:2], 240))
    assert FEATURES[COLUMN["countries_hour"]].scaled(roaming["countries_hour"]) < 0.01
    assert FEATURES[COLUMN["countries_hour"]].scaled(dealt["countries_hour"]) > 0.3


def test_browsers_in_data_centres_are_a_share_of_the_requests():
    times = spread(240, 24)
    flags = np.resize(np.array([HOSTING | BROWSER, HOSTING, BROWSER & 0, 0], np.uint8), 240)
    assert features_of(times, hosting=flags)["hosted_browser"] == pytest.approx(0.25, abs=0.01)
    assert features_of(times)["hosted_browser"] == 0


@given(st.sampled_from(FEATURES), st.floats(0, 1))
def test_scales_are_invertible_and_bounded(feature, position):
    value = feature.unscaled(np.array([position]))
    assert feature.scaled(value)[0] == pytest.approx(position, abs=1e-9)
    absurd = feature.scaled(np.array([-1e300, 1e300, np.nan]))
    assert absurd[0] == 0
    assert absurd[1] == 1
    assert np.isnan(absurd[2])


def test_the_table_is_complete_and_its_hash_stable():
    assert len(COLUMN) == len(FEATURES)
    assert all(feature.meaning and feature.low < feature.high for feature in FEATURES)
    assert scaled(np.full((2, len(FEATURES)), np.nan)).shape == (2, len(FEATURES))


def test_the_scale_of_all_features_is_that_of_each():
    rng = np.random.default_rng(1)
    matrix = 10.0 ** rng.uniform(-4, 12, (50, len(FEATURES)))
    matrix[rng.random(matrix.shape) < 0.2] = np.nan
    for i, feature in enumerate(FEATURES):
        assert scaled(matrix)[:, i].tobytes() == feature.scaled(matrix[:, i]).tobytes()
    assert schema_hash() == schema_hash()
