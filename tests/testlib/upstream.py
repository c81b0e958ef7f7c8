"""What stands behind a gateway: it answers each request with the headers that arrived."""

from __future__ import annotations

import http.client
import json
import threading
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

#: Between two requests of callers that are not under any decision.
_PACE_S = 0.02


class _Echo(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        body = json.dumps({name.lower(): value for name, value in self.headers.items()}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Keep quiet."""


@contextmanager
def upstream() -> Iterator[int]:
    """Listen on a port of loopback."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Echo) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield server.server_port
        server.shutdown()


@dataclass(frozen=True)
class Passage:
    """What became of a request: the caller's answer, and what arrived behind the gateway."""

    status: int
    headers: dict[str, str]
    arrived: dict[str, str]

    @property
    def ours(self) -> dict[str, str]:
        """Return the headers of the product that arrived."""
        return {
            name: value
            for name, value in self.arrived.items()
            if name.startswith("x-distillwatch-")
        }


def send(port: int, caller: str, headers: Mapping[str, str] | None = None) -> Passage:
    """Send a request of a caller through the gateway on a port of loopback."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        given = {"x-caller": caller, **(headers or {})}
        connection.request("POST", "/v1/chat/completions?n=1", b'{"model": "large"}', given)
        answer = connection.getresponse()
        body = answer.read()
    finally:
        connection.close()
    arrived = json.loads(body) if answer.status == 200 else {}
    return Passage(answer.status, dict(answer.getheaders()), arrived)


@dataclass
class Bystanders:
    """Callers that send all the time and have done nothing; ``statuses`` counts their answers."""

    port: int
    statuses: Counter[int] = field(default_factory=Counter)

    @contextmanager
    def sending(self) -> Iterator[None]:
        """Send in the background."""
        stopping = threading.Event()

        def run() -> None:
            number = 0
            while not stopping.wait(_PACE_S):
                number += 1
                self.statuses[send(self.port, f"benign-{number % 7}").status] += 1

        thread = threading.Thread(target=run)
        thread.start()
        try:
            yield
        finally:
            stopping.set()
            thread.join()
