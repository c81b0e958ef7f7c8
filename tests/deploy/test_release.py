"""What `make release` makes: complete, the same each time, and at work in an empty environment."""

import hashlib
import json
import os
import re
import subprocess
import sys
import tarfile
import time
import zipfile

import pytest

from stream import __version__
from stream.tools.embedded.broker import EmbeddedBroker
from testlib.deployment import newcomer
from testlib.deployment.newcomer import Newcomer
from testlib.paths import ROOT

pytestmark = [pytest.mark.deploy, pytest.mark.timeout(600)]


def run(*command, cwd=ROOT, **variables):
    return subprocess.run(
        list(map(str, command)),
        cwd=cwd,
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        check=True,
    ).stdout


@pytest.fixture(scope="module")
def release(tmp_path_factory):
    out = tmp_path_factory.mktemp("release") / "dist"
    run(ROOT / ".ci" / "release", out, PYTHON=sys.executable)
    return out


@pytest.fixture(scope="module")
def install(release, tmp_path_factory):
    """Return a function that installs the wheel with extras, with its pins, without the tests."""
    place = tmp_path_factory.mktemp("empty")
    run(sys.executable, "-m", "venv", "--without-pip", place)
    pip = (sys.executable, "-m", "pip", "--python", place / "bin" / "python", "install", "--quiet")

    def install(extras=""):
        (wheel,) = release.glob("*.whl")
        run(*pip, f"{wheel}{extras}", PIP_CONSTRAINT=str(ROOT / "constraints.txt"))
        return place

    return install


def plain(name):
    """Return the name of a package as an index compares it (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def committed(*folders):
    return set(run("git", "ls-tree", "-r", "--name-only", "HEAD", *folders).splitlines())


def test_the_wheel_has_the_package_and_the_source_distribution_all_but_ci(release):
    with zipfile.ZipFile(release / f"distillwatch-{__version__}-py3-none-any.whl") as wheel:
        packed = {name for name in wheel.namelist() if ".dist-info/" not in name}
    assert packed == committed("stream")
    with tarfile.open(release / f"distillwatch-{__version__}.tar.gz") as sources:
        files = {one.name.partition("/")[2] for one in sources.getmembers()}
    dotted = {name for name in committed() if name.startswith(".")}
    assert committed() - dotted <= files
    assert not {name for name in files if name.startswith(".ci/")}


def test_digests_are_those_of_the_files(release):
    lines = dict(
        reversed(line.split()) for line in (release / "SHA256SUMS").read_text().splitlines()
    )
    assert lines == {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in release.iterdir()
        if path.name != "SHA256SUMS"
    }


def test_the_bill_of_materials_names_what_the_wheel_installs(release):
    bill = json.loads((release / f"distillwatch-{__version__}.cdx.json").read_text())
    assert bill["bomFormat"] == "CycloneDX"
    assert bill["metadata"]["component"]["purl"] == f"pkg:pypi/distillwatch@{__version__}"
    pinned = dict(
        re.findall(r"^([\w.-]+)==(\S+)$", (ROOT / "constraints.txt").read_text(), re.MULTILINE)
    )
    versions = {plain(one["name"]): one["version"] for one in bill["components"]}
    assert versions.items() <= {plain(name): version for name, version in pinned.items()}.items()
    assert {"faust-streaming", "river", "kafka-python", "prometheus-client"} <= versions.keys()
    assert "pytest" not in versions
    assert "file://" not in json.dumps(bill)


@pytest.mark.timeout(1200)
def test_every_command_works_in_an_empty_environment(install, ring, tmp_path):
    """In the order of a newcomer: first the wheel alone, then what it says is missing."""
    # Of today: indicators of campaigns expire.
    lines = [*ring((time.time() - 6 * 3600) // 60 * 60, range(300), attack_from=120)]
    with EmbeddedBroker() as broker:
        user = Newcomer(install(), tmp_path, broker.bootstrap, lines)
        assert user.type("--version").split() == ["distillwatch", __version__]
        assert f"Documents of {__version__}" in user.type("--help")
        newcomer.try_files(user)
        newcomer.try_without_extras(user)
        install("[demo,parquet,share]")
        for step in newcomer.STEPS:
            step(user)
        assert user.commands() - user.tried == set(), "no step of testlib/deployment/newcomer.py"
