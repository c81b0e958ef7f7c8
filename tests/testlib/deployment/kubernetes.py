"""An API server of Kubernetes with etcd, as `.ci/kubernetes-tools` builds them.

It admits, validates and stores as in a cluster: strict validation of fields, Pod Security
Admission, RBAC, and the definitions of custom resources. There is no kubelet, so no pod runs, and
no controller: what a Deployment would make is not made.
"""

from __future__ import annotations

import json
import os
import ssl
import subprocess
import urllib.error
import urllib.request
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import yaml
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from testlib.paths import ROOT
from testlib.ports import free_ports
from testlib.until import until

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

TOOLS = Path(os.environ.get("KUBERNETES_TOOLS", ROOT / ".kubernetes"))
#: Who may do everything, with this token.
ADMINISTRATOR = "administrator"
TOKEN = "a" * 32
PATCHES = "application/merge-patch+json"


@dataclass(frozen=True)
class Answer:
    """What the API server answered; ``warnings`` as kubectl prints them."""

    status: int
    body: dict[str, Any]
    warnings: list[str]

    @property
    def message(self) -> str:
        """Why it was refused."""
        return str(self.body.get("message", ""))


@dataclass(frozen=True)
class ApiServer:
    """A running one, and the file with which helm reaches it."""

    address: str
    authority: Path
    kubeconfig: Path

    def call(
        self, method: str, path: str, body: object = None, *, token: str = TOKEN, **query: str
    ) -> Answer:
        """Return the answer to one request, refused or not."""
        kind = PATCHES if method == "PATCH" else "application/json"
        request = urllib.request.Request(  # noqa: S310 - loopback
            f"{self.address}{path}?{urlencode(query)}",
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Authorization": f"Bearer {token}", "Content-Type": kind},
        )
        try:
            answer = urllib.request.urlopen(  # noqa: S310 - loopback
                request, timeout=60, context=ssl.create_default_context(cafile=self.authority)
            )
        except urllib.error.HTTPError as refused:
            answer = refused
        with answer:
            content = answer.read()
            warnings = answer.headers.get_all("Warning") or []
            found = json.loads(content) if content.startswith(b"{") else {}
            return Answer(answer.status, found, warnings)

    def done(self, method: str, path: str, body: object = None, **options: Any) -> dict[str, Any]:
        """Return the body of the answer to a request that has to succeed."""
        answer = self.call(method, path, body, **options)
        assert answer.status < 300, (method, path, answer.message)
        return answer.body

    def path(self, api_version: str, kind: str, namespace: str) -> str:
        """Return where objects of a kind are; fail when the server does not have it."""
        base = f"/api/{api_version}" if api_version == "v1" else f"/apis/{api_version}"
        for resource in self.done("GET", base)["resources"]:
            if resource["kind"] == kind and "/" not in resource["name"]:
                within = f"/namespaces/{namespace}" if resource["namespaced"] else ""
                return f"{base}{within}/{resource['name']}"
        raise AssertionError(f"{api_version} has no {kind}")

    def create(
        self, one: dict[str, Any], namespace: str = "", *, dry_run: bool = False, **options: Any
    ) -> Answer:
        """Create an object, with fields that are unknown or given twice refused."""
        query = {"fieldValidation": "Strict"} | ({"dryRun": "All"} if dry_run else {})
        path = self.path(one["apiVersion"], one["kind"], namespace)
        return self.call("POST", path, one, **query, **options)

    def get(self, api_version: str, kind: str, namespace: str, name: str) -> dict[str, Any]:
        """Return an object."""
        return self.done("GET", f"{self.path(api_version, kind, namespace)}/{name}")

    def namespaced(self, namespace: str) -> dict[tuple[str, str], dict[str, Any]]:
        """Return every object of a namespace but events, by kind and name.

        The API server writes one itself when it checks the address of a new Service too early.
        """
        groups = self.done("GET", "/apis")["groups"]
        bases = [f"/apis/{group['preferredVersion']['groupVersion']}" for group in groups]
        return {
            (resource["kind"], one["metadata"]["name"]): one
            for base in ["/api/v1", *bases]
            for resource in self.done("GET", base)["resources"]
            if resource["namespaced"]
            and "list" in resource["verbs"]
            and resource["kind"] != "Event"
            for one in self.done("GET", f"{base}/namespaces/{namespace}/{resource['name']}")[
                "items"
            ]
        }

    def define(self, files: Sequence[Path]) -> None:
        """Define custom resources as in files, until they are served so; replace definitions."""
        base = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
        for file in files:
            one = yaml.safe_load(file.read_text())
            path = f"{base}/{one['metadata']['name']}"
            before = self.call("GET", path)
            if before.status == 200:
                one["metadata"]["resourceVersion"] = before.body["metadata"]["resourceVersion"]
                self.done("PUT", path, one)
            else:
                self.done("POST", base, one)
            until(partial(self._serves, one["spec"]), what=file.name)

    def _serves(self, definition: dict[str, Any]) -> bool:
        group, kind = definition["group"], definition["names"]["kind"]
        versions = self.call("GET", f"/apis/{group}").body.get("versions", [])
        served = {
            version["version"]
            for version in versions
            for resource in self._resources(version["groupVersion"])
            if resource["kind"] == kind
        }
        wanted = {one["name"] for one in definition["versions"] if one["served"]}
        # Storage is made at the first request, which is refused meanwhile.
        listed = (f"/apis/{group}/{one}/{definition['names']['plural']}" for one in wanted)
        return served == wanted and all(self.call("GET", path).status == 200 for path in listed)

    def _resources(self, group_version: str) -> list[dict[str, Any]]:
        """Return what a version has, nothing before it is served."""
        found: list[dict[str, Any]] = self.call("GET", f"/apis/{group_version}").body.get(
            "resources", []
        )
        return found


