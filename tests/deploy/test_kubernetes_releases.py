"""A release of the chart on a real API server: installed, changed, rolled back, removed."""

import pytest

from testlib.deployment.chart import CASES, of_kind
from testlib.deployment.kubernetes import TOOLS
from testlib.deployment.releases import Release, namespace

pytestmark = [pytest.mark.kubernetes, pytest.mark.timeout(600)]

DEPLOYER = "deployer"
#: What a controller joins to the role admin; none runs here.
ADMIN = [f"system:aggregate-to-{name}" for name in ("admin", "edit", "view")]
#: Custom resources.
RIGHTS = ["monitoring.coreos.com", "keda.sh", "kafka.strimzi.io"]


@pytest.fixture
def release(helm, kubernetes):
    """A release to install, by a person with the rights that deploy/README.md names."""
    where = namespace(kubernetes)
    rbac = "rbac.authorization.k8s.io"
    role = {
        "apiVersion": f"{rbac}/v1",
        "kind": "Role",
        "metadata": {"name": DEPLOYER},
        "rules": [{"apiGroups": RIGHTS, "resources": ["*"], "verbs": ["*"]}],
    }
    given = [role]
    for kind, name in (*(("ClusterRole", name) for name in ADMIN), ("Role", DEPLOYER)):
        given.append({
            "apiVersion": f"{rbac}/v1",
            "kind": "RoleBinding",
            "metadata": {"name": name},
            "roleRef": {"apiGroup": rbac, "kind": kind, "name": name},
            "subjects": [{"apiGroup": rbac, "kind": "User", "name": DEPLOYER}],
        })  # fmt: skip
    for one in given:
        answer = kubernetes.create(one, where)
        assert answer.status == 201, answer.message
    return Release(
        lambda *words, **options: helm(*words, f"--kube-as-user={DEPLOYER}", **options),
        kubernetes,
        where,
    )


def pods(release):
    """Return how the pods of every Deployment are made, by its name."""
    found = release.found()
    return {
        name: one["spec"]["template"] for (kind, name), one in found.items() if kind == "Deployment"
    }


def specs(release):
    """Return what the objects of a release are, without what the server notes of them."""
    ignored = {"metadata", "status"}
    return {
        key: {name: part for name, part in one.items() if name not in ignored}
        for key, one in release.found().items()
        if key[0] not in {"Role", "RoleBinding"}
    }


@pytest.mark.parametrize("case", CASES)
def test_a_release_is_changed_rolled_back_and_removed(release, written, case):
    release.apply("install", case)
    installed, first = specs(release), pods(release)
    (worker,) = (one["metadata"]["name"] for one in of_kind(release.objects(), "Deployment"))

    more = written({"replicaCount": 5})
    release.apply("upgrade", case, more)
    assert pods(release) == first, "a number of workers restarts none"
    if case != "keda":
        assert release.deployment(worker)["spec"]["replicas"] == 5

    setting = written({"settings": {"detection": {"alerts_budget": 0.25}}})
    release.apply("upgrade", case, more, setting)
    assert pods(release).keys() == first.keys()
    for name, template in pods(release).items():
        assert template != first[name], f"{name} goes on with the settings of before"
        for one in (template, first[name]):
            del one["metadata"]["annotations"]["checksum/config"]
        assert template == first[name]

    release.run("rollback", 1)
    assert specs(release) == installed

    release.run("uninstall")
    left = {kind for kind, _ in specs(release)}
    assert left == ({"KafkaTopic"} if case == "strimzi" else set())


def test_what_is_noted_of_an_object_is_no_part_of_a_release(release, kubernetes):
    event = {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"name": "noted"},
        "involvedObject": {"kind": "Service", "namespace": release.namespace, "name": "removed"},
    }
    answer = kubernetes.create(event, release.namespace)
    assert answer.status == 201, answer.message
    assert release.found().keys() & {("Event", "noted")} == set()


def test_topics_that_stayed_belong_to_the_next_release_of_the_name(release):
    release.apply("install", "strimzi")
    before = topics(release)
    release.run("uninstall")
    assert topics(release) == before
    release.apply("install", "strimzi")
    assert topics(release) == before


def topics(release):
    """Return the unique id of each KafkaTopic, by name."""
    return {
        name: one["metadata"]["uid"]
        for (kind, name), one in release.found().items()
        if kind == "KafkaTopic"
    }


def test_a_newer_strimzi_keeps_topics_and_user(release, kubernetes):
    """It serves v1 beside v1beta2: the chart takes it, and nothing is deleted and made again."""
    older, newer = sorted(TOOLS.glob("strimzi-*"))
    kubernetes.define(sorted(older.iterdir()))
    try:
        release.apply("install", "strimzi")
        before = topics(release)
        assert versions(release) == {"kafka.strimzi.io/v1beta2"}
    finally:
        kubernetes.define(sorted(newer.iterdir()))
    release.apply("upgrade", "strimzi")
    assert versions(release) == {"kafka.strimzi.io/v1"}
    assert topics(release) == before
    assert len(before) > 10


def versions(release):
    """Return the versions of Strimzi's objects as the chart wrote them."""
    written = (one["apiVersion"] for one in release.objects())
    return {version for version in written if "strimzi" in version}


def test_the_number_that_an_autoscaler_set_outlives_upgrades_and_rollbacks(
    release, kubernetes, written
):
    release.apply("install", "keda")
    (worker,) = (name for kind, name in release.found() if kind == "Deployment")
    path = kubernetes.path("apps/v1", "Deployment", release.namespace)
    kubernetes.done("PATCH", f"{path}/{worker}/scale", {"spec": {"replicas": 4}})
    release.apply("upgrade", "keda", written({"podAnnotations": {"a": "b"}}))
    assert release.deployment(worker)["spec"]["replicas"] == 4
    release.run("rollback", 1)
    assert release.deployment(worker)["spec"]["replicas"] == 4


def test_turning_autoscaling_on_begins_with_one_worker(release):
    """As deploy/README.md warns: Helm takes the number away, and Kubernetes' default is 1."""
    release.apply("install", "minimal")
    (worker,) = (name for kind, name in release.found() if kind == "Deployment")
    assert release.deployment(worker)["spec"]["replicas"] == 2
    release.apply("upgrade", "keda")
    assert release.deployment(worker)["spec"]["replicas"] == 1


def test_without_the_rights_on_custom_resources_nothing_is_installed(release, kubernetes):
    path = kubernetes.path("rbac.authorization.k8s.io/v1", "RoleBinding", release.namespace)
    kubernetes.done("DELETE", f"{path}/{DEPLOYER}")
    said = release.apply("install", "strimzi", ok=False)
    assert "kafka" in said
    assert "forbidden" in said
