"""The chart's objects and pods on a real API server: it accepts each, and not what is wrong."""

import copy
from typing import Any

import pytest

from testlib.deployment.chart import CASES, SCHEMA, only
from testlib.deployment.releases import Release, namespace, templates

pytestmark = [pytest.mark.kubernetes, pytest.mark.timeout(400)]

every_case = pytest.mark.parametrize("case", CASES)


@pytest.fixture(scope="module")
def installed(helm, kubernetes):
    """Return the release of a case, installed once."""
    made = {}

    def install(case):
        if case not in made:
            made[case] = Release(helm, kubernetes, namespace(kubernetes))
            made[case].apply("install", case)
        return made[case]

    return install


# -- what the chart makes is accepted -----------------------------------------------------------


@every_case
def test_every_object_is_accepted_with_strict_validation_and_no_warning(
    installed, kubernetes, case
):
    elsewhere = namespace(kubernetes)
    objects = [one for one in installed(case).objects() if one["kind"] != "Pod"]
    assert len(objects) > 3
    for one in objects:
        answer = kubernetes.create(one, elsewhere, dry_run=True)
        assert (answer.status, answer.warnings) == (201, []), (one, answer.message)


@every_case
def test_helm_installs_what_it_says_and_nothing_of_the_cluster(installed, case):
    release = installed(case)
    said = {(one["kind"], one["metadata"]["name"]) for one in release.objects()}
    # The pod of `helm test` is not made yet.
    assert set(release.found()) == {key for key in said if key[0] != "Pod"}


@every_case
def test_pods_are_admitted_where_the_restricted_standard_is_enforced(installed, kubernetes, case):
    release = installed(case)
    pods = templates(release.objects())
    assert len(pods) >= 2
    for maker, pod in pods.items():
        answer = kubernetes.create(pod, release.namespace, dry_run=True)
        assert (answer.status, answer.warnings) == (201, []), (maker, answer.message)


@every_case
def test_pods_get_no_token_of_the_api(installed, kubernetes, case):
    """As the server admits them: it mounts one into pods that do not refuse it."""
    release = installed(case)
    for maker, pod in templates(release.objects()).items():
        admitted = kubernetes.create(pod, release.namespace, dry_run=True).body
        assert "serviceAccountToken" not in str(admitted), maker
        del pod["spec"]["automountServiceAccountToken"]
        if pod["spec"]["serviceAccountName"] == "default":
            with_token = kubernetes.create(pod, release.namespace, dry_run=True).body
            assert "serviceAccountToken" in str(with_token), maker


@every_case
def test_the_accounts_of_pods_may_do_nothing(installed, kubernetes, case):
    """What every account may do, which is to read about the API and itself."""
    release = installed(case)
    stranger = rules(kubernetes, namespace(kubernetes), "default")
    names = {
        pod["spec"].get("serviceAccountName", "default")
        for pod in templates(release.objects()).values()
    }
    for name in names:
        assert rules(kubernetes, release.namespace, name) == stranger


def rules(server, where, account):
    """Return what an account may do in its namespace."""
    request = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}}
    path = f"/api/v1/namespaces/{where}/serviceaccounts/{account}/token"
    token = server.done("POST", path, request)["status"]["token"]
    review = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectRulesReview",
        "spec": {"namespace": where},
    }
    found = server.create(review, token=token).body["status"]
    assert found["incomplete"] is False
    return sorted(map(str, [*found["resourceRules"], *found["nonResourceRules"]]))


# -- and would not be, were it wrong ------------------------------------------------------------

#: Where, in which object of which case, what is put, and what the server says.
DAMAGES = {
    "an unknown field": ("production", "Deployment", "spec.replica", 3, "unknown field"),
    "an unknown field of a container": (
        "production", "Deployment", "spec.template.spec.containers.0.pulled", True, "unknown field",
    ),
    "text for a number": ("production", "Deployment", "spec.replicas", "three", "json"),
    "a port that is none": (
        "production", "NetworkPolicy", "spec.egress.0.ports.0.port", 70000, "must be between",
    ),
    "a selector of other labels": (
        "production", "Deployment", "spec.selector.matchLabels.app", "x", "does not match",
    ),
    "a budget of both kinds": ("production", "PodDisruptionBudget", "spec.minAvailable", 1, "both"),
    "a schedule that is none": ("report", "CronJob", "spec.schedule", "monthly", "schedule"),
    "an interval that is none": (
        "production", "PodMonitor", "spec.podMetricsEndpoints.0.interval", "15 seconds", "interval",
    ),
    "an unknown field of a monitor": (
        "production", "PodMonitor", "spec.podMetricsEndpoint", [], "unknown field",
    ),
    "a rule without an expression": (
        "production", "PrometheusRule", "spec.groups.0.rules.0.expr", None, "expr",
    ),
    "partitions as text": ("strimzi", "KafkaTopic", "spec.partitions", "8", "integer"),
    "an unknown authentication": (
        "strimzi", "KafkaUser", "spec.authentication.type", "plain", "Unsupported value",
    ),
    "an unknown operation": (
        "strimzi", "KafkaUser", "spec.authorization.acls.0.operations.0", "Reed", "Unsupported",
    ),
    "metadata of a trigger that is no text": (
        "keda", "ScaledObject", "spec.triggers.0.metadata.lagThreshold", 5, "string",
    ),
    "an unknown field of an autoscaler": (
        "keda", "ScaledObject", "spec.minReplicas", 1, "unknown field",
    ),
}  # fmt: skip


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_object_is_refused(installed, kubernetes, damage):
    case, kind, path, value, said = DAMAGES[damage]
    one = next(one for one in installed(case).objects() if one["kind"] == kind)
    put(one, path, value)
    answer = kubernetes.create(one, namespace(kubernetes), dry_run=True)
    assert answer.status in {400, 422}
    assert said in answer.message


