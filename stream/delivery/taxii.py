"""Sends bundles to a collection of a TAXII 2.1 server and gets them from one (OASIS, 2021).

The only module that knows ``taxii2client``. A server is another operator's: what it answers is
bounded in size, time and pages, and is read like a file.
"""

from __future__ import annotations

import contextlib
import json
import threading
import time
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeoutError
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter
from taxii2client.exceptions import TAXIIServiceException
from taxii2client.v21 import Collection, as_pages

from stream.core.errors import UsageError
from stream.sharing.reading import MOST_BYTES, printable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stream.intake.sharing.settings import SharingSettings

#: Seconds until a server has to connect, to send something, to have sent an answer, and to have
#: sent all pages (assumed).
_CONNECT_S: Final = 10.0
_SILENCE_S: Final = 30.0
_ANSWER_S: Final = 120.0
_ALL_S: Final = 1_800.0
#: Pages that are read at most, and objects that are requested in one (assumed).
MOST_PAGES: Final = 1_000
_PAGE: Final = 1_000
_CHUNK: Final = 65_536
_LOOPBACK: Final = frozenset({"127.0.0.1", "::1", "localhost"})


class TaxiiError(UsageError):
    """A server cannot be used."""

    exit_code = 1


class _BoundedAdapter(HTTPAdapter):
    """Reads answers of bounded size within bounded time.

    In a thread: a server that sends a byte now and then, of a header or of a body, never lets a
    read end or time out. A thread that is left behind ends with the command.
    """

    def send(self, request: Any, **options: Any) -> Any:  # type: ignore[override]  # noqa: ANN401
        options |= {"timeout": (_CONNECT_S, _SILENCE_S), "stream": True}
        answer: Future[Any] = Future()

        def fetch() -> None:
            try:
                answer.set_result(_whole(super(_BoundedAdapter, self).send(request, **options)))
            except BaseException as error:  # noqa: BLE001 - raised where it is waited for
                answer.set_exception(error)

        threading.Thread(target=fetch, name="taxii", daemon=True).start()
        try:
            return answer.result(_ANSWER_S)
        except FutureTimeoutError:
            raise requests.exceptions.Timeout(f"no whole answer within {_ANSWER_S:g} s") from None


def _whole(answer: Any) -> Any:  # noqa: ANN401 - of requests
    """Return an answer with its body, read."""
    body = bytearray()
    with contextlib.closing(answer.raw):  # also of an answer that is waited for no more
        for chunk in answer.raw.stream(_CHUNK, decode_content=True):
            body += chunk
            if len(body) > MOST_BYTES:
                raise requests.exceptions.RequestException(
                    f"an answer larger than {MOST_BYTES // 2**20} MiB"
                )
    answer._content = bytes(body)  # noqa: SLF001 - as `requests` keeps what it has read
    return answer


def send(url: str, bundle: bytes, settings: SharingSettings) -> None:
    """Add the objects of a bundle to the collection at ``url``; raises TaxiiError."""
    with _collection(url, settings) as collection:
        objects = json.loads(bundle)["objects"]
        status = collection.add_objects({"objects": objects}, timeout=int(_ANSWER_S))
        if status.status != "complete" or status.failure_count:
            raise TaxiiError(
                f"{url}: {status.failure_count} of {len(objects)} objects were not added "
                f"({printable(str(status.status))})"
            )


def received(url: str, settings: SharingSettings) -> Iterator[bytes]:
    """Yield the pages of the collection at ``url`` as JSON; raises TaxiiError."""
    with _collection(url, settings) as collection:
        pages = as_pages(collection.get_objects, per_request=_PAGE)
        until = time.monotonic() + _ALL_S
        for number, page in enumerate(pages):
            if number >= MOST_PAGES:
                raise TaxiiError(f"{url}: more than {MOST_PAGES} pages")
            if time.monotonic() > until:
                raise TaxiiError(f"{url}: not all pages within {_ALL_S:g} s")
            if not isinstance(page, dict):
                raise TaxiiError(f"{url}: an answer that is no envelope of TAXII 2.1")
            yield json.dumps({"objects": page.get("objects", [])}).encode()
            if not page.get("objects"):
                return


@contextlib.contextmanager
def _collection(url: str, settings: SharingSettings) -> Iterator[Any]:
    try:
        parts = urlsplit(url)
    except ValueError as error:
        raise UsageError(f"--taxii: {error}") from error
    if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in _LOOPBACK):
        raise UsageError(f"--taxii: expected an https address, not {url!r}")
    collection = Collection(
        url,
        user=settings.taxii_user or None,
        password=settings.taxii_password.reveal() or None,
    )
    session = collection._conn.session  # noqa: SLF001 - it has no other way to bound answers
    for scheme in ("https://", "http://"):
        session.mount(scheme, _BoundedAdapter())
    try:
        yield collection
    except requests.exceptions.ConnectionError as error:
        raise TaxiiError(f"{url}: unreachable, or its certificate is not trusted") from error
    except (
        requests.exceptions.RequestException,
        TAXIIServiceException,
        # What the library does with answers that are no TAXII.
        *(ValueError, KeyError, TypeError, AttributeError, RecursionError),
    ) as error:
        raise TaxiiError(f"{url}: {type(error).__name__}: {printable(str(error))}") from error
    finally:
        collection.close()
