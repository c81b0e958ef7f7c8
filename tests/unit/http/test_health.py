from __future__ import annotations

from stream.http.health import Health


def test_silence_is_no_stall() -> None:
    health = Health(stalled_after_s=60)
    assert health.live(1e9) == (True, "ok")
    health.waiting(0, 5)
    health.waiting(10, 0)
    assert health.live(1e9) == (True, "ok")


def test_waiting_records_without_progress_are_a_stall() -> None:
    health = Health(stalled_after_s=60)
    health.progress(0)
    health.waiting(1000, 5)  # after a long silence the time begins with the first record
    health.waiting(1030, 6)
    assert health.live(1060)[0]
    assert health.live(1061) == (False, "records are waiting and none was processed for 61 s")


def test_progress_restarts_the_time() -> None:
    health = Health(stalled_after_s=60)
    health.waiting(0, 5)
    health.progress(50)
    health.waiting(51, 5)
    assert health.live(110)[0]
    assert not health.live(111)[0]


def test_ready_needs_state_and_records() -> None:
    health = Health(stalled_after_s=60)
    assert health.ready() == (False, "recovering state")
    health.recovered = True
    assert health.ready() == (False, "not consuming")
    health.consuming = True
    assert health.ready() == (True, "ok")


def test_a_failure_is_for_good() -> None:
    health = Health(stalled_after_s=60)
    health.recovered = health.consuming = True
    health.fail("most records are invalid")
    assert health.live(0) == (False, "most records are invalid")
    assert health.ready() == (False, "most records are invalid")
