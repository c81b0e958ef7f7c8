"""The image: what its file says, and what its steps make, run here without a container."""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import threading
from http.server import ThreadingHTTPServer
from pathlib import Path

import pytest

from stream import __version__
from stream.settings import load
from testlib.deployment.receiving import Accepts
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
#: Where the image has what is installed, and where it is built.
INSTALLED, SOURCE = "/opt/distillwatch", "/src"


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
    assert [*STAGES] == ["build", "build-demo", "runtime", "demo", "production"]
    assert lines(STAGES["build-demo"], "FROM") == ["build"]
    for name, origin in (("demo", "build-demo"), ("production", "build")):
        assert lines(STAGES[name], "FROM") == ["runtime"]
        assert lines(STAGES[name], "COPY") == [f"--from={origin} {INSTALLED} {INSTALLED}"]
        assert lines(STAGES[name], "RUN") == []
    assert "[demo]" not in BUILD
    assert "[demo]" in STAGES["build-demo"]


def test_the_builder_gets_what_it_copies_and_no_more():
    copied = {name for line in lines(BUILD, "COPY") for name in shlex.split(line)[:-1]}
    assert copied == set(allowed())


@pytest.fixture(scope="module")
def image(tmp_path_factory):
    """Return the folder that the build makes, from a folder with what the builder gets."""
    folder = tmp_path_factory.mktemp("image")
    installed, source = folder / "installed", folder / "source"
    source.mkdir()
    for name in allowed():
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        copy(ROOT / name, source / name)
    (steps,) = lines(BUILD, "RUN")
    (variables,) = lines(BUILD, "ENV")

    def here(text):
        return text.replace(INSTALLED, str(installed)).replace(SOURCE, str(source))

    environment = dict(part.split("=", 1) for part in shlex.split(here(variables)))
    environment["PATH"] = f"{Path(sys.executable).parent}:/usr/bin:/bin"
    del environment["PIP_NO_CACHE_DIR"]  # the cache of this machine is no part of the image
    for name in ("HOME", "PIP_INDEX_URL", "PIP_TRUSTED_HOST", "PIP_CONFIG_FILE"):
        if name in os.environ:  # where packages come from
            environment[name] = os.environ[name]
    done = subprocess.run(
        ["sh", "-ec", here(steps)],
        cwd=source,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert __version__ in done.stdout
    return installed


def run(image, command, **variables):
    return subprocess.run(
        command,
        cwd="/",
        env={"PATH": f"{image}/bin", **variables},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


@pytest.mark.deploy
@pytest.mark.timeout(400)
def test_what_is_built_has_all_that_a_worker_needs_and_no_installer(image):
    variables = {
        "DISTILLWATCH_KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:1",
        "DISTILLWATCH_KAFKA_START_TIMEOUT_S": "0",
    }
    done = run(image, [image / "bin" / "distillwatch", "worker"], **variables)
    assert (done.returncode, done.stdout) == (1, "")
    assert re.fullmatch(r"distillwatch: broker 127.0.0.1:1: unreachable .*\n", done.stderr)
    assert not list(image.glob("bin/pip*"))
    assert run(image, [image / "bin" / "python", "-c", "import pip"]).returncode == 1


@pytest.mark.deploy
@pytest.mark.timeout(400)
def test_the_production_image_has_no_broker_and_its_demo_shows_what_to_install(image):
    done = run(image, [image / "bin" / "distillwatch", "demo"])
    assert (done.returncode, done.stdout) == (2, "")
    assert re.fullmatch(
        r"distillwatch: embedded broker: not installed; .*\[demo\].*\n", done.stderr
    )
    simulated = run(image, [image / "bin" / "distillwatch", "simulate", "--help"])
    assert simulated.returncode == 0, simulated.stderr


@pytest.mark.deploy
@pytest.mark.timeout(400)
def test_its_health_check_asks_the_worker(image):
    (check,) = re.findall(r"HEALTHCHECK .*? CMD (\[.*\])", RUNTIME)
    python, *arguments = json.loads(check)
    command = [image / "bin" / python, *arguments]
    with ThreadingHTTPServer(("127.0.0.1", 0), Accepts) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        port = str(server.server_address[1])
        assert run(image, command, DISTILLWATCH_HTTP_PORT=port).returncode == 0
        server.shutdown()
    assert run(image, command, DISTILLWATCH_HTTP_PORT=port).returncode == 1


@pytest.mark.deploy
def test_hadolint_accepts_it(tool):
    subprocess.run([tool("hadolint"), DEPLOY / "Dockerfile"], check=True, timeout=60)
