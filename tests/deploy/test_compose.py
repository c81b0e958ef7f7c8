"""compose.yaml names what exists, is hardened, and is what its tools accept, as are its files."""

import base64
import json
import re
import subprocess

import pytest
import yaml

from stream.delivery.alertmanager_replicas import read_urls
from stream.settings import load
from testlib.deployment.compose import BROKER, COMPOSE, OURS, SERVICES, VOLUMES
from testlib.deployment.rules import ALERTS, RECORDED
from testlib.paths import DEPLOY, ROOT

every_service = pytest.mark.parametrize("name", SERVICES)


def run(*command, cwd=ROOT):
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=cwd, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


# -- compose ----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", sorted(OURS))
def test_the_product_accepts_its_settings(name):
    environment = SERVICES[name]["environment"]
    settings = load(None, {key: str(value or "") for key, value in environment.items()})
    assert settings.kafka.bootstrap_servers == "kafka:9092"


@every_service
def test_services_may_do_little(name):
    service = SERVICES[name]
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service.get("read_only") is True or name == "kafka"  # it writes its configuration
    assert all(port.startswith("127.0.0.1:") for port in service.get("ports", []))


@pytest.mark.parametrize("name", ["worker", "enforcer"])
def test_what_grows_with_traffic_has_a_memory_limit(name):
    assert "mem_limit" in SERVICES[name]


@every_service
def test_images_are_pinned(name):
    image = SERVICES[name]["image"]
    assert name in OURS or re.search(r":v?\d+\.\d+\.\d+$", image), image


@every_service
def test_what_is_mounted_exists(name):
    for volume in SERVICES[name].get("volumes", []):
        source, target, *mode = volume.split(":")
        if source.startswith("."):
            assert (DEPLOY / source).exists(), source
            assert mode == ["ro"], source
            assert target.startswith("/etc/")
        else:
            assert source in VOLUMES


@every_service
def test_each_waits_for_what_it_needs(name):
    for needed, how in SERVICES[name].get("depends_on", {}).items():
        if how["condition"] == "service_healthy":
            assert needed in OURS or "healthcheck" in SERVICES[needed]


def test_the_addresses_that_are_told_are_published():
    told = re.findall(r"http://localhost:(\d+)", COMPOSE.read_text().partition("name: ")[0])
    published = {
        port.split(":")[1] for service in SERVICES.values() for port in service.get("ports", [])
    }
    assert set(told) == published - {"9094"}
    assert len(told) == 5


def test_the_broker_is_where_its_clients_look():
    advertised = dict(part.split("://") for part in BROKER["advertised.listeners"].split(","))
    published = {f"localhost:{port.split(':')[1]}" for port in SERVICES["kafka"]["ports"]}
    assert advertised == {"PLAINTEXT": "kafka:9092", "OUTSIDE": published.pop()}
    listening = dict(part.split("://:") for part in BROKER["listeners"].split(","))
    assert {name: f"{address.split(':')[1]}" for name, address in advertised.items()} == {
        name: port for name, port in listening.items() if name != "CONTROLLER"
    }
    assert BROKER["controller.quorum.voters"] == f"1@kafka:{listening['CONTROLLER']}"
    volumes = [volume.split(":")[1] for volume in SERVICES["kafka"]["volumes"]]
    assert volumes == [BROKER["log.dirs"]]
    assert (
        len(base64.urlsafe_b64decode(SERVICES["kafka"]["environment"]["CLUSTER_ID"] + "==")) == 16
    )


def test_prometheus_scrapes_workers_and_enforcers_where_they_listen():
    config = yaml.safe_load((DEPLOY / "prometheus" / "prometheus.yml").read_text())
    found = [one for job in config["scrape_configs"] for one in job["dns_sd_configs"]]
    assert [one["names"] for one in found] == [["worker"], ["enforcer"]]
    assert {one["port"] for one in found} == {load(None, {}).http.port}


def test_an_enforcer_listens_where_it_is_published():
    environment = SERVICES["enforcer"]["environment"]
    settings = load(None, {key: str(value or "") for key, value in environment.items()}).enforcer
    assert settings.host == "0.0.0.0"  # noqa: S104 - in its container
    assert SERVICES["enforcer"]["ports"] == [f"127.0.0.1:{settings.port}:{settings.port}"]


def test_the_worker_tells_the_alertmanager_where_it_is():
    environment = SERVICES["worker"]["environment"]
    settings = load(
        None, {key: str(value or "") for key, value in environment.items()}
    ).alertmanager
    (url,) = read_urls(settings)
    assert f"127.0.0.1:{url.port}:{url.port}" in SERVICES[url.host]["ports"]


def test_the_provisioned_sources_are_services():
    (path,) = (ROOT / "grafana" / "provisioning" / "datasources").iterdir()
    for source in yaml.safe_load(path.read_text())["datasources"]:
        [(host, port)] = re.findall(r"^http://(\w+):(\d+)$", source["url"])
        assert f"127.0.0.1:{port}:{port}" in SERVICES[host]["ports"]


@pytest.mark.deploy
def test_compose_accepts_the_file(tool):
    made = yaml.safe_load(run(tool("compose-spec"), COMPOSE.name, cwd=DEPLOY))
    assert made["services"].keys() == SERVICES.keys()


@pytest.mark.deploy
def test_compose_refuses_what_is_none(tool, tmp_path):
    path = tmp_path / "compose.yaml"
    path.write_text(COMPOSE.read_text().replace("read_only: true", "readonly: true"))
    done = subprocess.run([tool("compose-spec"), path], capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert "readonly" in done.stderr


# -- Prometheus and Alertmanager -------------------------------------------------------------


@pytest.mark.deploy
def test_prometheus_accepts_the_file(tool):
    said = run(tool("promtool"), "check", "config", str(DEPLOY / "prometheus" / "prometheus.yml"))
    assert f"{len(RECORDED)} rules found" in said
    assert f"{len(ALERTS)} rules found" in said


@pytest.mark.deploy
def test_alertmanager_accepts_the_file(tool):
    run(tool("amtool"), "check-config", str(DEPLOY / "alertmanager" / "alertmanager.yml"))


@pytest.mark.deploy
@pytest.mark.parametrize(
    ("alert", "severity", "receiver"),
    [
        ("DistillwatchCampaign", "info", "abuse-team"),
        ("DistillwatchAccount", "critical", "abuse-team"),
        ("DistillwatchDown", "critical", "on-call"),
        ("DistillwatchLateRows", "warning", "tickets"),
    ],
)
def test_alerts_go_to_those_who_can_act(tool, alert, severity, receiver):
    assert alert in ALERTS
    config = f"--config.file={DEPLOY / 'alertmanager' / 'alertmanager.yml'}"
    labels = [f"alertname={alert}", f"severity={severity}", "job=distillwatch"]
    found = run(tool("amtool"), "config", "routes", "test", config, *labels)
    assert found.strip() == receiver


def test_inhibitions_name_alerts():
    config = yaml.safe_load((DEPLOY / "alertmanager" / "alertmanager.yml").read_text())
    assert set(re.findall(r"Distillwatch\w+", json.dumps(config))) <= ALERTS.keys()
