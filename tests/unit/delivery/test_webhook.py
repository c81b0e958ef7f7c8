from __future__ import annotations

import asyncio
import base64
import logging
from email.utils import formatdate
from random import Random
from typing import TYPE_CHECKING

import msgspec
import pytest
from standardwebhooks import Webhook

from stream.core.alerts import Alert
from stream.core.secret import Secret
from stream.delivery.settings import WebhookSettings
from stream.delivery.time_source import Clock
from stream.delivery.webhook import WebhookSink
from testlib.metrics import value
from testlib.until import until_async

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from stream.metrics import Metrics
    from testlib.clock import DrivenTime
    from testlib.receivers import Answers, Receiver

OTHER = "whsec_" + base64.b64encode(b"b" * 24).decode()


@pytest.fixture
async def sink_for(
    metrics: Metrics, driven: DrivenTime, settings_for: Callable[..., WebhookSettings]
) -> AsyncIterator[Callable[..., WebhookSink]]:
    made: list[WebhookSink] = []

    def make(**changes: object) -> WebhookSink:
        sink = WebhookSink(
            settings_for(**changes), metrics=metrics, clock=driven.clock, random=Random(1)
        )
        made.append(sink)
        return sink

    yield make
    for sink in made:
        await sink.close()


def attempts(metrics: Metrics, result: str) -> float:
    return value(metrics, "sink_attempts_total", sink="webhook", result=result)


async def test_an_alert_arrives_signed_and_whole(
    receiver: Receiver, sink_for: Callable[..., WebhookSink], alert_of: Callable[..., Alert]
) -> None:
    assert await sink_for().prepare(alert_of())() == "delivered"
    (got,) = receiver.got  # the receiver has verified the signature
    assert got.headers["Content-Type"] == "application/json"
    assert got.headers["User-Agent"] == "distillwatch"
    assert got.body["type"] == "alert.firing"
    assert got.body["timestamp"] == "2026-01-02T03:10:00Z"
    assert msgspec.convert(got.body["data"], Alert) == alert_of()


async def test_every_secret_signs_while_rotating(
    receiver: Receiver, sink_for: Callable[..., WebhookSink], alert_of: Callable[..., Alert]
) -> None:
    sink = sink_for(secret=Secret(f"{OTHER} {receiver_secret()}"))
    assert await sink.prepare(alert_of())() == "delivered"
    (got,) = receiver.got
    assert len(got.signatures) == 2
    Webhook(OTHER).verify(got.raw, got.headers)


async def test_failures_are_tried_again_with_the_same_id(
    receiver: Receiver,
    sink_for: Callable[..., WebhookSink],
    alert_of: Callable[..., Alert],
    answers: Answers,
    metrics: Metrics,
    driven: DrivenTime,
) -> None:
    receiver.script.extend([answers.status(500), answers.slam, answers.status(502)])
    assert await sink_for().prepare(alert_of())() == "delivered"
    assert len({got.id for got in receiver.got}) == 1
    assert len(receiver.got) == 4
    assert attempts(metrics, "5xx") == 2
    assert attempts(metrics, "unreachable") == 1
    assert attempts(metrics, "2xx") == 1
    assert all(0 <= pause <= bound for pause, bound in zip(driven.slept, (5, 10, 20), strict=True))


async def test_a_receiver_that_hangs_is_left_and_tried_again(
    receiver: Receiver,
    sink_for: Callable[..., WebhookSink],
    alert_of: Callable[..., Alert],
    answers: Answers,
    metrics: Metrics,
) -> None:
    receiver.script.append(answers.hang)
    assert await sink_for(timeout_s=0.1).prepare(alert_of())() == "delivered"
    assert attempts(metrics, "timeout") == 1


async def test_a_receiver_that_does_not_listen_times_out(
    sink_for: Callable[..., WebhookSink],
    alert_of: Callable[..., Alert],
    driven: DrivenTime,
    unused_tcp_port: int,
) -> None:
    sink = sink_for(url=Secret(f"http://127.0.0.1:{unused_tcp_port}/"), retry_for_s=100)
    assert await sink.prepare(alert_of())() == "timed_out"
    assert 0 < driven.passed <= 100


