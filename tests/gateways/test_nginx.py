"""nginx carries decisions out, configured as docs/decisions.md has it."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

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

LOCATIONS = block("nginx", "auth_request")
FORGED = {
    "x-account": "benign-1",
    "x-distillwatch-tier": "watch",
    "x-distillwatch-model": "largest",
    "x-distillwatch-hide-reasoning": "1",
    "x-distillwatch-decision": "dec_forged",
}
SOON_S = 5.0


def configuration(port: int, enforcer: int, models: int) -> str:
    """Return nginx's configuration around the documented locations."""
    return f"""
daemon off;
master_process off;
pid nginx.pid;
error_log stderr;
events {{}}
http {{
  access_log off;
  client_body_temp_path body;
  proxy_temp_path proxy;
  fastcgi_temp_path fastcgi;
  uwsgi_temp_path uwsgi;
  scgi_temp_path scgi;
  upstream models {{ server 127.0.0.1:{models}; }}
  server {{
    listen 127.0.0.1:{port};
    set $account $http_x_caller; # stands for authentication
    set $distillwatch_token {TOKEN};
    {LOCATIONS.replace("enforcer:6070", f"127.0.0.1:{enforcer}")}
  }}
}}
"""


@contextmanager
def nginx(program: str, folder: Path, enforcer: int) -> Iterator[int]:
    """Run nginx before an upstream; yield its port."""
    port = free_port()
    with upstream() as models:
        config, log = folder / "nginx.conf", folder / "nginx.log"
        config.write_text(configuration(port, enforcer, models))
        with process(log, program, "-p", str(folder), "-c", str(config)) as running:

            def check() -> None:
                assert running.poll() is None, log.read_text()

            until(lambda: answered(port), within_s=30, what="nginx", check=check)
            yield port


def answered(port: int) -> bool:
    try:
        return send(port, "benign-1").status > 0
    except OSError:
        return False


def test_each_decision_is_carried_out_and_without_an_enforcer_requests_pass(
    debian_tool: Callable[[str], str], tmp_path: Path
) -> None:
    program = debian_tool("nginx")
    with (
        enforcing(tmp_path, enforcer_model="small") as loop,
        loop.running() as enforcer,
        nginx(program, tmp_path, loop.port) as port,
    ):
        benign = Bystanders(port)
        with benign.sending():
            loop.decide("suspend", "acc-1")
            loop.decide("throttle", "acc-2", requests_per_minute=1)
            loop.decide("reroute", "acc-3")
            until(lambda: send(port, "acc-3").ours, what="reroute", within_s=SOON_S)

            assert send(port, "acc-1", FORGED).status == 403
            assert [send(port, "acc-2").status for _ in range(2)] == [200, 403]
            rerouted = send(port, "acc-3", FORGED)
            assert (rerouted.status, rerouted.ours["x-distillwatch-model"]) == (200, "small")
            assert "x-distillwatch-hide-reasoning" not in rerouted.ours
            forged = send(port, "benign-1", FORGED)
            assert (forged.status, forged.ours) == (200, {})

            enforcer.kill()
            assert [send(port, one).status for one in ("acc-1", "acc-2")] == [200, 200]
        assert benign.statuses.keys() == {200}
