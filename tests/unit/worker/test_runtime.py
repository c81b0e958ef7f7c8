"""The runtime with stages and a sender that the test drives."""

import asyncio
import threading
from types import SimpleNamespace

import pytest

from stream.metrics import Metrics
from stream.sinks.health import Health
from stream.types.records import Record
from stream.worker.carrier import TP, Carrier
from stream.worker.runtime import Runtime

ONE = TP("events", 0)


class Scene:
    """A runtime that owns one lane; ``feed`` is what the lane does."""

    def __init__(self, feed) -> None:
        self.sent: list[object] = []
        owned = SimpleNamespace(
            stage="accounts", lane=SimpleNamespace(feed=feed), fenced=False, snapshot=lambda: None
        )
        lanes = _Lanes({ONE: owned})
        sender = SimpleNamespace(send=self._send, flush=self._flush)
        self.runtime = Runtime(lanes, sender, Metrics(), Health(stalled_after_s=60))
        self.runtime.positions.set({ONE: 0})
        self.runtime.resume()

    async def _send(self, emissions: list[object]) -> None:
        self.sent += emissions

    async def _flush(self) -> None:
        """Have everything acknowledged."""

    async def take(self, *offsets: int) -> None:
        records = [Record(offset, None, b"value") for offset in offsets]
        await self.runtime.take(Carrier(ONE, offsets[0], records, self.runtime.epoch))


class _Lanes(dict):
    def reads(self, tp: TP) -> bool:
        return tp in self

    def __iter__(self):
        return iter(list(self.items()))


async def test_a_step_that_takes_long_holds_nobody_up() -> None:
    answered = threading.Event()

    def feed(offset: int, value: bytes) -> list[int]:
        del value
        assert answered.wait(10), "the loop stood still during the step"
        return [offset]

    async def answer() -> None:
        answered.set()

    scene = Scene(feed)
    await asyncio.gather(scene.take(0), answer())
    assert scene.sent == [0]


async def test_a_flush_waits_for_the_carrier_at_hand() -> None:
    begun, done = threading.Event(), threading.Event()

    def feed(offset: int, value: bytes) -> list[int]:
        del value
        begun.set()
        assert done.wait(10)
        return [offset]

    scene = Scene(feed)
    taking = asyncio.create_task(scene.take(0, 1))
    await asyncio.to_thread(begun.wait, 10)
    flushing = asyncio.create_task(scene.runtime.flush())
    await asyncio.sleep(0.05)
    assert not flushing.done()
    done.set()
    await taking
    assert await flushing == {ONE: 2}


async def test_after_an_error_nothing_is_flushed() -> None:
    def feed(offset: int, value: bytes) -> list[int]:
        del offset, value
        raise ValueError("told to")

    scene = Scene(feed)
    with pytest.raises(ValueError, match="told to"):
        await scene.take(0)
    assert await scene.runtime.flush() == {}
    assert scene.runtime.failed.is_set()
