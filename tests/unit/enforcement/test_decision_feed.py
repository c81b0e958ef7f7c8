"""A new table of decisions delays no answer."""

from __future__ import annotations

import asyncio
import threading
from types import SimpleNamespace

import pytest

from stream.core.secret import Secret
from stream.decisions.in_force import InForce
from stream.decisions.settings import DecisionSettings
from stream.enforcement import decision_feed
from stream.enforcement.decision_feed import DecisionFeed
from stream.http.enforcer.metrics import EnforcerMetrics
from testlib.decisions import KEY
from testlib.until import until_async


@pytest.fixture
def feed():
    settings = DecisionSettings(key=Secret(KEY))
    return DecisionFeed(settings, topic="t", connection={}, exact=False, metrics=EnforcerMetrics())


async def test_answers_are_given_while_a_table_is_made(feed, monkeypatch):
    made = InForce({}, frozenset(), 0.0)
    began, answered = threading.Event(), threading.Event()

    def slowly(*_):
        began.set()
        assert answered.wait(10)
        return made

    monkeypatch.setattr(decision_feed, "InForce", SimpleNamespace(of=slowly))
    before = feed.in_force
    renewal = asyncio.create_task(feed._take_in(changed=True))
    await until_async(began.is_set)
    assert feed.in_force is before
    answered.set()
    await renewal
    assert feed.in_force is made
