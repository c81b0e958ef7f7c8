"""Envoy carries decisions out, configured as docs/decisions.md has it."""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from testlib.documented import block
from testlib.ports import free_port
from testlib.until import until
from testlib.upstream import Bystanders, send, upstream
from testlib.workers.enforcing import TOKEN, enforcing
from testlib.workers.gateway import process

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

pytestmark = [pytest.mark.gateways, pytest.mark.timeout(120)]

FILTER = yaml.safe_load(block("yaml", "envoy.filters.http.ext_authz"))
#: Stands for authentication: it overwrites what the caller sends.
CALLER = {
    "name": "envoy.filters.http.header_mutation",
    "typed_config": {
        "@type": "type.googleapis.com/envoy.extensions.filters.http.header_mutation.v3"
        ".HeaderMutation",
        "mutations": {
            "request_mutations": [
                {
                    "append": {
                        "header": {"key": "x-account", "value": "%REQ(x-caller)%"},
                        "append_action": "OVERWRITE_IF_EXISTS_OR_ADD",
                    }
                }
            ]
        },
    },
}
ROUTER = {
    "name": "envoy.filters.http.router",
    "typed_config": {"@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router"},
}
FORGED = {
    "x-account": "benign-1",
    "x-distillwatch-tier": "watch",
    "x-distillwatch-model": "largest",
    "x-distillwatch-hide-reasoning": "1",
    "x-distillwatch-decision": "dec_forged",
}
#: From an approval to the first refusal, 20 ms on an idle machine; wide, for busy ones.
SOON_S = 5.0


def cluster(name: str, port: int) -> dict[str, Any]:
    address = {"socket_address": {"address": "127.0.0.1", "port_value": port}}
    endpoints = [{"lb_endpoints": [{"endpoint": {"address": address}}]}]
    return {"name": name, "load_assignment": {"cluster_name": name, "endpoints": endpoints}}


def bootstrap(port: int, enforcer: int, models: int, ext_authz: dict[str, Any]) -> str:
    """Return Envoy's configuration around the documented filter."""
    manager = {
        "@type": "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3"
        ".HttpConnectionManager",
        "stat_prefix": "models",
        "route_config": {
            "virtual_hosts": [
                {
                    "name": "models",
                    "domains": ["*"],
                    "routes": [{"match": {"prefix": "/"}, "route": {"cluster": "models"}}],
                }
            ]
        },
        "http_filters": [CALLER, ext_authz, ROUTER],
    }
    name = "envoy.filters.network.http_connection_manager"
    listener = {
        "name": "models",
        "address": {"socket_address": {"address": "127.0.0.1", "port_value": port}},
        "filter_chains": [{"filters": [{"name": name, "typed_config": manager}]}],
    }
    clusters = [cluster("enforcer", enforcer), cluster("models", models)]
    return yaml.safe_dump({"static_resources": {"listeners": [listener], "clusters": clusters}})


@contextmanager
def envoy(
    program: str, folder: Path, enforcer: int, ext_authz: dict[str, Any] = FILTER
) -> Iterator[int]:
    """Run Envoy before an upstream; yield its port."""
    port = free_port()
    with upstream() as models:
        config = folder / f"envoy-{port}.yaml"
        config.write_text(bootstrap(port, enforcer, models, ext_authz))
        log = folder / f"envoy-{port}.log"
        options = ("--concurrency", "1", "--disable-hot-restart", "--log-level", "warning")
        with process(log, program, "-c", str(config), *options, ENFORCER_TOKEN=TOKEN) as running:

            def check() -> None:
                assert running.poll() is None, log.read_text()

            until(lambda: answered(port), within_s=30, what="Envoy", check=check)
            yield port


def answered(port: int) -> bool:
    try:
        return send(port, "benign-1").status > 0
    except OSError:
        return False


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("envoy")


