from stream.worker.clock import WallClock


class Clocks:
    def __init__(self) -> None:
        self.wall = 1000.0
        self.monotonic = 5.0
        self.clock = WallClock(lambda: self.wall, lambda: self.monotonic)

    def after(self, skipped_s: float, jump_s: float = 0.0) -> float:
        self.monotonic += skipped_s
        self.wall += skipped_s + jump_s
        return self.clock.now()


def test_it_goes_with_the_wall_clock() -> None:
    assert Clocks().after(10.0) == 1010.0


def test_it_goes_on_when_the_wall_clock_is_set_back() -> None:
    clocks = Clocks()
    assert clocks.after(10.0, jump_s=-3600.0) == 1010.0
    assert clocks.after(10.0) == 1020.0


def test_it_follows_forwards_and_forgets_a_jump_that_is_taken_back() -> None:
    clocks = Clocks()
    assert clocks.after(10.0, jump_s=3600.0) == 4610.0
    assert clocks.after(10.0, jump_s=-3600.0) == 1020.0
