"""compose.yaml as podman-compose runs it, with stand-ins for the images of registries.

Versions of Podman before 4.6 cannot wait for a health check: the conditions of ``depends_on`` are
waited for here, and the services begin one after the other. Grafana has no stand-in and stays out.
"""

from __future__ import annotations

import subprocess
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from testlib.deployment.compose import COMPOSE, SERVICES
from testlib.deployment.containers import (
    STORE,
    ContainersError,
    environment,
    inspected,
    locked,
    podman,
    product_image,
    stand_in,
)
from testlib.until import until

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

PROJECT = "distillwatch-test"
#: Podman, with containers that are read-only as with Docker: its own lets /tmp be written.
READ_ONLY = """#!/bin/sh
if [ "$1" = create ]; then shift; set -- create --read-only-tmpfs=false "$@"; fi
exec podman "$@"
"""
STAND_INS = ("kafka", "prometheus", "alertmanager")


@contextmanager
def composed(program: str, variables: Mapping[str, str]) -> Iterator[Composed]:
    """Yield the project; ``variables`` are the file's. One at a time: its ports are fixed."""
    images = {"DISTILLWATCH_IMAGE": product_image("production")}
    images |= {f"{name.upper()}_IMAGE": stand_in(name) for name in STAND_INS}
    engine = STORE / "podman-read-only"
    engine.write_text(READ_ONLY)
    engine.chmod(0o755)
    project = Composed((program, "--podman-path", str(engine)), images | dict(variables))
    with locked("compose"):
        project.compose("down", "--volumes")  # what a run that was killed left behind
        try:
            yield project
        finally:
            project.compose("down", "--volumes", "--timeout", "5")


@dataclass(frozen=True)
class Composed:
    """The services of the file as containers."""

    program: tuple[str, ...]  # podman-compose and its options
    variables: Mapping[str, str]

    def compose(self, *arguments: str) -> None:
        """Run podman-compose on the file, with all profiles."""
        options = ["--project-name", PROJECT, "--file", str(COMPOSE)]
        options += [part for name in ("demo", "decisions") for part in ("--profile", name)]
        done = subprocess.run(
            [*self.program, *options, *arguments],
            env=environment() | dict(self.variables),
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
            cwd=STORE,
        )
        assert done.returncode == 0, done.stdout + done.stderr

    def up(self, *services: str) -> None:
        """Start services, each when the conditions hold that the file names for it."""
        for name in services:
            for needed, how in SERVICES[name].get("depends_on", {}).items():
                self.wait(needed, how["condition"])
            self.compose("up", "--detach", "--no-build", "--no-deps", name)

    def wait(self, service: str, condition: str) -> None:
        """Wait for a condition of compose's."""
        holds = {
            "service_healthy": self.healthy,
            "service_completed_successfully": self.completed,
        }[condition]
        until(
            lambda: holds(service),
            what=f"{condition} of {service}",
            within_s=120,
            every_s=1,
            detail=lambda: self.log(service),
        )

    def container(self, service: str) -> str:
        return f"{PROJECT}_{service}_1"

    def log(self, service: str) -> str:
        """Return the end of what a service prints."""
        return podman("logs", "--tail=60", self.container(service))

    def healthy(self, service: str) -> bool:
        """Run its health check."""
        try:
            podman("healthcheck", "run", self.container(service))
        except ContainersError:
            return False
        return True

    def completed(self, service: str) -> bool:
        """Return whether it has ended without an error; one with an error fails."""
        state = inspected(self.container(service))["State"]
        assert state["ExitCode"] == 0, self.log(service)
        return bool(state["Status"] == "exited")
