"""The image in containers: without rights, read-only, to its stop signal; its size, its demo."""

import os
import re
import signal
import time

import pytest

from stream.tools.embedded.broker import EmbeddedBroker
from testlib.deployment.containers import (
    RESTRICTED,
    ContainersError,
    base_image,
    inspected,
    podman,
    product_image,
    running,
    size_bytes,
)
from testlib.ports import free_port
from testlib.until import until
from testlib.workers.command import page

pytestmark = [pytest.mark.deploy, pytest.mark.timeout(900), pytest.mark.usefixtures("containers")]

#: What the image adds to its base at most, bytes: 302 MB on 2026-11-29.
ADDED_BYTES = 350e6
#: A worker has to end by itself within it: compose.yaml's and the chart's are no shorter.
GRACE_S = 60
IMPORT_ALL = """
import importlib, pkgutil, stream
for module in pkgutil.walk_packages(stream.__path__, "stream."):
    importlib.import_module(module.name)
"""
RIGHTS = """
import os, pathlib, re, sys
status = pathlib.Path("/proc/self/status").read_text()
rights = re.findall(r"^(?:CapEff|CapBnd|NoNewPrivs):\\s+(\\w+)$", status, re.M)
print(os.getuid(), os.getgid(), *rights)
for folder in ("/", "/tmp", "/etc/distillwatch", "/opt/distillwatch"):
    try:
        pathlib.Path(folder, "written").touch()
    except OSError:
        continue
    sys.exit(f"{folder} can be written")
"""


@pytest.fixture(scope="module")
def production():
    return product_image("production")


def run(image, *command, options=()):
    return podman("run", "--rm", "--network=none", *RESTRICTED, *options, image, *command)


def python(image, program):
    return run(image, "-c", program, options=("--entrypoint=python",))


def test_the_image_adds_little_to_its_base(production):
    added = size_bytes(production) - size_bytes(base_image())
    assert added <= ADDED_BYTES, f"{added / 1e6:.0f} MB"


def test_what_is_left_out_of_the_libraries_is_missed_by_no_module(production):
    python(production, IMPORT_ALL)


def test_it_has_no_rights_and_can_write_nowhere(production):
    uid, gid, permitted, bounding, no_new = python(production, RIGHTS).split()
    assert (uid, gid, no_new) == ("65532", "65532", "1")
    assert int(permitted, 16) == int(bounding, 16) == 0


def test_it_has_no_installer_and_no_broker(production):
    with pytest.raises(ContainersError, match="No module named 'pip'"):
        python(production, "import pip")
    with pytest.raises(ContainersError, match=r"embedded broker: not installed; .*\[demo\]"):
        run(production, "demo")


def test_without_brokers_a_worker_is_one_line(production):
    options = (
        "--env=DISTILLWATCH_KAFKA_BOOTSTRAP_SERVERS=127.0.0.1:1",
        "--env=DISTILLWATCH_KAFKA_START_TIMEOUT_S=0",
    )
    with pytest.raises(ContainersError) as refused:
        run(production, options=options)
    said = str(refused.value).splitlines()
    assert said[0] == "podman run: 1"
    assert re.fullmatch(r"distillwatch: broker 127.0.0.1:1: unreachable .*", said[1])


@pytest.mark.integration
def test_a_worker_is_healthy_unless_it_hangs_and_a_stop_ends_it_in_time(production, tmp_path):
    settings, port = tmp_path / "distillwatch.toml", free_port()
    with EmbeddedBroker() as broker:
        settings.write_text(
            f'[kafka]\nbootstrap_servers = "{broker.bootstrap}"\ntransactions = false\n'
        )
        options = (
            "--network=host",
            f"--env=DISTILLWATCH_HTTP_PORT={port}",
            f"--volume={settings}:/etc/distillwatch/{settings.name}:ro",
        )
        podman("run", "--rm", *RESTRICTED, *options, production, "topics", "create")
        with running(production, options=options) as worker:
            until(
                lambda: page(port, "readyz")[0] == 200,
                what="ready worker",
                within_s=90,
                detail=lambda: podman("logs", worker),
            )
            podman("healthcheck", "run", worker)
            process = inspected(worker)["State"]["Pid"]
            os.kill(process, signal.SIGSTOP)
            with pytest.raises(ContainersError):
                podman("healthcheck", "run", worker)
            os.kill(process, signal.SIGCONT)
            began = time.monotonic()
            podman("stop", f"--time={GRACE_S}", worker)
            assert time.monotonic() - began < GRACE_S
            state = inspected(worker)["State"]
            assert (state["ExitCode"], state["OOMKilled"]) == (0, False)


@pytest.mark.integration
def test_the_demo_finds_its_campaigns_with_a_temporary_folder_in_memory_only():
    demo = product_image("demo")
    said = podman(
        "run",
        "--rm",
        "--network=none",
        *RESTRICTED,
        "--tmpfs=/tmp",
        demo,
        "demo",
        "--seconds=60",
        within_s=600,
    )
    assert re.search(r"planted 3, found 3, missed 0, false 0 of \d+ incidents", said), said
