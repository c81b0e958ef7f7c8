"""The Helm chart: what it renders is valid, accepted by the product, and made from one source."""

import itertools
import json
import math
import re
import subprocess
import tarfile

import kubernetes_validate
import msgspec
import pytest
import yaml

from stream import __version__
from stream.cli.describe import describe
from stream.http.enforcer.enforcer_process import EnforcerComponents
from stream.kafka.topics import wanted
from stream.settings import Settings, load
from testlib.deployment.chart import (
    CASES,
    CHART,
    KUBERNETES,
    SCHEMA,
    VALUES,
    environment,
    mounted_secrets,
    of_kind,
    only,
    pod,
)
from testlib.deployment.dashboards import DASHBOARDS
from testlib.deployment.rules import ALERTS, PROMETHEUS, RECORDED
from testlib.paths import GRAFANA, ROOT

#: Kinds of operators, whose schemas cannot be had here: what each must have.
OPERATORS = {
    "PodMonitor": ("selector", "podMetricsEndpoints"),
    "PrometheusRule": ("groups",),
    "ScaledObject": ("scaleTargetRef", "triggers"),
    "KafkaTopic": ("topicName", "partitions", "replicas"),
    "KafkaUser": ("authentication", "authorization"),
}
#: Components: workers have none.
PARTS = ("", "enforcer")
#: Sections whose secrets an enforcer is built from.
ENFORCER_USES = set(EnforcerComponents.__annotations__)
#: Where objects of a kind select pods.
SELECTORS = {
    "Deployment": ("selector", "matchLabels"),
    "PodDisruptionBudget": ("selector", "matchLabels"),
    "NetworkPolicy": ("podSelector", "matchLabels"),
    "PodMonitor": ("selector", "matchLabels"),
    "Service": ("selector",),
}
#: Every setting that is no secret, with its default; and values that YAML and Helm may spoil.
BY_NAME = {
    f"{section}.{name}": value
    for section, part in msgspec.to_builtins(Settings(), enc_hook=lambda _: None).items()
    for name, value in part.items()
    if value is not None
}
OTHER = {
    "kafka.bootstrap_servers": "kafka:9092",
    "kafka.transactions": False,
    "kafka.app_id": "123",
    "alerting.runbook_url": "https://wiki.example.org/a?b=\"c\"&d='e'#f",
    "intake.mapping": {
        "timestamp": {"path": "/t", "unit": "ms"},
        "account_id": "/u",
        "model": "/m",
    },
    "campaigns.high_prevalence_share": 0.000001,
}
every_case = pytest.mark.parametrize("case", CASES)


# -- one source -------------------------------------------------------------------------------


def test_its_settings_are_those_of_the_product_but_for_copies_and_accounts():
    given = {f"{s}.{name}": v for s, part in VALUES["settings"].items() for name, v in part.items()}
    own = {"kafka.bootstrap_servers": "", "topics.replication_factor": 3}
    default = BY_NAME | own | {"windows.max_accounts": 100_000}
    assert given == {name: default[name] for name in given}
    assert SCHEMA["properties"]["settings"]["properties"].keys() == set(Settings.__struct_fields__)


def test_secrets_are_taken_from_secrets_only():
    secrets = {setting.name for setting in describe() if setting.default == "(not set)"}
    sections = SCHEMA["properties"]["settings"]["properties"]
    refused = {
        f"{section}.{name}"
        for section, part in sections.items()
        for name, allowed in part["properties"].items()
        if allowed is False
    }
    assert SCHEMA["properties"]["secretSettings"]["properties"].keys() == refused == secrets


def test_rules_and_dashboards_are_links_to_their_source():
    linked = {path.resolve() for path in (CHART / "files").rglob("*") if path.is_symlink()}
    rules = set((PROMETHEUS / "rules").iterdir())
    assert linked == rules | {GRAFANA / f"{name}.json" for name in DASHBOARDS}


def undescribed(properties, prefix=""):
    """Yield the values of a part of the schema that nothing is said about."""
    for name, part in properties.items():
        if part and "$ref" not in part:
            if not part.get("description"):
                yield prefix + name
            yield from undescribed(part.get("properties", {}), f"{prefix}{name}.")


def missing(part, values, prefix=""):
    """Yield the given values that a part of the schema does not name."""
    for name, value in values.items() if "properties" in part else ():
        if name not in part["properties"]:
            yield prefix + name
        elif isinstance(value, dict):
            yield from missing(part["properties"][name], value, f"{prefix}{name}.")


