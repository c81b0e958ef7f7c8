import argparse
from dataclasses import fields

import pytest
from quality import held_out, record
from quality.__main__ import _plan
from quality.plan import CAMPAIGNS, DAY_S, first, quick


def options(**changes):
    given = {"set_": held_out.NAME, "quick": False, "only": None} | changes
    return argparse.Namespace(**given)


def test_a_draw_is_that_of_its_seed_and_of_no_other():
    assert held_out.drawn(1) == held_out.drawn(1)
    assert held_out.drawn(1) != held_out.drawn(2)
    assert held_out.drawn(1).rng("crowd").random() != first().rng("crowd").random()


@pytest.mark.parametrize("seed", range(20))
def test_a_draw_keeps_the_shapes(seed):
    plan = held_out.drawn(seed)
    assert [c.id for c in plan.campaigns] == [c.id for c in CAMPAIGNS]
    for drawn, known in zip(plan.campaigns, CAMPAIGNS, strict=True):
        assert (drawn.recall, drawn.leaked) == (known.recall, known.leaked)
        assert 0.5 * known.per_day < drawn.per_day < 1.5 * known.per_day
        assert (drawn.accounts == 1) == (known.accounts == 1)
    begins, banned, back = plan.second_d
    assert 1 < begins < banned < back < plan.days
    assert plan.begins_d < plan.half_d < plan.days
    assert 2.5 < plan.begins_d < plan.release_d < plan.days - 1
    counts = [getattr(plan.crowd, f.name) for f in fields(plan.crowd) if "events" not in f.name]
    assert sum(counts) > 1800


def test_the_set_is_used_once_and_whole(tmp_path, monkeypatch):
    monkeypatch.setattr(record, "HERE", tmp_path)
    cache = tmp_path / "cache"
    drawn = _plan(options(cache=cache))
    assert drawn != held_out.drawn(7)
    assert _plan(options(cache=cache)) == drawn  # an interrupted run goes on
    assert _plan(options(cache=tmp_path / "another")) != drawn
    with pytest.raises(SystemExit, match="whole"):
        _plan(options(quick=True, cache=cache))
    (tmp_path / "held-out").mkdir()
    with pytest.raises(SystemExit, match="used once"):
        _plan(options(cache=cache))


def test_permanent_plans_do_not_depend_on_the_day_of_the_run():
    assert first() == first()
    assert first().start_s % DAY_S == 0
    assert {quick().name, first().name} == {"quick", "first"}
