import argparse

import pytest
from quality import held_out, record
from quality.__main__ import _plan
from quality.plan import DAY_S, first, quick

SIZES = pytest.mark.parametrize("sized", [first(), quick()], ids=["first", "quick"])


def options(**changes):
    given = {"set_": held_out.NAME, "quick": False, "only": None} | changes
    return argparse.Namespace(**given)


@SIZES
def test_a_draw_is_that_of_its_seed_and_of_no_other(sized):
    assert held_out.drawn(1, sized) == held_out.drawn(1, sized)
    assert held_out.drawn(1, sized) != held_out.drawn(2, sized)
    assert held_out.drawn(1, sized).rng("crowd").random() != sized.rng("crowd").random()


@SIZES
@pytest.mark.parametrize("seed", range(20))
def test_a_draw_keeps_the_shapes(seed, sized):
    plan = held_out.drawn(seed, sized)
    assert [c.id for c in plan.campaigns] == [c.id for c in sized.campaigns]
    for drawn, known in zip(plan.campaigns, sized.campaigns, strict=True):
        assert (drawn.recall, drawn.leaked) == (known.recall, known.leaked)
        assert 0.5 * known.per_day < drawn.per_day < 1.5 * known.per_day
        assert (drawn.accounts == 1) == (known.accounts == 1)
        assert drawn.accounts >= min(known.least, known.accounts)
    begins, banned, back = plan.second_d
    assert 0.3 * sized.begins_d < begins < banned < back < plan.days
    assert plan.begins_d < plan.bans_d[0] < plan.bans_d[1] < plan.days
    assert plan.begins_d < plan.half_d < plan.days
    assert 0.8 * sized.begins_d < plan.begins_d < plan.release_d < plan.days - 0.5
    assert plan.crowd.accounts > 0.75 * sized.crowd.accounts


def test_each_size_has_a_set_of_its_own():
    assert held_out.drawn(1, first()).name == "held-out"
    assert held_out.drawn(1, quick()).name == "held-out-quick"


def test_the_set_is_used_once_and_whole(tmp_path, monkeypatch):
    monkeypatch.setattr(record, "HERE", tmp_path)
    cache = tmp_path / "cache"
    drawn = _plan(options(cache=cache))
    assert drawn != held_out.drawn(7, first())
    assert _plan(options(cache=cache)) == drawn  # an interrupted run goes on
    assert _plan(options(cache=tmp_path / "another")) != drawn
    with pytest.raises(SystemExit, match="whole"):
        _plan(options(only=["pool"], cache=cache))
    (tmp_path / "held-out").mkdir()
    with pytest.raises(SystemExit, match="used once"):
        _plan(options(cache=cache))
    assert _plan(options(quick=True, cache=cache)).days == quick().days


def test_permanent_plans_do_not_depend_on_the_day_of_the_run():
    assert first() == first()
    assert first().start_s % DAY_S == 0
    assert {quick().name, first().name} == {"quick", "first"}
