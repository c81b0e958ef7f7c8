"""Nothing about an account without the token; nothing that others wrote becomes code."""

from __future__ import annotations

import asyncio
import json
import re
from importlib.resources import files

import pytest

from stream.core.errors import SettingsError
from stream.core.secret import Secret
from stream.http.bearer import Bearer
from stream.http.page.form import MAX_BODY

FILES = sorted(file.name for file in (files("stream.http.page") / "static").iterdir())
INCIDENT = f"/page/api/incidents/inc_{0:020x}"
TOKEN = "correct-horse-battery"  # noqa: S105 - of this test
VERDICT = {"alert_id": f"inc_{0:020x}", "verdict": "benign", "author": "Ada"}


@pytest.mark.parametrize(
    "path", ["/page/api/overview", INCIDENT, "/page/api/verdicts", "/page/api/x"]
)
@pytest.mark.parametrize(
    "sent",
    [None, "", "Bearer", "Bearer ", "Bearer wrong-horse-battery", "Basic correct-horse-battery",
     "correct-horse-battery", "Bearer correct-horse-batter", "Bearer correct-horse-battery2",
     "Bearer \udcff\udcfe", "bearer correct-horse-battery"],
)  # fmt: skip
async def test_without_the_token_no_data_is_shown(served, stranger, incident_of, path, sent):
    served.history.apply(incident_of(), 0.0)
    headers = {} if sent is None else {"Authorization": sent}
    method = "POST" if path.endswith("verdicts") else "GET"
    async with stranger.request(method, path, headers=headers, json=VERDICT) as response:
        assert response.status == 401
        assert response.headers["WWW-Authenticate"] == "Bearer"
        assert await response.json() == {"error": "unauthorized"}
    assert served.written == []


async def test_no_other_way_lets_anybody_in(served, stranger, incident_of):
    served.history.apply(incident_of(), 0.0)
    for path in (
        f"/page/api/overview?token={TOKEN}",
        "/page/api/../api/overview",
        "/page//api/overview",
    ):
        async with stranger.get(path, cookies={"token": TOKEN}) as response:
            assert response.status in {401, 404}
            assert "acct_a" not in await response.text()


async def test_each_of_several_tokens_opens(stranger):
    for token in ("correct-horse-battery", "old-correct-horse-battery"):
        headers = {"Authorization": f"Bearer {token}"}
        async with stranger.get("/page/api/overview", headers=headers) as response:
            assert response.status == 200


