"""The guides to gateways name settings, pages and sections that exist."""

import re

import pytest

from stream.cli.describe import describe
from testlib.deployment.runbook import broken_links
from testlib.paths import DEPLOY

GUIDES = sorted((DEPLOY / "gateways").glob("*.md"))
SETTINGS = {setting.name for setting in describe()}
SECTIONS = {name.partition(".")[0] for name in SETTINGS}
VARIABLES = {setting.environment + suffix for setting in describe() for suffix in ("", "_FILE")}

pytestmark = pytest.mark.parametrize("path", GUIDES, ids=lambda path: path.stem)


def test_settings_exist(path):
    text = path.read_text()
    named = set(re.findall(rf"`((?:{'|'.join(SECTIONS)})\.[a-z_]+)(?: =[^`]*)?`", text))
    assert named <= SETTINGS
    assert set(re.findall(r"DISTILLWATCH_\w+", text)) <= VARIABLES


def test_links_lead_somewhere(path):
    assert broken_links(path) == []


def test_the_bridge_is_where_it_listens(path):
    told = set(re.findall(r"127\.0\.0\.1:80\d\d", path.read_text()))
    default = {setting.name: setting.default for setting in describe()}
    assert told <= {f"{default['bridge.host']}:{default['bridge.port']}"}
