"""The demo's gateway lets through what an enforcer lets through; a server gives any answer."""

from __future__ import annotations

from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import TYPE_CHECKING

import pytest

from stream.tools.demo.demo_gateway import DemoGateway
from stream.tools.simulate.request import Request

if TYPE_CHECKING:
    from collections.abc import Iterator

TOKEN = "t" * 16


class Enforcer:
    """Statuses by account, and the accounts that it was consulted about."""

    def __init__(self) -> None:
        self.statuses: dict[str | None, int] = {}
        self.consulted: list[str | None] = []
        self.port = 0


@pytest.fixture
def enforcer() -> Iterator[Enforcer]:
    found = Enforcer()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            account = self.headers["x-account"]
            found.consulted.append(account)
            assert (self.path, self.headers["X-Api-Key"]) == ("/authorize", TOKEN)
            self.send_response(found.statuses.get(account, 200))
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"{}")

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        Thread(target=server.serve_forever, daemon=True).start()
        found.port = server.server_address[1]
        yield found
        server.shutdown()


def request(account: str, time: float = 1000.0) -> Request:
    return Request(
        timestamp=time, account_id=account, model="m", status=200, input_tokens=9,
        output_tokens=100, reasoning_tokens=5, prompt="a question", response="an answer",
    )  # fmt: skip


@pytest.mark.parametrize("status", [403, 429])
def test_a_refused_request_is_logged_without_tokens_and_answer(
    enforcer: Enforcer, status: int
) -> None:
    enforcer.statuses["acc-1"] = status
    with DemoGateway(enforcer.port, TOKEN) as gateway:
        logged = gateway.handle(request("acc-1"))
        assert (logged.status, logged.output_tokens, logged.input_tokens) == (status, 0, 0)
        assert (logged.response, logged.reasoning_tokens) == (None, None)
        assert (logged.account_id, logged.prompt) == ("acc-1", "a question")
        passing = request("acc-10")
        assert gateway.handle(passing) is passing
        assert gateway.unanswered == 0


def test_an_answer_counts_for_a_moment(enforcer: Enforcer) -> None:
    with DemoGateway(enforcer.port, TOKEN) as gateway:

        def status(time: float) -> int | None:
            return gateway.handle(request("acc-1", time)).status

        assert [status(time) for time in (1000.0, 1001.0, 1299.0)] == [200, 200, 200]
        assert enforcer.consulted == ["acc-1"]
        enforcer.statuses["acc-1"] = 403
        assert [status(time) for time in (1299.5, 1300.0, 1599.0)] == [200, 403, 403]
        enforcer.statuses.clear()
        assert status(1600.0) == 200
        assert gateway.consulted == len(enforcer.consulted) == 3


@pytest.mark.parametrize("status", [401, 500, 404])
def test_what_is_no_answer_lets_requests_pass_and_is_counted(
    enforcer: Enforcer, status: int
) -> None:
    enforcer.statuses["acc-1"] = status
    with DemoGateway(enforcer.port, TOKEN) as gateway:
        assert gateway.handle(request("acc-1")) == request("acc-1")
        assert gateway.unanswered == 1


def test_without_an_enforcer_requests_pass() -> None:
    with DemoGateway(1, TOKEN) as gateway:
        assert gateway.handle(request("acc-1")) == request("acc-1")
        assert gateway.handle(request("acc-2")) == request("acc-2")
        assert gateway.unanswered == 2