def test_every_value_is_in_the_schema_and_explained():
    assert list(undescribed(SCHEMA["properties"])) == []
    assert list(missing(SCHEMA, VALUES)) == []
    assert set(SCHEMA["properties"]) - set(VALUES) == {"global"}


# -- rendering --------------------------------------------------------------------------------


@pytest.mark.deploy
@every_case
def test_helm_accepts_the_chart(helm, case):
    helm("lint", "--strict", CHART, "-f", CASES[case])


@pytest.mark.deploy
@every_case
@pytest.mark.parametrize("version", KUBERNETES)
def test_kubernetes_accepts_the_objects(render, case, version):
    for document in render(case, version=version):
        kind = document["kind"]
        if kind in OPERATORS:
            assert set(OPERATORS[kind]) <= document["spec"].keys()
        else:
            kubernetes_validate.validate(document, version, strict=True)


@pytest.mark.deploy
@every_case
def test_names_are_unique_and_selectors_meet(render, case):
    documents = render(case)
    names = [(document["kind"], document["metadata"]["name"]) for document in documents]
    assert len(set(names)) == len(names)
    labels = {
        part: deployment["spec"]["template"]["metadata"]["labels"]
        for part in PARTS
        for deployment in of_kind(documents, "Deployment", part)
    }
    for part, kind in itertools.product(labels, SELECTORS):
        for document in of_kind(documents, kind, part):
            selector = document["spec"]
            for step in SELECTORS[kind]:
                selector = selector[step]
            assert selector
            chosen = {name for name, has in labels.items() if selector.items() <= has.items()}
            assert chosen == {part}


@pytest.mark.deploy
@every_case
def test_spreading_counts_the_pods_that_it_spreads(render, case):
    documents = render(case)
    for spec in (one["spec"] for part in PARTS for one in of_kind(documents, "Deployment", part)):
        constraints = spec["template"]["spec"]["topologySpreadConstraints"]
        assert [one["labelSelector"] for one in constraints] == [spec["selector"]]