@pytest.fixture(scope="module")
def program(tool: Callable[[str], str]) -> str:
    return tool("envoy")


def test_each_decision_is_carried_out_and_benign_callers_notice_nothing(
    program: str, folder: Path
) -> None:
    with (
        enforcing(folder, enforcer_model="small") as loop,
        loop.running(),
        envoy(program, folder, loop.port) as port,
    ):
        benign = Bystanders(port)
        with benign.sending():
            suspended = loop.decide("suspend", "acc-1")
            loop.decide("throttle", "acc-2", requests_per_minute=1)
            loop.decide("reroute", "acc-3")
            until(lambda: send(port, "acc-3").ours, what="reroute", within_s=SOON_S)

            refused = send(port, "acc-1", FORGED)
            assert refused.status == 403
            first, second = send(port, "acc-2"), send(port, "acc-2")
            assert (first.status, first.ours["x-distillwatch-tier"]) == (200, "throttle")
            assert second.status == 429
            assert 1 <= int(second.headers["retry-after"]) <= 60
            rerouted = send(port, "acc-3", FORGED)
            assert rerouted.status == 200
            assert rerouted.ours == {
                "x-distillwatch-tier": "reroute",
                "x-distillwatch-model": "small",
                "x-distillwatch-decision": f"dec_{3:020x}",
            }
            forged = send(port, "benign-1", FORGED)
            assert (forged.status, forged.ours) == (200, {})
            assert forged.arrived["x-account"] == "benign-1"
            assert "x-api-key" not in forged.arrived

            loop.undo(suspended)
            until(lambda: send(port, "acc-1").status == 200, what="pass", within_s=SOON_S)
        assert benign.statuses.keys() == {200}
        assert benign.statuses[200] > 10


def test_an_approval_is_carried_out_at_once(program: str, folder: Path) -> None:
    with (
        enforcing(folder) as loop,
        loop.running(),
        envoy(program, folder, loop.port) as port,
    ):
        took = []
        for number in range(5):
            account = f"acc-{number}"
            proposed = loop.propose("suspend", account)
            assert send(port, account).status == 200
            started = time.monotonic()
            loop.approve(proposed)
            until(
                lambda: send(port, account).status == 403,  # noqa: B023
                what="refusal",
                within_s=SOON_S,
                every_s=0.002,
            )
            took.append(1000 * (time.monotonic() - started))
        print(f"approval to first refusal through Envoy: {sorted(round(one) for one in took)} ms")


def test_without_an_enforcer_requests_pass_unless_the_operator_prefers_to_refuse(
    program: str, folder: Path
) -> None:
    closed = yaml.safe_load(yaml.safe_dump(FILTER))
    closed["typed_config"]["failure_mode_allow"] = False
    with enforcing(folder) as loop, loop.running() as enforcer:
        loop.decide("suspend", "acc-1")
        with (
            envoy(program, folder, loop.port) as port,
            envoy(program, folder, loop.port, closed) as shut,
        ):
            for each in (port, shut):
                until(lambda: send(each, "acc-1").status == 403, what="refusal", within_s=SOON_S)  # noqa: B023
            enforcer.kill()
            assert [send(port, one).status for one in ("acc-1", "benign-1")] == [200, 200]
            assert [send(shut, one).status for one in ("acc-1", "benign-1")] == [403, 403]


def test_stale_decisions_stop_everyone_only_with_fail_closed(program: str, folder: Path) -> None:
    with (
        enforcing(folder, enforcer_fail_closed=True, enforcer_stale_after_s=2) as loop,
        loop.running(),
        envoy(program, folder, loop.port) as port,
    ):
        loop.decide("suspend", "acc-1")
        until(lambda: send(port, "acc-1").status == 403, what="refusal", within_s=SOON_S)
        assert send(port, "benign-1").status == 200
        loop.broker.stop()
        until(lambda: send(port, "benign-1").status == 403, what="refusal", within_s=20)