@pytest.mark.parametrize(
    "path", ["/page", "/page/", "/page/app.js", "/page/api/overview", "/page/x"]
)
async def test_every_answer_is_locked_down(stranger, path):
    async with stranger.get(path, allow_redirects=False) as response:
        policy = dict(
            one.split(" ", 1) for one in response.headers["Content-Security-Policy"].split("; ")
        )
    assert policy["default-src"] == policy["frame-ancestors"] == policy["base-uri"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == policy["connect-src"] == "'self'"
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert response.headers["Referrer-Policy"] == "no-referrer"
    assert response.headers["Cache-Control"] == "no-store"
    assert "Set-Cookie" not in response.headers
    assert "Access-Control-Allow-Origin" not in response.headers


async def test_other_pages_are_as_they_were(client):
    async with client.get("/metrics") as response:
        assert response.status == 200
        assert response.headers["Content-Security-Policy"].startswith("default-src 'none';")
    for path in ("/pages", "/", "/paged/app.js"):
        async with client.get(path) as response:
            assert response.status == 404


@pytest.mark.parametrize("name", FILES)
async def test_the_files_are_served_as_what_they_are(stranger, name):
    kinds = {
        "js": "text/javascript",
        "css": "text/css",
        "html": "text/html",
        "svg": "image/svg+xml",
    }
    async with stranger.get(f"/page/{name}") as response:
        assert response.status == 200
        assert response.content_type == kinds[name.rpartition(".")[2]]
        assert await response.read() == (files("stream.http.page") / "static" / name).read_bytes()


async def test_no_other_file_is_served(stranger):
    for path in (
        "/page/../status.py",
        "/page/%2e%2e/status.py",
        "/page/static/app.js",
        "/page/app.js/",
    ):
        async with stranger.get(path) as response:
            assert response.status == 404
    async with stranger.get("/page", allow_redirects=False) as response:
        assert (response.status, response.headers["Location"]) == (308, "/page/")


def test_the_page_has_no_code_within_and_nothing_from_elsewhere():
    texts = {name: (files("stream.http.page") / "static" / name).read_text() for name in FILES}
    assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\son\w+=|\sstyle=", texts["index.html"])
    for name, text in texts.items():
        assert not re.search(
            r"innerHTML|outerHTML|insertAdjacent|document\.write|\beval\(", text
        ), name
        assert {"http://www.w3.org/2000/svg"} >= set(re.findall(r"https?://[\w./]+", text)), name


async def test_the_list_and_an_incident(served, client, incident_of, verdict_of):
    for minute in range(2):
        served.history.apply(incident_of(0, minute), 5.0)
    served.history.apply(incident_of(1, status="resolved", drill=True), 6.0)
    served.history.apply_verdict(verdict_of(1, note="a test of ours"))
    async with client.get("/page/api/overview") as response:
        overview = await response.json()
    assert [row["alert_id"] for row in overview["open"]] == [f"inc_{0:020x}"]
    assert [row["verdict"]["note"] for row in overview["resolved"]] == ["a test of ours"]
    assert overview["open"][0]["members"] == 3
    assert [row["drill"] for row in overview["open"] + overview["resolved"]] == [False, True]
    async with client.get(INCIDENT) as response:
        detail = await response.json()
    assert detail["account_ids"] == ["acct_a", "acct_b", "acct_c"]
    assert [point["evidence"]["prompt_cooccurrence"][0] for point in detail["points"]] == [0.0, 1.0]
    assert detail["links"][0]["members"] == [0, 2]
    async with client.get("/page/api/incidents/inc_none") as response:
        assert response.status == 404


async def test_nothing_is_sent_again_until_it_changes(served, client, incident_of):
    for path in ("/page/api/overview", INCIDENT):
        served.history.apply(incident_of(0), 0.0)
        async with client.get(path) as response:
            etag = response.headers["ETag"]
        async with client.get(path, headers={"If-None-Match": etag}) as response:
            assert (response.status, await response.read()) == (304, b"")
        served.history.apply(incident_of(0, 5 + len(path)), 0.0)
        async with client.get(path, headers={"If-None-Match": etag}) as response:
            assert response.status == 200
            assert response.headers["ETag"] != etag


HOSTILE = [
    "<img src=x onerror=alert(1)>",
    "</script><script>",
    "\u202eacct",
    "a\nb",
    '"}]',
    "a" * 256,
]


async def test_hostile_ids_stay_text(served, client, incident_of):
    served.history.apply(incident_of(account_ids=HOSTILE, summary=HOSTILE[0]), 0.0)
    async with client.get(INCIDENT) as response:
        assert response.content_type == "application/json"
        assert (await response.json())["account_ids"] == HOSTILE


async def test_a_verdict_is_written_with_the_time_of_the_server(served, client, incident_of):
    served.history.apply(incident_of(), 0.0)
    async with client.post("/page/api/verdicts", json=VERDICT | {"note": "ours"}) as response:
        assert response.status == 200
        assert await response.json() == VERDICT | {"note": "ours", "time": 1_772_500_000.0}
    (verdict,) = served.written
    assert (verdict.label, verdict.author, verdict.note, verdict.time) == (
        "benign",
        "Ada",
        "ours",
        1_772_500_000.0,
    )


async def test_a_verdict_that_is_not_durable_is_not_reported_as_written(
    served, client, incident_of
):
    served.history.apply(incident_of(), 0.0)
    served.takes = False
    async with client.post("/page/api/verdicts", json=VERDICT) as response:
        assert response.status == 503
    async with client.get(INCIDENT) as response:
        assert (await response.json())["row"]["verdict"] is None


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (json.dumps(VERDICT | {"verdict": "guilty"}), 400),
        (json.dumps(VERDICT | {"author": ""}), 400),
        (json.dumps(VERDICT | {"author": "a" * 129}), 400),
        (json.dumps(VERDICT | {"note": "a" * 1001}), 400),
        (json.dumps(VERDICT | {"time": 1}), 400),
        (json.dumps(VERDICT | {"alert_id": "inc_1"}), 400),
        (json.dumps(VERDICT | {"alert_id": f"inc_{9:020x}"}), 404),
        ("", 400),
        ("[" * 5000, 400),
        ('{"author": "\ud800"}', 400),
        ("a" * (MAX_BODY + 1), 413),
    ],
)
async def test_what_is_no_verdict_is_refused(served, client, incident_of, body, status):
    served.history.apply(incident_of(), 0.0)
    headers = {"Content-Type": "application/json"}
    data = body.encode(errors="surrogatepass")
    async with client.post("/page/api/verdicts", data=data, headers=headers) as response:
        assert response.status == status
        assert "error" in await response.json()
    assert served.written == []


async def test_only_json_is_a_verdict_and_only_by_post(client):
    async with client.post("/page/api/verdicts", data=VERDICT) as response:
        assert response.status == 415
    for method, path in (
        ("GET", "/page/api/verdicts"),
        ("PUT", "/page/api/verdicts"),
        ("POST", "/page/api/overview"),
        ("DELETE", INCIDENT),
        ("POST", "/page/app.js"),
    ):
        async with client.request(method, path) as response:
            assert response.status == 405


async def test_a_body_that_never_arrives_delays_no_other_request(served, monkeypatch):
    monkeypatch.setattr("stream.http.page.form.BODY_WITHIN_S", 0.1)
    reader, writer = await asyncio.open_connection("127.0.0.1", served.pages.port)
    writer.write(
        b"POST /page/api/verdicts HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
        b"Authorization: Bearer correct-horse-battery\r\nContent-Length: 100\r\n\r\n{"
    )
    answer = await asyncio.wait_for(reader.read(), timeout=5)
    writer.close()
    assert answer.startswith(b"HTTP/1.1 400")


@pytest.mark.parametrize("token", ["", "  ", "short", "long-enough-for-this short"])
def test_a_page_needs_a_token_that_cannot_be_guessed(token):
    with pytest.raises(SettingsError, match=r"^page\.token: ") as caught:
        Bearer(Secret(token), setting="page.token")
    assert "short" not in str(caught.value)


async def test_the_page_has_the_state_of_the_worker(served, client):
    served.metrics.events_total.labels("canonical", "accepted").inc(7)
    served.metrics.events_total.labels("canonical", "rejected").inc(2)
    served.metrics.dead_letters_total.labels(reason="not_json").inc(2)
    served.metrics.consumer_lag_seconds.labels(topic="t").set(3)
    for result, number in (("delivered", 5), ("timed_out", 1), ("failed", 2)):
        served.metrics.sink_deliveries_total.labels(sink="webhook", result=result).inc(number)
    async with client.get("/page/api/overview") as response:
        status = (await response.json())["worker"]
    assert (status["events"], status["rejected"], status["dead_letters"]) == (9, 2, 2)
    assert (status["ready"], status["ready_reason"]) == (False, "recovering state")
    assert (status["live"], status["lag_s"]) == (True, 3)
    assert status["receivers"] == [{"name": "webhook", "waiting": 0, "delivered": 5, "lost": 3}]