@pytest.mark.parametrize("code", [429, 503])
async def test_retry_after_in_seconds_is_kept(
    code: int,
    receiver: Receiver,
    sink_for: Callable[..., WebhookSink],
    alert_of: Callable[..., Alert],
    answers: Answers,
    driven: DrivenTime,
) -> None:
    receiver.script.append(answers.status(code, Retry_After="77"))
    assert await sink_for().prepare(alert_of())() == "delivered"
    assert driven.passed == 77


async def test_retry_after_as_a_date_is_kept(
    receiver: Receiver,
    sink_for: Callable[..., WebhookSink],
    alert_of: Callable[..., Alert],
    answers: Answers,
    driven: DrivenTime,
) -> None:
    date = formatdate(driven.clock.wall() + 60, usegmt=True)
    receiver.script.append(answers.status(503, Retry_After=date))
    assert await sink_for().prepare(alert_of())() == "delivered"
    assert 58 < driven.passed <= 60


async def test_retry_after_is_bounded(
    receiver: Receiver,
    sink_for: Callable[..., WebhookSink],
    alert_of: Callable[..., Alert],
    answers: Answers,
    driven: DrivenTime,
) -> None:
    receiver.script.append(answers.status(429, Retry_After="999999999999"))
    assert await sink_for(longest_retry_s=30).prepare(alert_of())() == "delivered"
    assert driven.passed == 30


async def test_a_pause_holds_for_the_other_alerts_too(
    receiver: Receiver,
    sink_for: Callable[..., WebhookSink],
    alert_of: Callable[..., Alert],
    answers: Answers,
    driven: DrivenTime,
) -> None:
    receiver.script.append(answers.status(429, Retry_After="50"))
    sink = sink_for(concurrency=1)
    outcomes = await asyncio.gather(sink.prepare(alert_of("a"))(), sink.prepare(alert_of("b"))())
    assert outcomes == ["delivered", "delivered"]
    assert driven.passed >= 50
    assert len(receiver.got) == 3


async def test_gone_disables_the_sink_and_nothing_is_done_with(
    receiver: Receiver,
    sink_for: Callable[..., WebhookSink],
    alert_of: Callable[..., Alert],
    answers: Answers,
    metrics: Metrics,
) -> None:
    receiver.script.append(answers.status(410))
    sink = sink_for(concurrency=1)
    waiting = [asyncio.ensure_future(sink.prepare(alert_of(name))()) for name in "ab"]
    await until_async(lambda: value(metrics, "sink_disabled", sink="webhook") == 1)
    await asyncio.wait(waiting, timeout=0.3)
    assert not any(task.done() for task in waiting)  # so neither is committed
    assert len(receiver.got) == 1
    for task in waiting:
        task.cancel()

    # A restart is a new sink: it tries again.
    assert await sink_for().prepare(alert_of("a"))() == "delivered"
    assert value(metrics, "sink_disabled", sink="webhook") == 0


@pytest.mark.parametrize("code", [400, 409, 413, 415, 422])
async def test_what_the_receiver_cannot_take_is_given_up_early(
    code: int,
    receiver: Receiver,
    sink_for: Callable[..., WebhookSink],
    alert_of: Callable[..., Alert],
    answers: Answers,
) -> None:
    receiver.script.extend([answers.status(code)] * 9)
    assert await sink_for(refused_tries=2).prepare(alert_of())() == "rejected"
    assert len(receiver.got) == 2


@pytest.mark.parametrize("code", [300, 301, 302, 303, 307, 308])
async def test_a_redirect_is_never_followed_and_tried_again(
    code: int,
    receiver: Receiver,
    sink_for: Callable[..., WebhookSink],
    alert_of: Callable[..., Alert],
    answers: Answers,
    metrics: Metrics,
) -> None:
    elsewhere = receiver.url.replace("/hook", "/elsewhere")
    receiver.script.extend([answers.status(code, Location=elsewhere)] * 5)
    assert await sink_for(refused_tries=2).prepare(alert_of())() == "delivered"
    assert [got.path for got in receiver.got] == ["/hook"] * 6
    assert attempts(metrics, "3xx") == 5


@pytest.mark.parametrize("code", [401, 403, 404, 405, 418, 451])
async def test_a_wrong_secret_or_address_can_be_put_right_in_time(
    code: int,
    receiver: Receiver,
    sink_for: Callable[..., WebhookSink],
    alert_of: Callable[..., Alert],
    answers: Answers,
    metrics: Metrics,
) -> None:
    receiver.script.extend([answers.status(code)] * 5)
    assert await sink_for(refused_tries=2).prepare(alert_of())() == "delivered"
    assert attempts(metrics, "4xx") == 5


