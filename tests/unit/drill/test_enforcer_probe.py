"""What a drill reports of an enforcer's answers; a server gives any answer."""

from __future__ import annotations

from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import TYPE_CHECKING

import aiohttp
import pytest

from stream.core.secret import Secret
from stream.http.enforcer.settings import EnforcerSettings
from stream.tools.drill.enforcer_probe import EnforcerProbe

if TYPE_CHECKING:
    from collections.abc import Iterator

TOKEN = "t" * 16
SETTINGS = EnforcerSettings(tokens=Secret(f"{TOKEN} {'u' * 16}"), account_header="x-caller")
HELD = '[{"value": "drill-a-000", "simulated": true}]'


class Answers:
    """Status and body of the next answers, and the requests that came."""

    def __init__(self) -> None:
        self.lookup = (200, HELD)
        self.authorize = 200
        self.requests: list[tuple[str, str | None, str | None]] = []


@pytest.fixture
def answers() -> Answers:
    return Answers()


@pytest.fixture
def url(answers: Answers) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path, headers = self.path, self.headers
            answers.requests.append((path, headers["X-Api-Key"], headers["x-caller"]))
            status, body = (answers.authorize, "") if path == "/authorize" else answers.lookup
            self.send_response(status)
            self.send_header("Content-Type", "application/json" if body else "text/plain")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


async def trouble(url: str, *, held: bool = True) -> str:
    async with aiohttp.ClientSession() as session:
        return await EnforcerProbe(session, url, SETTINGS).trouble("drill-a-000", held=held)


async def test_an_enforcer_that_has_the_decision_and_passes_requests_is_well(
    url: str, answers: Answers
) -> None:
    assert await trouble(f"{url}/") == ""
    lookup = "/v1/decisions?scope=username&value=drill-a-000&simulated=true"
    assert answers.requests == [(lookup, TOKEN, None), ("/authorize", TOKEN, "drill-a-000")]
    answers.lookup = (200, "null")
    assert await trouble(url, held=False) == ""


@pytest.mark.parametrize(
    ("lookup", "authorize", "held", "shown"),
    [
        ((200, "null"), 200, True, "does not follow the decisions topic"),
        ((200, HELD.replace("true", "false")), 200, True, "does not follow"),
        ((200, HELD), 200, False, "does not follow the decisions topic"),
        ((200, HELD), 403, True, "the decision is simulated (403)"),
        ((200, HELD), 429, True, "the decision is simulated (429)"),
        ((401, ""), 200, True, "it has other enforcer.tokens"),
        ((404, ""), 200, True, "answers 404: it is no enforcer of this version"),
        ((200, "{"), 200, True, "no enforcer answers"),
    ],
)
async def test_what_is_wrong_is_one_line(
    lookup: tuple[int, str], authorize: int, *, held: bool, shown: str, url: str, answers: Answers
) -> None:
    answers.lookup, answers.authorize = lookup, authorize
    found = await trouble(url, held=held)
    assert shown in found
    assert url in found
    assert "\n" not in found


@pytest.mark.parametrize("address", ["http://127.0.0.1:1", "no address"])
async def test_an_absent_enforcer_is_to_be_started_or_named(address: str) -> None:
    found = await trouble(address)
    assert found.startswith(f"no enforcer answers at {address} (")
    assert found.endswith("start `distillwatch enforcer`, or name where it listens with --enforcer")
