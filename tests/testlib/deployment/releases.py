"""A release of the chart on an API server, installed by helm into a namespace of its own."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import yaml

from testlib.deployment.chart import CASES, CHART

if TYPE_CHECKING:
    from collections.abc import Callable

    from testlib.deployment.chart import Objects
    from testlib.deployment.kubernetes import ApiServer

#: What helm, the API server and this module put into every namespace.
OWN = {("ServiceAccount", "default"), ("ConfigMap", "kube-root-ca.crt")}
RESTRICTED = {f"pod-security.kubernetes.io/{mode}": "restricted" for mode in ("enforce", "warn")}
_NUMBERS = itertools.count()


def namespace(server: ApiServer) -> str:
    """Make a namespace of the restricted standard, with the account that a cluster makes."""
    name = f"test-{next(_NUMBERS)}"
    metadata = {"name": name, "labels": RESTRICTED}
    one = {"apiVersion": "v1", "kind": "Namespace", "metadata": metadata}
    account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "default"}}
    for made in (server.create(one), server.create(account, name)):
        assert made.status == 201, made.message
    return name


@dataclass(frozen=True)
class Release:
    """One that may be installed, changed and removed; ``values`` are names of cases, or files."""

    helm: Callable[..., str]
    server: ApiServer
    namespace: str
    name: str = "dw"

    def run(self, command: str, *arguments: object, ok: bool = True) -> str:
        """Run helm on it; return what it prints or, when it has to fail, why it did."""
        where = ("--kubeconfig", self.server.kubeconfig, "--namespace", self.namespace)
        words = command.split()
        return self.helm(*words, self.name, *arguments, *where, ok=ok)

    def apply(
        self, command: str, *values: object, ok: bool = True, more: tuple[str, ...] = ()
    ) -> str:
        """Install or upgrade it with values."""
        files = [part for one in values for part in ("-f", CASES.get(one, one))]  # type: ignore[call-overload]
        return self.run(command, CHART, *files, *more, ok=ok)

    def objects(self) -> Objects:
        """Return what helm has installed, and the pod of `helm test`, as they were written."""
        text = self.run("get manifest") + "\n---\n" + self.run("get hooks")
        return [one for one in yaml.safe_load_all(text) if one]

    def found(self) -> dict[tuple[str, str], dict[str, Any]]:
        """Return every object of the namespace, without helm's own records."""
        return {
            key: one
            for key, one in self.server.namespaced(self.namespace).items()
            if key not in OWN and one.get("type") != "helm.sh/release.v1"
        }

    def deployment(self, name: str) -> dict[str, Any]:
        """Return a Deployment."""
        return self.server.get("apps/v1", "Deployment", self.namespace, name)


def templates(objects: Objects) -> dict[str, dict[str, Any]]:
    """Return every pod that objects would make, as pods, by the object that makes it."""
    found = {}
    for one in objects:
        if one["kind"] == "Pod":
            made = one
        elif one["kind"] == "Deployment":
            made = one["spec"]["template"]
        elif one["kind"] == "CronJob":
            made = one["spec"]["jobTemplate"]["spec"]["template"]
        else:
            continue
        metadata = {**made["metadata"], "name": one["metadata"]["name"]}
        pod = {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": made["spec"]}
        found[f"{one['kind']} {one['metadata']['name']}"] = pod
    return found
