"""The product's own commands as processes: their settings, their pages, their log."""

import os
import subprocess
import sys
import urllib.error
import urllib.request
import uuid

from testlib.paths import ROOT
from testlib.ports import free_port

DISTILLWATCH = [sys.executable, "-m", "stream.cli.main"]


def settings(bootstrap: str, **more: object) -> dict[str, str]:
    """Return an environment with topics and a group of its own; ``more`` as ``kafka_username``."""
    run_id = f"t{uuid.uuid4().hex[:8]}"
    given = {
        "kafka_bootstrap_servers": bootstrap,
        "kafka_app_id": run_id,
        "kafka_commit_interval_s": 0.3,
        "kafka_session_timeout_s": 3,
        "kafka_heartbeat_interval_s": 0.5,
        "topics_requests": f"{run_id}.requests",
        "topics_alerts": f"{run_id}.alerts",
        "topics_deadletter": f"{run_id}.deadletter",
        "topics_verdicts": f"{run_id}.verdicts",
        "topics_suppressions": f"{run_id}.suppressions",
        "topics_decisions": f"{run_id}.decisions",
        "topics_effects": f"{run_id}.effects",
        "topics_answers": f"{run_id}.answers",
        "topics_ledger": f"{run_id}.ledger",
        "topics_indicators": f"{run_id}.indicators",
        "topics_audit": f"{run_id}.audit",
        "topics_accounts": f"{run_id}.accounts",
        "topics_internal_prefix": f"{run_id}.internal.",
        "topics_partitions": 1,
        "topics_requests_partitions": 1,
        "http_host": "127.0.0.1",
        "http_port": free_port(),
        "windows_idle_timeout_s": 1,
    } | more
    return environment(**given)


def environment(**settings: object) -> dict[str, str]:
    """Return an environment with these settings and no others of the product."""
    clean = {name: value for name, value in os.environ.items() if "DISTILLWATCH_" not in name}
    given = {f"DISTILLWATCH_{name.upper()}": str(value) for name, value in settings.items()}
    return clean | {"PYTHONPATH": str(ROOT)} | given


def worker_environment(bootstrap: str, **settings: object) -> dict[str, str]:
    """Return an environment for a worker on loopback with the product's own defaults."""
    own = {
        "kafka_bootstrap_servers": bootstrap,
        "http_host": "127.0.0.1",
        "http_port": free_port(),
    }
    return environment(**own | settings)


def page(port: int | str, name: str, within_s: float = 5.0) -> tuple[int, str]:
    """Return status and text of a page on loopback; status 0 while nobody listens."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/{name}", timeout=within_s) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()
    except OSError:
        return 0, ""


def run(environment: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a command to its end."""
    return subprocess.run(
        [*DISTILLWATCH, *arguments],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=90,
    )
