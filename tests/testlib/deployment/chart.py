"""The Helm chart: its files, and what it renders as objects."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import kubernetes_validate
import yaml

from testlib.paths import DEPLOY

if TYPE_CHECKING:
    from pathlib import Path

CHART = DEPLOY / "helm" / "distillwatch"
#: Sets of values, by name.
CASES = {path.name.removesuffix("-values.yaml"): path for path in sorted((CHART / "ci").iterdir())}
VALUES = yaml.safe_load((CHART / "values.yaml").read_text())
SCHEMA = json.loads((CHART / "values.schema.json").read_text())
#: Kubernetes that the chart says it runs on, and the newest whose schemas are here.
KUBERNETES = ("1.25", kubernetes_validate.latest_version())
#: What every secret is, in tests.
SECRET = "whsec_" + "c2VjcmV0" * 4

Objects = list[dict[str, Any]]


def of_kind(objects: Objects, kind: str, component: str = "") -> Objects:
    """Return the objects of a kind; those of workers have no ``component``."""
    label = "app.kubernetes.io/component"
    return [
        one
        for one in objects
        if one["kind"] == kind and one["metadata"]["labels"].get(label, "") == component
    ]


def only(objects: Objects, kind: str, component: str = "") -> dict[str, Any]:
    """Return the one object of a kind."""
    (found,) = of_kind(objects, kind, component)
    return found


def pod(objects: Objects, component: str = "") -> dict[str, Any]:
    """Return how a pod is made, a worker's by default."""
    return only(objects, "Deployment", component)["spec"]["template"]["spec"]


def environment(objects: Objects, folder: Path, component: str = "") -> dict[str, str]:
    """Return a component's variables, with files for the secrets that its pod would mount."""
    (container,) = pod(objects, component)["containers"]
    (source,) = container["envFrom"]
    maps = {one["metadata"]["name"]: one["data"] for one in of_kind(objects, "ConfigMap")}
    found = maps[source["configMapRef"]["name"]] | {
        one["name"]: one["value"] for one in container.get("env", []) if "value" in one
    }
    for name in found:
        if name.endswith("_FILE"):
            (folder / name).write_text(f"{SECRET}\n")
            found[name] = str(folder / name)
    return found


def mounted_secrets(spec: dict[str, Any]) -> set[str]:
    """Return the secret settings that are files in a pod."""
    return {
        item["path"]
        for volume in spec["volumes"]
        if volume["name"] == "secrets"
        for source in volume["projected"]["sources"]
        for item in source["secret"]["items"]
    }
