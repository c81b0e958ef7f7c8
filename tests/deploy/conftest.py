"""What the tests of dashboards, rules, runbook and deployment share: tools, or a reason to skip."""

import copy
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest
import yaml
from playwright.sync_api import sync_playwright

from testlib.browser import Visits
from testlib.deployment.chart import CASES, CHART, KUBERNETES
from testlib.deployment.containers import RESTRICTED, ContainersError, base_image, podman
from testlib.deployment.kubernetes import TOOLS, serving

#: Where .ci/deploy-tools builds, and where pip installs.
BUILT = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "distillwatch" / "bin"
FOLDERS = (BUILT, Path(sys.executable).parent)


@pytest.fixture(scope="session")
def tool() -> Callable[[str], str]:
    """Find a program that .ci/deploy-tools installs; CI has all of them, so there it must."""

    def find(name: str) -> str:
        own = os.pathsep.join(map(str, FOLDERS))
        found = shutil.which(name, path=own) or shutil.which(name)
        if found is None:
            (pytest.fail if os.environ.get("CI") else pytest.skip)(
                f"{name} is not installed: .ci/deploy-tools"
            )
        return found

    return find


@pytest.fixture(scope="session")
def containers(tool):
    """Skip, with the reason, what needs containers where none can run, as in some containers."""
    for name in ("podman", "buildah", "runc", "mmdebstrap", "iptables"):
        tool(name)
    if os.geteuid() != 0:
        pytest.skip("containers: podman's storage and networks of the tests need root")
    base = base_image()
    try:
        podman("run", "--rm", *RESTRICTED, "--memory=64m", base, "true")
    except ContainersError as error:
        pytest.skip(f"containers do not run here: {error}")


@pytest.fixture(scope="session")
def kubernetes(tmp_path_factory):
    """One API server of Kubernetes, with the custom resources of all operators and a priority."""
    if not TOOLS.exists():
        (pytest.fail if os.environ.get("CI") else pytest.skip)(
            f"{TOOLS} is not there: make test-kubernetes"
        )
    priority = {
        "apiVersion": "scheduling.k8s.io/v1",
        "kind": "PriorityClass",
        "metadata": {"name": "high"},
        "value": 1000,
    }
    with serving(tmp_path_factory.mktemp("kubernetes")) as server:
        server.define(sorted((TOOLS / "definitions").iterdir()))
        server.define(sorted(max(TOOLS.glob("strimzi-*")).iterdir()))
        assert server.create(priority).status == 201
        yield server


@pytest.fixture(scope="session")
def helm(tool, tmp_path_factory):
    """Run helm without the settings of who runs the tests; return what it prints or says."""
    program = tool("helm")
    clean = {key: value for key, value in os.environ.items() if not key.startswith("HELM_")}
    clean["KUBECACHEDIR"] = str(tmp_path_factory.mktemp("helm"))

    def run(*arguments, ok=True):
        done = subprocess.run(
            [program, *map(str, arguments)],
            capture_output=True,
            text=True,
            check=False,
            timeout=180,
            env=clean,
        )
        assert (done.returncode == 0) == ok, done.stdout + done.stderr
        return done.stdout if ok else done.stderr

    return run


@pytest.fixture
def written(tmp_path):
    """Return what writes values to a file."""

    def write(values):
        path = tmp_path / f"{len(list(tmp_path.iterdir()))}-values.yaml"
        path.write_text(yaml.safe_dump(values))
        return path

    return write


@pytest.fixture(scope="session")
def template(helm):
    """Return the text that sets of values (names of cases, or files) make, or what helm says."""

    def made(*values, version=KUBERNETES[-1], arguments=(), ok=True):
        files = [part for one in values for part in ("-f", CASES.get(one, one))]
        where = ("--namespace", "n", "--kube-version", version)
        return helm("template", "dw", CHART, *where, *files, *arguments, ok=ok)

    return made


@pytest.fixture(scope="session")
def render(template):
    """Return the objects of the release dw that sets of values make."""

    @cache
    def objects(*values, **options):
        return [one for one in yaml.safe_load_all(template(*values, **options)) if one]

    return lambda *values, **options: copy.deepcopy(objects(*values, **options))


@pytest.fixture(scope="module")
def browser(tool):
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=tool("chromium"), args=["--no-sandbox"]
        )
        yield browser
        browser.close()


@pytest.fixture
def visits(browser, site):
    """Open pages of the module's site; in the end, nothing has gone wrong in them."""
    made = Visits(browser, site)
    yield made
    for context in browser.contexts:
        context.close()
    assert made.problems == []