@pytest.mark.deploy
@every_case
def test_pods_keep_the_restricted_standard(render, case):
    """kubernetes.io/docs/concepts/security/pod-security-standards, and no token of the API."""
    documents = render(case)
    deployments = [one for part in PARTS for one in of_kind(documents, "Deployment", part)]
    pods = [one["spec"]["template"]["spec"] for one in deployments]
    pods.append(only(documents, "Pod")["spec"])
    for one in pods:
        assert one["automountServiceAccountToken"] is False
        assert one["enableServiceLinks"] is False
        assert one["securityContext"]["runAsNonRoot"] is True
        assert one["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert not {"hostNetwork", "hostPID", "hostIPC"} & one.keys()
        for volume in one.get("volumes", []):
            assert volume.keys() & {"configMap", "secret", "projected"}
        for container in [*one["containers"], *one.get("initContainers", [])]:
            context = container["securityContext"]
            assert context["allowPrivilegeEscalation"] is False
            assert context["capabilities"] == {"drop": ["ALL"]}
            assert context["readOnlyRootFilesystem"] is True
            assert context["runAsUser"] > 0
            assert container["resources"]["limits"]["memory"]


# -- the product ------------------------------------------------------------------------------


def settings_of(documents, folder):
    return load(None, environment(documents, folder))


@pytest.mark.deploy
@every_case
def test_the_product_accepts_its_settings(render, case, tmp_path):
    given = yaml.safe_load(CASES[case].read_text())
    found = msgspec.to_builtins(settings_of(render(case), tmp_path), enc_hook=bool)
    for section, chosen in given["settings"].items():
        for name, value in chosen.items():
            assert found[section][name] == value, (section, name)
    for setting in given.get("secretSettings", {}):
        section, _, name = setting.partition(".")
        assert found[section][name] is True, setting


@pytest.mark.deploy
def test_every_setting_gets_through(render, tmp_path):
    """Every setting that is no secret, with its default: names, types and numbers survive."""
    given = {section: {} for section in Settings.__struct_fields__}
    for name, value in (BY_NAME | OTHER).items():
        section, _, key = name.partition(".")
        given[section][key] = value
    path = tmp_path / "values.yaml"
    path.write_text(yaml.safe_dump({"settings": given}))
    assert settings_of(render(path), tmp_path) == msgspec.convert(given, Settings)


@pytest.mark.deploy
@every_case
def test_probes_and_ports_are_where_the_worker_listens(render, case, tmp_path):
    documents = render(case)
    port = settings_of(documents, tmp_path).http.port
    (worker,) = pod(documents)["containers"]
    assert worker["ports"] == [{"name": "http", "containerPort": port}]
    assert only(documents, "Service")["spec"]["ports"][0]["port"] == port
    assert f":{port}/readyz" in only(documents, "Pod")["spec"]["containers"][0]["command"][-1]
    patience_s = (
        worker["startupProbe"]["periodSeconds"] * worker["startupProbe"]["failureThreshold"]
    )
    assert patience_s > 2 * Settings().kafka.start_timeout_s


@pytest.mark.deploy
@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"settings": {"kafka": {"bootstrap_servers": ""}}}, "settings.kafka.bootstrap_servers"),
        ({"settings": {"kafak": {}}}, "kafak"),
        ({"settings": {"topics": {"partition": 1}}}, "partition"),
        ({"settings": {"topics": {"partitions": 0}}}, "partitions"),
        ({"settings": {"intake": {"salt": "in the clear"}}}, "salt"),
        ({"secretSettings": {"kafka.username": {"name": "a", "key": "b"}}}, "kafka.username"),
        ({"secretSettings": {"intake.salt": "in the clear"}}, "intake.salt"),
        ({"replicas": 3}, "replicas"),
        ({"autoscaling": {"enabled": True, "maxReplicas": 9}}, "topics.partitions"),
        ({"strimzi": {"enabled": True}}, "strimzi.cluster"),
        ({"enforcer": {"enabled": True}}, "decisions.key"),
        # What the API server, or KEDA, would refuse only once it is installed.
        ({"autoscaling": {"enabled": True, "minReplicas": 3, "maxReplicas": 2}}, "minReplicas"),
        (
            {"autoscaling": {"enabled": True}, "settings": {"topics": {"partitions": 1}}},
            "minReplicas",
        ),
        ({"autoscaling": {"stabilizationSeconds": 1801}}, "stabilizationSeconds"),
        ({"autoscaling": {"pollingIntervalSeconds": 1801}}, "pollingIntervalSeconds"),
        ({"fullnameOverride": "Detector"}, "fullnameOverride"),
        ({"podDisruptionBudget": {"maxUnavailable": "half"}}, "maxUnavailable"),
    ],
    ids=str,
)
def test_what_a_worker_would_refuse_is_not_installed(template, tmp_path, given, said):
    path = tmp_path / "values.yaml"
    path.write_text(yaml.safe_dump(given))
    usual = () if "bootstrap" in str(given) else ("minimal",)
    assert said in template(*usual, path, ok=False)


@pytest.mark.deploy
@every_case
def test_the_tasks_that_a_worker_may_come_to_hold_fit_its_memory(render, readme, case, tmp_path):
    assert_it_fits(render(case), readme, tmp_path)


def assert_it_fits(documents, readme, folder):
    """With the figures of the sizing guide, when one worker has died."""
    base_mib, account_kib = map(
        float,
        re.findall(r"takes (\d+) MiB. Each account with state adds ([\d.]+) KiB", readme)[0],
    )
    settings = settings_of(documents, folder)
    workers = (
        only(documents, "Deployment")["spec"].get("replicas")
        or (only(documents, "ScaledObject")["spec"]["minReplicaCount"])
    )
    partitions = math.ceil(settings.topics.partitions / max(1, workers - 1))
    needed_mib = base_mib + partitions * settings.windows.max_accounts * account_kib / 1024
    (worker,) = pod(documents)["containers"]
    limit = worker["resources"]["limits"]["memory"]
    assert needed_mib < 1024 * float(limit.removesuffix("Gi"))


@pytest.mark.deploy
def test_an_enforcer_listens_where_gateways_and_probes_look(render, tmp_path):
    documents = render("enforcer")
    settings = settings_of(documents, tmp_path)
    assert settings.enforcer.host == settings.http.host == "0.0.0.0"  # noqa: S104 - in its pod
    (container,) = pod(documents, "enforcer")["containers"]
    assert container["args"] == ["enforcer"]
    ports = {port["name"]: port["containerPort"] for port in container["ports"]}
    assert ports == {"http": settings.http.port, "decisions": settings.enforcer.port}
    (served,) = only(documents, "Service", "enforcer")["spec"]["ports"]
    assert (served["port"], served["targetPort"]) == (settings.enforcer.port, "decisions")
    probes = {container[name]["httpGet"]["port"] for name in container if name.endswith("Probe")}
    assert probes == {"http"}