CONTAINER = "spec.containers.0.securityContext"
#: What of a pod is changed, against the restricted standard.
VIOLATIONS: dict[str, dict[str, Any]] = {
    "may be root": {"spec.securityContext.runAsNonRoot": None, f"{CONTAINER}.runAsNonRoot": None},
    "is root": {f"{CONTAINER}.runAsUser": 0},
    "may gain rights": {f"{CONTAINER}.allowPrivilegeEscalation": None},
    "keeps capabilities": {f"{CONTAINER}.capabilities": None},
    "any system call": {
        "spec.securityContext.seccompProfile": None,
        f"{CONTAINER}.seccompProfile": None,
    },
    "a folder of the node": {"spec.volumes": [{"name": "node", "hostPath": {"path": "/"}}]},
    "the network of the node": {"spec.hostNetwork": True},
}


@pytest.mark.parametrize("violation", VIOLATIONS)
def test_a_pod_that_leaves_the_restricted_standard_is_refused(installed, kubernetes, violation):
    release = installed("enforcer")
    for pod in templates(release.objects()).values():
        damaged = copy.deepcopy(pod)
        for path, value in VIOLATIONS[violation].items():
            put(damaged, path, value)
        damaged["spec"].pop("initContainers", None)
        if "spec.volumes" in VIOLATIONS[violation]:
            damaged["spec"]["containers"][0].pop("volumeMounts", None)
        answer = kubernetes.create(damaged, release.namespace, dry_run=True)
        assert answer.status == 403
        assert 'violates PodSecurity "restricted' in answer.message


def put(one, path, value):
    """Set a value of nested objects and lists; None removes it."""
    *steps, last = (int(step) if step.isdigit() else step for step in path.split("."))
    for step in steps:
        one = one[step]
    if value is None:
        del one[last]
    else:
        one[last] = value


# -- values at their limits ---------------------------------------------------------------------


@every_case
def test_the_longest_names_are_accepted(helm, kubernetes, written, case):
    """Helm's limit for a release, and a name of the chart that no label can hold."""
    release = Release(helm, kubernetes, namespace(kubernetes), "r" * 53)
    release.apply("install", case, written({"nameOverride": "n" * 80}))
    for pod in templates(release.objects()).values():
        answer = kubernetes.create(pod, release.namespace, dry_run=True)
        assert answer.status == 201, answer.message


SCALING = SCHEMA["properties"]["autoscaling"]["properties"]


@pytest.mark.parametrize("bound", ["minimum", "maximum"])
def test_what_keda_makes_of_the_slowest_and_fastest_scaling_is_accepted(
    helm, kubernetes, written, bound
):
    """KEDA hands the behavior on to a HorizontalPodAutoscaler, as it is."""
    times = ("pollingIntervalSeconds", "stabilizationSeconds")
    release = Release(helm, kubernetes, namespace(kubernetes))
    values = written({"autoscaling": {name: SCALING[name][bound] for name in times}})
    release.apply("install", "keda", values)
    spec = only(release.objects(), "ScaledObject")["spec"]
    autoscaler = {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": "keda-hpa-dw"},
        "spec": {
            "scaleTargetRef": {
                "apiVersion": "apps/v1",
                "kind": "Deployment",
                **spec["scaleTargetRef"],
            },
            "minReplicas": spec["minReplicaCount"],
            "maxReplicas": spec["maxReplicaCount"],
            **spec["advanced"]["horizontalPodAutoscalerConfig"],
        },
    }
    answer = kubernetes.create(autoscaler, release.namespace, dry_run=True)
    assert answer.status == 201, answer.message
