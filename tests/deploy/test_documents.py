"""What the documents for operators name exists: settings, series, topics, alerts, links."""

import re

import pytest

from stream.cli.describe import describe
from stream.metrics import catalogue
from stream.settings import Settings
from testlib.deployment.promql import problems
from testlib.deployment.rules import ALERTS, RECORDED
from testlib.deployment.runbook import DOCUMENTS, broken_links

pytestmark = pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
SETTINGS = {setting.name for setting in describe()}
SECTIONS = {name.partition(".")[0] for name in SETTINGS}


def test_settings_exist(path):
    named = set(re.findall(r"`([a-z]+\.[a-z_]+)", path.read_text()))
    named = {name for name in named if name.partition(".")[0] in SECTIONS}
    assert named
    assert named <= SETTINGS


def test_queries_use_declared_metrics_and_labels(path):
    queries = re.findall(r"```promql\n(.*?)```", path.read_text(), re.DOTALL)
    assert [line for query in queries for line in problems(query, RECORDED)] == []


def test_metrics_exist(path):
    named = set(re.findall(r"`(distillwatch_\w+)`", path.read_text()))
    assert named
    assert named <= {metric.name for metric in catalogue()}


def test_alerts_exist(path):
    assert set(re.findall(r"\bDistillwatch\w+", path.read_text())) <= ALERTS.keys()


def test_topics_and_group_have_their_default_names(path):
    settings, text = Settings(), path.read_text()
    topics = {settings.topics.alerts, settings.topics.deadletter, settings.topics.requests}
    assert set(re.findall(r"(?:-t|--topic) (\S+)", text)) <= topics
    assert set(re.findall(r"--group (\S+)", text)) == {settings.kafka.app_id}


def test_links_lead_somewhere(path):
    assert broken_links(path) == []