@pytest.mark.deploy
@pytest.mark.parametrize("case", ["enforcer", "strimzi"])
def test_an_enforcer_has_no_secret_but_those_that_it_uses(render, tmp_path, case):
    documents = render(case)
    given = set(yaml.safe_load(CASES[case].read_text())["secretSettings"])
    mounted = mounted_secrets(pod(documents, "enforcer"))
    assert mounted == {name for name in given if name.split(".")[0] in ENFORCER_USES}
    assert mounted < given == mounted_secrets(pod(documents))
    own = environment(documents, tmp_path, "enforcer")
    files = {name for name in own if name.endswith("_FILE")} - {"DISTILLWATCH_KAFKA_PASSWORD_FILE"}
    assert files == {f"{one.environment}_FILE" for one in describe() if one.name in mounted}
    load(None, own)


@pytest.mark.deploy
def test_only_gateways_and_scrapes_reach_an_enforcer(render):
    spec = only(render("enforcer"), "NetworkPolicy", "enforcer")["spec"]
    let_in = {
        rule["ports"][0]["port"]: rule["from"][0]["namespaceSelector"]["matchLabels"]
        for rule in spec["ingress"]
    }
    assert let_in == {
        "http": {"kubernetes.io/metadata.name": "monitoring"},
        "decisions": {"kubernetes.io/metadata.name": "gateways"},
    }
    assert {port["port"] for rule in spec["egress"] for port in rule["ports"]} == {
        *(53, 9092, 9093, 9094),
        4000,  # the admin API of its values
    }


@pytest.mark.deploy
def test_no_enforcer_runs_unless_it_is_wanted(render):
    assert not any("enforcer" in one["metadata"]["name"] for one in render("production"))


@pytest.mark.deploy
def test_a_monthly_report_runs_as_a_worker_does_with_a_volume_and_secrets_of_its_own(render):
    documents = render("report")
    spec = only(documents, "CronJob", "report")["spec"]
    template = spec["jobTemplate"]["spec"]["template"]
    (container,) = template["spec"]["containers"]
    (worker,) = pod(documents)["containers"]
    words = ["--month", "last", "--format", "html", "--out", "/reports"]
    assert container["args"] == ["report", *words]
    for part in ("image", "envFrom", "securityContext"):
        assert container[part] == worker[part]
    assert container["volumeMounts"] == [
        *worker["volumeMounts"], {"name": "reports", "mountPath": "/reports"},
    ]  # fmt: skip
    assert template["spec"]["volumes"][1:] == [
        {"name": "reports", "persistentVolumeClaim": {"claimName": "reports"}},
    ]
    assert mounted_secrets(template["spec"]) == {"decisions.key"}
    assert [one["name"] for one in container["env"]] == ["DISTILLWATCH_DECISIONS_KEY_FILE"]
    assert template["spec"]["automountServiceAccountToken"] is False
    assert template["spec"]["securityContext"] == pod(documents)["securityContext"]
    policy = only(documents, "NetworkPolicy", "report")["spec"]
    selected = policy["podSelector"]["matchLabels"]
    assert selected.items() <= template["metadata"]["labels"].items()
    assert "ingress" not in policy
    # Workers' service, budget and policy do not select it.
    service = only(documents, "Service")["spec"]["selector"]
    assert not service.items() <= template["metadata"]["labels"].items()


@pytest.mark.deploy
def test_no_report_is_made_unless_it_is_wanted(render):
    assert not any(one["kind"] == "CronJob" for one in render("production"))


# -- monitoring -------------------------------------------------------------------------------


