"""A day's requests are measured once a minute, and a failure leaves what is known."""

from __future__ import annotations

from aiokafka.errors import KafkaConnectionError

from stream.enforcement import daily_traffic
from stream.enforcement.daily_traffic import DailyTraffic
from testlib.decisions import NOW_S


async def test_it_is_measured_once_a_minute_and_kept_over_a_failure(monkeypatch):
    found = [1000, 2000, KafkaConnectionError("no broker answers"), 0]

    async def measured(*given):
        assert given[:2] == ({"client_id": "x"}, "gateway.requests")
        one = found.pop(0)
        if isinstance(one, Exception):
            raise one
        return one

    monkeypatch.setattr(daily_traffic, "records_a_day", measured)
    traffic = DailyTraffic({"client_id": "x"}, "gateway.requests")
    assert traffic.requests is None
    expected = {0: 1000, 59: 1000, 61: 2000, 122: 2000, 183: None}
    for after_s, requests in expected.items():
        await traffic.renew(NOW_S + after_s)
        assert traffic.requests == requests
    assert found == []
