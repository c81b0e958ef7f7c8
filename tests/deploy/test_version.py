"""Everything that names a version names this one: what a release has to change together."""

import re

import pytest
import yaml

from stream import __version__
from stream.alerting.incident import Incident
from stream.alerting.rendering import alert_of
from stream.alerting.settings import AlertingSettings
from testlib.deployment.chart import CHART
from testlib.deployment.dashboards import DASHBOARDS
from testlib.deployment.rules import ALERTS
from testlib.paths import DEPLOY, ROOT

RUNBOOK = f"https://distillwatch.invalid/v{__version__}/runbook"
INCIDENT = Incident(
    alert_id="inc_0", kind="account", subject="a", started=0.0, detected=60.0, last=60.0
)
#: What people get to read, in which a link to a branch would lead to another version.
READ = sorted(
    path
    for folder in (
        ROOT,
        ROOT / "docs",
        DEPLOY,
        DEPLOY / "gateways",
        DEPLOY / "prometheus" / "rules",
    )
    for path in folder.iterdir()
    if path.suffix in {".md", ".yaml", ".toml", ".json"}
)


def test_the_chart_is_of_this_version():
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text())
    assert (chart["version"], chart["appVersion"]) == (__version__, __version__)


def test_the_changelog_begins_with_this_version_and_its_day():
    first = re.search(r"^## (.*)$", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert first is not None
    assert re.fullmatch(rf"{re.escape(__version__)} \(2\d{{3}}-\d\d-\d\d\)", first[1])


def test_images_in_the_guide_have_the_tag_of_this_version():
    tags = re.findall(r"/distillwatch:(\d[\w.]*)", (DEPLOY / "README.md").read_text())
    assert tags
    assert set(tags) == {__version__}


def test_rules_and_dashboards_lead_to_the_runbook_of_this_version():
    urls = {rule["annotations"]["runbook_url"].partition("#")[0] for rule in ALERTS.values()}
    assert urls == {RUNBOOK}
    linked = set(re.findall(r"https://distillwatch\.invalid[^#']*", repr(DASHBOARDS)))
    assert linked == {RUNBOOK}
    named = re.findall(
        r"https://distillwatch\.invalid/v\d[^`]*", (DEPLOY / "README.md").read_text()
    )
    assert named == [RUNBOOK]


@pytest.mark.parametrize(
    ("setting", "address"),
    [
        (AlertingSettings().runbook_url, RUNBOOK),
        ("https://example.org/v{version}/r.md", f"https://example.org/v{__version__}/r.md"),
        ("https://wiki.example.org/runbook", "https://wiki.example.org/runbook"),
    ],
)  # fmt: skip
def test_an_alert_leads_to_the_runbook_of_the_worker_that_wrote_it(setting, address):
    assert alert_of(INCIDENT, setting).runbook_url == f"{address}#{INCIDENT.kind}"


@pytest.mark.parametrize("path", READ, ids=lambda path: path.name)
def test_no_link_leads_to_a_branch(path):
    assert re.findall(r"\S+/(?:blob|tree|raw)/(?:main|master)/\S*", path.read_text()) == []
