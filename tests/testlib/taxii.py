"""A TAXII 2.1 server with one collection (OASIS Standard, 2021: sections 3.7, 5.2, 5.4 and 5.5).

OASIS's reference server, medallion 3.0.0, is older than extension definitions: it takes their
``version`` for a time and answers 500. So this one is small and real: HTTP Basic, media types,
pages, and statuses as the standard has them.
"""

from __future__ import annotations

import base64
import contextlib
import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Final, Literal
from urllib.parse import parse_qs, urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterator

USER, PASSWORD = "ana", "a password of the group"
ID: Final = "91a7b528-80eb-42ed-a74d-c6fbd5a26116"
MEDIA: Final = "application/taxii+json;version=2.1"
_PAGE: Final = 7
_ALLOWED: Final = "Basic " + base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()


class TaxiiServer(ThreadingHTTPServer):
    """Holds the objects of the collection; ``answer`` replaces every answer about objects.

    ``drips``: of an answer about objects this part is sent a byte at a time, without end.
    """

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.objects: list[dict[str, Any]] = []
        self.answer: bytes | None = None
        self.drips: Literal["", "header", "body"] = ""
        self.closing = threading.Event()

    @property
    def url(self) -> str:
        """Return the address of the collection."""
        return f"http://127.0.0.1:{self.server_address[1]}/group/collections/{ID}/"


class _Handler(BaseHTTPRequestHandler):
    server: TaxiiServer

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        if not self._admitted():
            return
        if parts.path.endswith(f"/collections/{ID}/"):
            self._send(200, {"id": ID, "title": "Campaigns", "can_read": True, "can_write": True})
        elif parts.path.endswith("/objects/"):
            self._page({name: values[0] for name, values in parse_qs(parts.query).items()})
        else:
            self._send(404, {"title": "no such resource"})

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if not self._admitted():
            return
        if self.headers["Content-Type"].replace(" ", "") != MEDIA:
            self._send(415, {"title": "another media type"})
            return
        added = json.loads(body)["objects"]
        self.server.objects += added
        status = {
            "id": "2d086da7-4bdc-4f91-900e-d77486753710", "status": "complete",
            "total_count": len(added), "success_count": len(added), "failure_count": 0,
            "pending_count": 0,
        }  # fmt: skip
        self._send(202, status)

    def _page(self, query: dict[str, str]) -> None:
        if self.server.drips:
            self._drip()
            return
        if self.server.answer is not None:
            self._send(200, self.server.answer)
            return
        start = int(query.get("next", 0))
        end = start + min(int(query.get("limit", _PAGE)), _PAGE)
        envelope: dict[str, Any] = {"objects": self.server.objects[start:end]}
        if end < len(self.server.objects):
            envelope |= {"more": True, "next": str(end)}
        self._send(200, envelope)

    def _drip(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", MEDIA)
        if self.server.drips == "header":
            self.flush_headers()
            self.wfile.write(b"X-Long: ")
        else:
            self.send_header("Content-Length", "1000000")
            self.end_headers()
        with contextlib.suppress(OSError):
            while not self.server.closing.wait(0.05):
                self.wfile.write(b" ")

    def _admitted(self) -> bool:
        if self.headers.get("Authorization") != _ALLOWED:
            self._send(401, {"title": "who are you?"})
            return False
        if self.headers.get("Accept", "").replace(" ", "") not in {MEDIA, "*/*"}:
            self._send(406, {"title": "another media type"})
            return False
        return True

    def _send(self, status: int, body: dict[str, Any] | bytes) -> None:
        text = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", MEDIA)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *arguments: object) -> None:
        """Write nothing."""


@contextmanager
def taxii_server() -> Iterator[TaxiiServer]:
    """Yield a server with an empty collection, which the user may read and write."""
    with TaxiiServer() as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.closing.set()
            server.shutdown()
            thread.join(5)