async def test_the_time_of_an_alert_runs_from_its_reading_and_not_from_its_turn(
    sink_for: Callable[..., WebhookSink],
    alert_of: Callable[..., Alert],
    driven: DrivenTime,
    unused_tcp_port: int,
) -> None:
    sink = sink_for(url=Secret(f"http://127.0.0.1:{unused_tcp_port}/"), retry_for_s=100)
    first, second = sink.prepare(alert_of()), sink.prepare(alert_of())
    assert await first() == "timed_out"
    passed = driven.passed
    driven.passed = 100.0
    assert await second() == "timed_out"  # after one try more, or a chain would block for days
    assert passed <= driven.passed == 100.0


async def test_the_first_success_after_an_outage_wakes_the_others(
    receiver: Receiver,
    settings_for: Callable[..., WebhookSettings],
    alert_of: Callable[..., Alert],
    answers: Answers,
    metrics: Metrics,
) -> None:
    pauses: list[float] = []

    async def sleep(seconds: float) -> None:
        """Let only the third of the pauses end."""
        pauses.append(seconds)
        if len(pauses) != 3:
            await asyncio.Event().wait()

    receiver.script.extend([answers.status(503)] * 3)
    sink = WebhookSink(settings_for(), metrics=metrics, clock=Clock(sleep=sleep))
    sent = [sink.prepare(alert_of(f"i{number}"))() for number in range(3)]
    assert await asyncio.wait_for(asyncio.gather(*sent), 5) == ["delivered"] * 3
    await sink.close()


async def test_a_success_amid_successes_wakes_no_other(
    receiver: Receiver,
    settings_for: Callable[..., WebhookSettings],
    alert_of: Callable[..., Alert],
    answers: Answers,
    metrics: Metrics,
) -> None:
    async def sleep(_: float) -> None:
        await asyncio.Event().wait()

    receiver.script.append(answers.status(500))
    sink = WebhookSink(settings_for(), metrics=metrics, clock=Clock(sleep=sleep))
    poisoned = asyncio.ensure_future(sink.prepare(alert_of("poisoned"))())
    await receiver.reached.wait()
    assert [await sink.prepare(alert_of(f"i{n}"))() for n in range(9)] == ["delivered"] * 9
    assert not poisoned.done()
    poisoned.cancel()
    await sink.close()


async def test_an_unknown_status_is_a_failure_like_any_other(
    receiver: Receiver,
    sink_for: Callable[..., WebhookSink],
    alert_of: Callable[..., Alert],
    answers: Answers,
    metrics: Metrics,
) -> None:
    receiver.script.append(answers.status(799))
    assert await sink_for().prepare(alert_of())() == "delivered"
    assert attempts(metrics, "other") == 1


@pytest.mark.parametrize("code", [408, 429, 500, 504])
async def test_an_overload_is_no_refusal(
    code: int,
    receiver: Receiver,
    sink_for: Callable[..., WebhookSink],
    alert_of: Callable[..., Alert],
    answers: Answers,
) -> None:
    receiver.script.extend([answers.status(code)] * 5)
    assert await sink_for(refused_tries=2).prepare(alert_of())() == "delivered"
    assert len(receiver.got) == 6


async def test_the_log_names_the_alert_but_neither_secret_nor_address(
    receiver: Receiver,
    sink_for: Callable[..., WebhookSink],
    alert_of: Callable[..., Alert],
    answers: Answers,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    receiver.script.extend([answers.status(500), answers.slam, answers.status(404)] * 3)
    sink = sink_for(url=Secret(f"{receiver.url}?token=hunter2"))
    await sink.prepare(alert_of("inc-9"))()
    ours = "\n".join(r.getMessage() for r in caplog.records if r.name.startswith("stream"))
    assert "inc-9" in ours
    assert "HTTP 404" in ours
    for hidden in ("hunter2", "/hook", "whsec_", "acc-1"):
        assert hidden not in ours


async def test_neither_settings_nor_sink_show_the_secret(
    sink_for: Callable[..., WebhookSink], settings_for: Callable[..., WebhookSettings]
) -> None:
    key = receiver_secret().removeprefix("whsec_")
    for shown in (repr(settings_for()), repr(sink_for()), str(WebhookSettings())):
        assert key not in shown


def receiver_secret() -> str:
    return "whsec_" + base64.b64encode(b"a" * 32).decode()
