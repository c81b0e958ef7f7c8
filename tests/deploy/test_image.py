"""The image's file: its targets, its user, what the builder gets."""

import re
import shlex
import subprocess

import pytest

from stream.settings import load
from testlib.paths import DEPLOY, ROOT

DOCKERFILE = (DEPLOY / "Dockerfile").read_text().replace("\\\n", " ")
#: Name of a stage -> its instructions, the first of which is what it is made from.
STAGES = {
    name: f"FROM {base}\n{rest}"
    for base, name, rest in re.findall(
        r"^FROM (\S+) AS (\S+)\n(.*?)(?=^FROM |\Z)", DOCKERFILE, re.MULTILINE | re.DOTALL
    )
}
BUILD, RUNTIME = STAGES["build"], STAGES["runtime"]
#: Where the image has what is installed.
INSTALLED = "/opt/distillwatch"


def lines(stage, instruction):
    return re.findall(rf"^{instruction} (.*)$", stage, re.MULTILINE)


def allowed():
    return re.findall(r"^!(\S+)$", (ROOT / ".dockerignore").read_text(), re.MULTILINE)


def test_it_runs_without_rights_and_has_a_health_check():
    (user,), (port,) = lines(RUNTIME, "USER"), lines(RUNTIME, "EXPOSE")
    assert re.fullmatch(r"[1-9]\d+:[1-9]\d+", user)
    assert int(port) == load(None, {}).http.port
    assert lines(RUNTIME, "ENTRYPOINT") == ['["distillwatch"]']
    assert lines(RUNTIME, "RUN") == []


def test_the_default_target_has_no_broker_and_the_demo_target_has_it():
    assert [*STAGES] == ["dependencies", "build", "build-demo", "runtime", "demo", "production"]
    assert lines(BUILD, "FROM") == ["dependencies"]
    assert lines(STAGES["build-demo"], "FROM") == ["build"]
    for name, origin in (("demo", "build-demo"), ("production", "build")):
        assert lines(STAGES[name], "FROM") == ["runtime"]
        assert lines(STAGES[name], "COPY") == [f"--from={origin} {INSTALLED} {INSTALLED}"]
        assert lines(STAGES[name], "RUN") == []
    assert "[demo]" not in BUILD
    assert "[demo]" in STAGES["build-demo"]


def test_the_builder_gets_what_it_copies_and_no_more():
    built = lines(STAGES["dependencies"], "COPY") + lines(BUILD, "COPY")
    assert {name for line in built for name in shlex.split(line)[:-1]} == set(allowed())


def test_a_change_of_the_code_keeps_the_layer_of_the_dependencies():
    assert lines(STAGES["dependencies"], "COPY") == ["pyproject.toml constraints.txt ./"]


@pytest.mark.deploy
def test_hadolint_accepts_it(tool):
    subprocess.run([tool("hadolint"), DEPLOY / "Dockerfile"], check=True, timeout=60)
