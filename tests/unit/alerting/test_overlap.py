import pytest

from stream.alerting.overlap import SIZE, Sample, hashed


def names(first: int, last: int) -> list[str]:
    return [f"account-{i}" for i in range(first, last)]


@pytest.mark.parametrize("size", [4, 100, SIZE, 5_000])
def test_a_set_belongs_to_itself_and_not_to_another(size: int) -> None:
    sample = Sample.of(hashed(names(0, size)))
    assert len(sample.hashes) == min(size, SIZE)
    assert sample.share(hashed(names(0, size))) == 1
    assert sample.share(hashed(names(size, 2 * size))) == 0
    assert sample.share(hashed([])) == 0
    assert Sample().share(hashed(names(0, size))) == 0


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_the_share_is_estimated_from_a_sample(share: float) -> None:
    sample = Sample.of(hashed(names(0, 20_000)))
    start = int(20_000 * (1 - share))
    found = sample.share(hashed(names(start, start + 20_000)))
    assert found == pytest.approx(share, abs=0.1)
