"""Wrappers of shippers: named where nothing is set, taken off where the settings say so."""

from __future__ import annotations

import json

import pytest

from stream.core.errors import SettingsError
from stream.intake.codec.envelope import USUAL
from stream.metrics import Metrics
from stream.settings import load
from testlib.traffic.gateway_samples import counts, decode, known, of

PAYLOAD = of("litellm")[0]
[EVENT] = decode(json.dumps(PAYLOAD).encode()).events

WRAPPED = {
    "payload": {"schema": {"type": "struct", "fields": []}, "payload": PAYLOAD},
    "message": {"@timestamp": "2025-10-09T08:53:21Z", "message": json.dumps(PAYLOAD)},
    "log": {"log": json.dumps(PAYLOAD) + "\n", "stream": "stdout", "time": "2025-10-09T08:53:21Z"},
    "event": {"time": 1.76e9, "sourcetype": "_json", "event": PAYLOAD},
    "data": {"specversion": "1.0", "type": "log", "source": "s", "data": PAYLOAD},
    "jsonPayload": {"logName": "projects/p/logs/l", "jsonPayload": PAYLOAD},
    "_source": {"_index": "logs-1", "_id": "x", "_source": PAYLOAD},
    "detail": {"version": "0", "detail-type": "call", "detail": PAYLOAD},
    "Message": {"Type": "Notification", "Message": json.dumps(PAYLOAD)},
    "body": {"messageId": "x", "body": json.dumps(PAYLOAD)},
    "value": {"key": None, "value": PAYLOAD},
    "standard_logging_object": {"litellm_call_id": "c", "standard_logging_object": PAYLOAD},
}


@pytest.mark.parametrize("key", WRAPPED)
def test_it_is_named_with_the_setting_that_takes_it_off(key):
    decoded = decode(json.dumps(WRAPPED[key]).encode())
    assert decoded.events == []
    [reject] = decoded.rejects
    assert reject.reason == "unknown_format"
    assert USUAL[key] in reject.detail
    assert f'intake.unwrap = ["{key}"]' in reject.detail


@pytest.mark.parametrize("format_", ["auto", "litellm"])
@pytest.mark.parametrize("key", WRAPPED)
def test_it_is_taken_off_where_the_settings_say_so(key, format_):
    value = json.dumps(WRAPPED[key]).encode()
    metrics = Metrics()
    for record, count in ((value, 1), (b"[%s,%s]" % (value, value), 2), (value + b"\n" + value, 2)):
        decoded = decode(record, unwrap=["nothing", key], format=format_, metrics=metrics)
        assert decoded.rejects == []
        assert [known(event) for event in decoded.events] == [known(EVENT)] * count
    assert counts(metrics) == {("litellm", "accepted"): 5}


def test_wrappers_in_wrappers_and_deeper_ones():
    within = {"payload": {"message": json.dumps(PAYLOAD)}}
    found = decode(json.dumps(within).encode(), unwrap=["payload", "message"])
    assert found.events == [EVENT]
    deep = {"record": {"data": {"a.b": json.dumps(PAYLOAD)}}}
    assert decode(json.dumps(deep).encode(), unwrap=["/record/data/a.b"]).events == [EVENT]
    several = {"message": json.dumps([PAYLOAD, PAYLOAD])}
    assert decode(json.dumps(several).encode(), unwrap=["message"]).events == [EVENT, EVENT]


def test_what_has_no_wrapper_is_read_as_it_is():
    values = [json.dumps(PAYLOAD).encode(), json.dumps(WRAPPED["payload"]).encode(), b"{", b"[]"]
    decoded = decode(*values, unwrap=["payload"])
    assert decoded.events == [EVENT, EVENT]
    [reject] = decoded.rejects
    assert reject.record.value == b"{"


def test_a_dead_letter_has_the_record_as_it_came():
    value = json.dumps({"payload": PAYLOAD | {"startTime": "yesterday"}}).encode()
    [reject] = decode(value, unwrap=["payload"]).rejects
    assert reject.record.value == value


@pytest.mark.parametrize("inner", ["no JSON", 5, None, True, "[1", "", {"x": 1}, [PAYLOAD, 5]])
def test_what_is_in_a_wrapper_may_be_anything(inner):
    decoded = decode(json.dumps({"message": inner}).encode(), unwrap=["message"])
    assert len(decoded.rejects) == 1


@pytest.mark.parametrize("key", ["message", "payload", "log", "data"])
def test_without_the_setting_no_client_writes_events_into_its_texts(key):
    claim = {"timestamp": 1.76e9, "account_id": "victim", "model": "m"}
    other = {"level": "info", key: json.dumps(claim)}
    assert decode(json.dumps(other).encode()).events == []
    with_key = PAYLOAD | {"response": {key: claim}, "model_parameters": {key: json.dumps(claim)}}
    [event] = decode(json.dumps(with_key).encode()).events
    assert event.account_id == EVENT.account_id


def test_the_setting_may_come_from_the_environment():
    found = load(None, {"DISTILLWATCH_INTAKE_UNWRAP": '["payload", "/a.b"]'})
    assert found.intake.unwrap == ("payload", "/a.b")
    with pytest.raises(SettingsError, match="unwrap"):
        load(None, {"DISTILLWATCH_INTAKE_UNWRAP": '["a..b"]'})