@contextmanager
def serving(folder: Path) -> Iterator[ApiServer]:
    """Run one, on free ports, with all its state in a folder."""
    port, clients, peers = free_ports(3)
    etcd = f"http://127.0.0.1:{clients}"
    made = ApiServer(f"https://127.0.0.1:{port}", folder / "apiserver.crt", folder / "kubeconfig")
    _write_credentials(made, folder)
    with ExitStack() as stack:
        store = [
            f"--data-dir={folder / 'etcd'}",
            f"--listen-client-urls={etcd}",
            f"--advertise-client-urls={etcd}",
            f"--listen-peer-urls=http://127.0.0.1:{peers}",
            "--unsafe-no-fsync",
        ]
        stack.enter_context(_running("etcd", store, folder))
        server = [
            f"--etcd-servers={etcd}",
            f"--secure-port={port}",
            "--bind-address=127.0.0.1",
            f"--cert-dir={folder}",
            f"--token-auth-file={folder / 'tokens.csv'}",
            "--authorization-mode=RBAC",
            "--service-account-issuer=https://kubernetes.default.svc",
            f"--service-account-key-file={folder / 'accounts.key'}",
            f"--service-account-signing-key-file={folder / 'accounts.key'}",
        ]
        alive = stack.enter_context(_running("kube-apiserver", server, folder))
        until(lambda: _ready(made), within_s=120, what="API server", check=alive)
        yield made


def _write_credentials(made: ApiServer, folder: Path) -> None:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.TraditionalOpenSSL,
        serialization.NoEncryption(),
    )
    (folder / "accounts.key").write_bytes(pem)
    (folder / "tokens.csv").write_text(f'{TOKEN},{ADMINISTRATOR},1,"system:masters"\n')
    cluster = {"server": made.address, "certificate-authority": str(made.authority)}
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "test",
        "contexts": [{"name": "test", "context": {"cluster": "test", "user": "test"}}],
        "clusters": [{"name": "test", "cluster": cluster}],
        "users": [{"name": "test", "user": {"token": TOKEN}}],
    }
    made.kubeconfig.write_text(yaml.safe_dump(config))
    made.kubeconfig.chmod(0o600)


def _ready(server: ApiServer) -> bool:
    try:
        return server.call("GET", "/readyz").status == 200
    except OSError:
        return False


@contextmanager
def _running(name: str, options: Sequence[str], folder: Path) -> Iterator[Any]:
    """Run a program; yields what fails with the end of its log once it has ended."""
    log = folder / f"{name}.log"
    with log.open("wb") as out:
        process = subprocess.Popen([TOOLS / "bin" / name, *options], stdout=out, stderr=out)

    def alive() -> None:
        assert process.poll() is None, log.read_text()[-3000:]

    try:
        yield alive
        alive()
    finally:
        process.kill()
        process.wait()