@pytest.mark.deploy
def test_the_rules_are_the_shipped_ones_with_own_addresses(render, tool, tmp_path):
    spec = only(render("production"), "PrometheusRule")["spec"]
    shipped = [
        group
        for path in sorted((PROMETHEUS / "rules").iterdir())
        for group in yaml.safe_load(path.read_text())["groups"]
    ]
    text = json.dumps(shipped)
    text = text.replace("https://distillwatch.invalid/", "https://wiki.example.org/distillwatch/")
    text = text.replace("http://localhost:3000", "https://grafana.example.org")
    assert spec["groups"] == json.loads(text)
    path = tmp_path / "rules.yaml"
    path.write_text(yaml.safe_dump(spec))
    command = [tool("promtool"), "check", "rules", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    assert f"{len(ALERTS) + len(RECORDED)} rules found" in done.stdout


@pytest.mark.deploy
def test_the_runbook_is_where_it_was_said_to_be(render, tmp_path):
    own = "https://wiki.example.org/distillwatch/v{version}/runbook"
    assert settings_of(render("production"), tmp_path).alerting.runbook_url == own


@pytest.mark.deploy
def test_the_dashboards_are_the_shipped_ones(render):
    maps = of_kind(render("production"), "ConfigMap")
    found = {
        key: json.loads(text)
        for document in maps
        for key, text in document["data"].items()
        if key.endswith(".json")
    }
    own = json.dumps(DASHBOARDS).replace(
        "https://distillwatch.invalid/", "https://wiki.example.org/distillwatch/"
    )
    assert found == {f"distillwatch-{name}.json": one for name, one in json.loads(own).items()}
    labels = [d["metadata"]["labels"] for d in maps if d["metadata"]["name"] != "dw"]
    assert [label["grafana_dashboard"] for label in labels] == ["1"] * len(DASHBOARDS)


@pytest.mark.deploy
def test_a_packaged_chart_carries_rules_and_dashboards(helm, tmp_path):
    helm("package", CHART, "--destination", tmp_path)
    (archive,) = tmp_path.glob("distillwatch-*.tgz")
    with tarfile.open(archive) as packed:
        members = {member.name.removeprefix("distillwatch/"): member for member in packed}
        assert not any(name.startswith("ci/") for name in members)
        for link in (CHART / "files").rglob("*"):
            if link.is_file():
                member = members[str(link.relative_to(CHART))]
                content = packed.extractfile(member)
                assert content is not None
                assert content.read() == link.read_bytes()


# -- helm test ---------------------------------------------------------------------------------


@pytest.mark.deploy
@every_case
def test_the_pod_of_helm_test_runs_where_and_as_workers_do(render, case):
    documents = render(case)
    tried, worker = only(documents, "Pod")["spec"], pod(documents)
    placed = {"imagePullSecrets", "nodeSelector", "tolerations", "priorityClassName"}
    for name in (*placed, "serviceAccountName", "securityContext"):
        assert tried.get(name) == worker.get(name), name


@pytest.mark.deploy
@every_case
def test_the_pod_of_helm_test_reaches_a_worker_and_no_service_chooses_it(render, case):
    documents = render(case)
    labels = only(documents, "Pod")["metadata"]["labels"]
    for service in (*of_kind(documents, "Service"), *of_kind(documents, "Service", "enforcer")):
        assert not service["spec"]["selector"].items() <= labels.items()
    for policy in of_kind(documents, "NetworkPolicy"):
        let_in = [rule.get("from", []) for rule in policy["spec"]["ingress"]]
        peers = [peer.get("podSelector", {}).get("matchLabels") for one in let_in for peer in one]
        assert [] in let_in or any(peer and peer.items() <= labels.items() for peer in peers)


# -- Strimzi and KEDA -------------------------------------------------------------------------


@pytest.mark.deploy
@pytest.mark.parametrize("version", ["v1", "v1beta2"])
def test_strimzi_makes_the_topics_that_the_product_wants(render, tmp_path, version):
    served = ("--api-versions", "kafka.strimzi.io/v1/KafkaTopic") if version == "v1" else ()
    documents = render("strimzi", arguments=served)
    found = of_kind(documents, "KafkaTopic")
    assert {document["apiVersion"] for document in found} == {f"kafka.strimzi.io/{version}"}
    assert {document["metadata"]["labels"]["strimzi.io/cluster"] for document in found} == {"main"}
    made = {
        spec["topicName"]: (
            spec["partitions"],
            spec["replicas"],
            {key: str(value) for key, value in spec.get("config", {}).items()},
        )
        for spec in (document["spec"] for document in found)
    }
    settings = settings_of(documents, tmp_path).topics
    assert made == {
        topic.name: (topic.partitions, topic.replication_factor, dict(topic.config))
        for topic in wanted(settings)
    }
    assert "initContainers" not in pod(documents)


@pytest.mark.deploy
@pytest.mark.parametrize(
    ("case", "protocol", "secrets"),
    [("strimzi", "SASL_SSL", {"password"}), ("strimzi-tls", "SSL", {"user.crt", "user.key"})],
)
def test_strimzi_gives_connection_and_secrets(render, tmp_path, case, protocol, secrets):
    documents = render(case)
    kafka = settings_of(documents, tmp_path).kafka
    assert kafka.security_protocol == protocol
    user = only(documents, "KafkaUser")["metadata"]["name"]
    assert kafka.username == (user if protocol == "SASL_SSL" else "")
    volumes = {volume["name"]: volume for volume in pod(documents)["volumes"]}
    assert volumes["kafka-user"]["secret"]["secretName"] == user
    assert volumes["kafka-ca"]["secret"]["secretName"] == "main-cluster-ca-cert"
    (worker,) = pod(documents)["containers"]
    mounts = {mount["name"]: mount["mountPath"] for mount in worker["volumeMounts"]}
    text = json.dumps([documents, [kafka.ssl_certfile, kafka.ssl_keyfile]])
    assert kafka.ssl_cafile == f"{mounts['kafka-ca']}/ca.crt"
    assert all(f"{mounts['kafka-user']}/{name}" in text for name in secrets)


@pytest.mark.deploy
def test_strimzi_makes_enforcers_a_user_of_their_own(render, tmp_path):
    documents = render("strimzi")
    user = only(documents, "KafkaUser", "enforcer")["metadata"]["name"]
    assert user != only(documents, "KafkaUser")["metadata"]["name"]
    volumes = {volume["name"]: volume for volume in pod(documents, "enforcer")["volumes"]}
    assert volumes["kafka-user"]["secret"]["secretName"] == user
    own = load(None, environment(documents, tmp_path, "enforcer")).kafka
    assert own.username == user
    assert own.password


@pytest.mark.deploy
def test_keda_looks_at_the_lag_of_the_workers(render, tmp_path):
    documents = render("keda")
    spec = only(documents, "ScaledObject")["spec"]
    settings = settings_of(documents, tmp_path)
    (trigger,) = spec["triggers"]
    assert trigger["metadata"] == {
        "bootstrapServers": settings.kafka.bootstrap_servers,
        "consumerGroup": settings.kafka.app_id,
        "topic": settings.topics.requests,
        "lagThreshold": "1000000",
        "offsetResetPolicy": "earliest",
        "sasl": "scram_sha512",
        "tls": "enable",
    }
    deployment = only(documents, "Deployment")
    assert spec["scaleTargetRef"] == {"name": deployment["metadata"]["name"]}
    assert "replicas" not in deployment["spec"]
    assert (spec["minReplicaCount"], spec["maxReplicaCount"]) == (1, 5)


# -- documents --------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def readme():
    return (ROOT / "deploy" / "README.md").read_text()


@pytest.mark.deploy
def test_the_values_of_the_readme_are_accepted(helm, render, readme, tmp_path):
    (values,) = re.findall(r"```yaml\n(.*?)```", readme, re.DOTALL)
    path = tmp_path / "values.yaml"
    path.write_text(values)
    helm("lint", "--strict", CHART, "-f", path)
    assert settings_of(render(path), tmp_path).kafka.username == "distillwatch"
    assert len(render(path)) > len(render("minimal"))
    assert_it_fits(render(path), readme, tmp_path)


def test_the_readme_names_values_that_exist(readme):
    sections = "|".join(
        SCHEMA["properties"].keys() - {"settings"} - set(Settings.__struct_fields__)
    )
    named = re.findall(rf"`((?:{sections})\.[\w.]+)`", readme)
    assert len(named) > 5
    for path in named:
        part = SCHEMA
        for name in path.split("."):
            part = part["properties"][name]


@pytest.mark.deploy
def test_the_readme_names_the_rights_that_the_chart_gives(render, readme, tmp_path):
    path = tmp_path / "values.yaml"
    path.write_text(yaml.safe_dump({"strimzi": {"enabled": True, "cluster": "main"}}))
    rules = only(render(path), "KafkaUser")["spec"]["authorization"]["acls"]
    given = [
        f"| {on['type']} | `{on['name']}`{' (prefix)' * (on['patternType'] == 'prefix')} | "
        f"{', '.join(rule['operations'])} |"
        for rule in rules
        for on in [rule["resource"]]
    ]
    told = re.findall(r"^\| (?:topic|group|transactionalId) \| .*$", readme, re.MULTILINE)
    assert told == given
    rules = only(render("strimzi"), "KafkaUser", "enforcer")["spec"]["authorization"]["acls"]
    rights = " and ".join(
        f"{', '.join(rule['operations'])} on `{rule['resource']['name']}`" for rule in rules
    )
    assert f"An enforcer needs {rights}" in " ".join(readme.split())


def test_the_chart_is_of_the_version_of_the_product():
    assert yaml.safe_load((CHART / "Chart.yaml").read_text())["appVersion"] == __version__
