"""Podman with a storage of its own in the cache, and the images that the tests run.

No registry is reached: the base image is made of Debian's packages, once on a machine.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import re
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from testlib.brokers.apache_kafka import CACHE, jars
from testlib.paths import DEPLOY, ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator

STORE = CACHE / "containers"
STAND_INS = Path(__file__).with_name("stand_ins.Dockerfile")
PRODUCT = "localhost/distillwatch"
#: Without rights, and read-only as with Docker: podman's own `--read-only` lets /tmp be written.
RESTRICTED = (
    "--read-only",
    "--read-only-tmpfs=false",
    "--cap-drop=ALL",
    "--security-opt=no-new-privileges",
)
#: runc and cgroupfs also run where cgroups are of two versions, and without systemd.
ENGINE = """
[containers]
default_ulimits = ["nofile=4096:4096", "nproc=8192:8192"]
[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
events_logger = "file"
[network]
network_backend = "netavark"
"""
STORAGE = f"""
[storage]
driver = "overlay"
graphroot = "{STORE}/storage"
runroot = "/run/distillwatch-containers"
"""
#: The Python of the default base, and what a build needs besides.
DEBIAN = (
    "mmdebstrap",
    "--quiet",
    "--variant=minbase",
    "--dpkgopt=force-unsafe-io",
    "--include=python3,python3-pip,python3-venv,ca-certificates",
    "bookworm",
)
#: What the default base has besides.
BASE = """
FROM {debian}
ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
RUN ln -s python3 /usr/bin/python
"""
#: What decides where pip gets packages from.
PIP = ("cert", "index-url", "extra-index-url", "trusted-host", "proxy")


class ContainersError(RuntimeError):
    """Podman refuses; the last lines say why."""


def environment() -> dict[str, str]:
    """Return the variables with which podman, and what runs it, use the storage of the tests."""
    STORE.mkdir(parents=True, exist_ok=True)
    paths = {}
    for name, text in {"CONTAINERS_CONF": ENGINE, "CONTAINERS_STORAGE_CONF": STORAGE}.items():
        path = STORE / f"{name.lower()}.toml"
        if not path.exists() or path.read_text() != text:
            path.write_text(text)
        paths[name] = str(path)
    # Health checks run when a test wants them: timers for them are systemd's.
    return {**os.environ, **paths, "DISABLE_HC_SYSTEMD": "true"}


def podman(*command: object, within_s: float = 120) -> str:
    """Return what a command prints; raises ContainersError with its last lines."""
    done = subprocess.run(
        ["podman", *map(str, command)],
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
        timeout=within_s,
        cwd=STORE,  # conmon leaves a file there when memory ends
    )
    if done.returncode:
        lines = (done.stdout + done.stderr).strip().splitlines()[-40:]
        raise ContainersError("\n".join([f"podman {command[0]}: {done.returncode}", *lines]))
    return done.stdout


def inspected(container: str) -> dict[str, Any]:
    """Return what podman knows of a container."""
    (found,) = json.loads(podman("container", "inspect", container))
    return dict(found)


def size_bytes(image: str) -> int:
    """Return the size of an image with all that it is made from."""
    return int(podman("image", "inspect", "--format={{.Size}}", image))


@cache
def base_image() -> str:
    """Return the image that stands for the default of the Dockerfile's ``PYTHON``."""
    tag = hashlib.sha256(repr((DEBIAN, BASE)).encode()).hexdigest()[:12]
    name = f"{PRODUCT}-base:{tag}"
    with locked("images"):
        if tag in podman("images", "--format={{.Tag}}").split():
            return name
        with tempfile.TemporaryDirectory(dir=STORE) as folder:
            tar = Path(folder, "base.tar")
            subprocess.run([*DEBIAN, tar], check=True, timeout=900)
            podman("import", "--quiet", tar, f"{name}-debian", within_s=300)
            Path(folder, "Dockerfile").write_text(BASE.format(debian=f"{name}-debian"))
            tar.unlink()
            podman("build", "--quiet", f"--tag={name}", folder, within_s=300)
    return name


@cache
def product_image(target: str) -> str:
    """Build a target of deploy/Dockerfile; its stages get names, too, so that they stay cached."""
    file, base = DEPLOY / "Dockerfile", base_image()
    stages = re.findall(r"^FROM \S+ AS (\S+)$", file.read_text(), re.MULTILINE)
    with locked("images"), _settings_of_pip() as mounted:
        for stage in stages:
            if stage in {"dependencies", "build"} or stage.endswith(target):
                build(file, stage, f"{PRODUCT}:{stage}", ROOT, f"PYTHON={base}", *mounted)
        podman("image", "prune", "--force")
    return f"{PRODUCT}:{target}"


@cache
def stand_in(service: str) -> str:
    """Build what runs a service of compose.yaml here: stand_ins.Dockerfile."""
    base = base_image()
    with locked("images"):
        for stage in ("packages", service):
            build(STAND_INS, stage, f"{PRODUCT}-{stage}:latest", jars(), f"BASE={base}")
    return f"{PRODUCT}-{service}:latest"


def build(file: Path, target: str, name: str, folder: Path, base: str, *options: str) -> None:
    """Build a target of a Dockerfile from a folder; ``base`` is the argument that has its base."""
    podman(
        "build",
        "--format=docker",  # the other one has no health check
        "--network=host",
        f"--file={file}",
        f"--target={target}",
        f"--tag={name}",
        f"--build-arg={base}",
        *options,
        folder,
        within_s=600,
    )


@contextmanager
def running(image: str, *command: str, options: tuple[str, ...] = ()) -> Iterator[str]:
    """Run an image without rights; yield the container's id, and remove it in the end."""
    container = podman("run", "--detach", *RESTRICTED, *options, image, *command).strip()
    try:
        yield container
    finally:
        podman("rm", "--force", "--time=0", "--volumes", container)


@contextmanager
def locked(what: str) -> Iterator[None]:
    """Let one process of this machine at a time do it."""
    STORE.mkdir(parents=True, exist_ok=True)
    with (STORE / f"{what}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@contextmanager
def _settings_of_pip() -> Iterator[list[str]]:
    """Yield the options with which a build installs from where this machine does."""
    done = subprocess.run(
        [sys.executable, "-m", "pip", "config", "list"], capture_output=True, text=True, check=True
    )
    found = dict(re.findall(r"^\S+?\.([\w-]+)='(.*)'$", done.stdout, re.MULTILINE))
    lines = ["[global]", *(f"{key} = {value}" for key, value in found.items() if key in PIP)]
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "pip.conf")
        file.write_text("\n".join(lines))
        mounted = {str(file): "/etc/pip.conf"}
        if certificate := found.get("cert"):
            mounted[certificate] = certificate
        yield [f"--volume={source}:{at}:ro" for source, at in mounted.items()]
