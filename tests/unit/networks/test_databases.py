"""Databases of networks: what is found, what cannot be used, and what a change of the file does."""

from __future__ import annotations

import asyncio
import logging
import threading
from typing import Any

import pytest

from stream.core.networks import ANONYMISER, HOSTING, RESIDENTIAL_PROXY, country_code
from stream.intake.codec.settings import IntakeSettings
from stream.intake.fingerprint.networks import NetworkFacts
from stream.metrics import Metrics
from stream.networks.database_watch import DatabaseWatch
from stream.networks.databases import OLD_S, Databases
from testlib.metrics import value
from testlib.networks import asn, country, database

US, DE = country_code("US"), country_code("de")
NOTHING = NetworkFacts()


def opened(metrics=None, now_s=None, **paths):
    given: dict[str, Any] = {name: str(path) for name, path in paths.items()}
    settings = IntakeSettings(**given)
    metrics = metrics or Metrics()
    if now_s is None:
        now_s = max((p.stat().st_mtime for p in paths.values() if p.exists()), default=0.0)
    return Databases(settings, metrics, now_s=now_s)


def problems(metrics):
    return {
        (sample.labels["database"], sample.labels["problem"])
        for family in metrics.network_database_problem.collect()
        for sample in family.samples
        if sample.value
    }


@pytest.fixture
def asns(tmp_path):
    records = {"203.0.112.0/22": asn(64500), "2001:db8::/44": asn(64501)}
    return database(tmp_path / "asn.mmdb", records)


def test_every_database_adds_what_it_knows(tmp_path, asns):
    countries = database(
        tmp_path / "country.mmdb", {"203.0.113.0/24": country("US"), "2001:db8::/32": country("DE")}
    )
    hidden = {"is_anonymous": True, "is_anonymous_vpn": True, "is_hosting_provider": True}
    anonymisers = database(tmp_path / "anonymous.mmdb", {"203.0.113.0/25": hidden})
    (tmp_path / "hosting.txt").write_text("# clouds\n2001:db8::/47 # one\nAS64496\n64497\n")
    lookup = opened(
        asn_database=asns,
        country_database=countries,
        anonymiser_database=anonymisers,
        hosting_networks=tmp_path / "hosting.txt",
    ).lookup()
    assert lookup.of("203.0.113.9") == NetworkFacts(22, 64500, US, HOSTING | ANONYMISER)
    assert lookup.of("203.0.113.200") == NetworkFacts(22, 64500, US, 0)
    assert lookup.of("2001:db8:1::5") == NetworkFacts(44, 64501, DE, HOSTING)
    assert lookup.of("2001:db8:9::5") == NetworkFacts(44, 64501, DE, 0)
    assert lookup.of("9.9.9.9") == NOTHING
    assert lookup.hosting_asns.tolist() == [64496, 64497]


def test_other_vendors_write_other_fields(tmp_path):
    records = {
        "192.0.2.0/24": {"asn": "AS64502", "country": "US"},
        "198.51.100.0/24": {"asn": "64502", "country_code": "de"},
        "203.0.113.0/24": {"country": {"names": {}}, "registered_country": {"iso_code": "US"}},
    }
    one = database(tmp_path / "one.mmdb", records, kind="ipinfo lite")
    lookup = opened(asn_database=one, country_database=one).lookup()
    assert lookup.of("192.0.2.1") == NetworkFacts(24, 64502, US, 0)
    assert lookup.of("198.51.100.1") == NetworkFacts(0, 0, DE, 0)
    assert lookup.of("203.0.113.1") == NetworkFacts(0, 0, US, 0)


@pytest.mark.parametrize(
    "record",
    [
        {"autonomous_system_number": -4, "country": {"iso_code": 7}, "is_anonymous_vpn": 1},
        {"autonomous_system_number": "1", "country": ["US"], "is_hosting_provider": "yes"},
        {"asn": "ASX", "country": {"iso_code": "U1"}},
        {"asn": f"AS{2**40}", "country": {"iso_code": "XX"}},
        ["a list"],
        "text",
    ],
)
def test_records_of_other_kinds_say_nothing(tmp_path, record):
    odd = database(tmp_path / "odd.mmdb", {"192.0.2.0/24": record})
    lookup = opened(asn_database=odd, country_database=odd, anonymiser_database=odd).lookup()
    assert lookup.of("192.0.2.1")._replace(prefix_length=0) == NOTHING


def test_homes_that_are_rented_out_are_kept_apart(tmp_path):
    proxies = database(tmp_path / "p.mmdb", {"192.0.2.0/24": {"is_residential_proxy": True}})
    assert opened(anonymiser_database=proxies).lookup().of("192.0.2.1").hosting == RESIDENTIAL_PROXY


def test_without_databases_nothing_is_known_and_nothing_is_wrong():
    metrics = Metrics()
    assert opened(metrics).lookup().of("203.0.113.9") == NOTHING
    assert problems(metrics) == set()


@pytest.mark.parametrize(
    ("content", "problem", "words"),
    [
        (None, "missing", "there is no such file"),
        (b"", "damaged", "no database in MaxMind's format"),
        (b"<html>licence expired</html>" * 99, "damaged", "no database in MaxMind's format"),
    ],
)
def test_what_cannot_be_used_is_one_line_and_a_metric(tmp_path, caplog, content, problem, words):
    path, metrics = tmp_path / "asn.mmdb", Metrics()
    if content is not None:
        path.write_bytes(content)
    databases = opened(metrics, asn_database=path)
    databases.refresh(0.0)
    databases.refresh(0.0)
    (line,) = [record.getMessage() for record in caplog.records]
    assert line == f"intake.asn_database: {path}: {words}; not used"
    assert databases.lookup().of("203.0.113.9") == NOTHING
    assert problems(metrics) == {("asn", problem)}


def test_half_a_file_is_damaged_and_what_was_usable_stays_in_use(asns, caplog):
    metrics = Metrics()
    databases = opened(metrics, asn_database=asns)
    before = databases.lookup()
    whole = asns.read_bytes()
    asns.write_bytes(whole[: len(whole) // 2])  # in place, under the reader
    databases.refresh(0.0)
    assert databases.lookup() is before
    assert before.of("203.0.113.9").asn == 64500
    assert problems(metrics) == {("asn", "damaged")}
    assert caplog.messages[-1].endswith("in use as it was")
    asns.write_bytes(whole)
    databases.refresh(0.0)
    assert problems(metrics) == set()
    assert databases.lookup() is not before


def test_a_file_that_changes_is_read_again_and_one_that_does_not_is_not(asns):
    databases = opened(asn_database=asns)
    before = databases.lookup()
    databases.refresh(0.0)
    assert databases.lookup() is before
    newer = database(asns.with_name("newer"), {"203.0.113.0/24": asn(64999)})
    newer.rename(asns)
    databases.refresh(0.0)
    assert databases.lookup().of("203.0.113.9") == NetworkFacts(24, 64999, 0, 0)
    assert before.of("203.0.113.9").asn == 64500  # what a batch has begun with


def test_a_file_that_comes_later_is_used(tmp_path):
    metrics = Metrics()
    databases = opened(metrics, asn_database=tmp_path / "asn.mmdb")
    assert problems(metrics) == {("asn", "missing")}
    database(tmp_path / "asn.mmdb", {"203.0.113.0/24": asn(64500)})
    databases.refresh(0.0)
    assert problems(metrics) == set()
    assert databases.lookup().of("203.0.113.9").asn == 64500


def test_an_old_database_is_used_and_noted_once(asns, caplog):
    metrics = Metrics()
    databases = opened(metrics, asn_database=asns)
    built_s = value(metrics, "network_database_built_timestamp_seconds", database="asn")
    assert abs(built_s - asns.stat().st_mtime) < 60
    databases.refresh(built_s + OLD_S - 1)
    assert problems(metrics) == set()
    databases.refresh(built_s + OLD_S + 86400)
    databases.refresh(built_s + OLD_S + 86400)
    assert problems(metrics) == {("asn", "old")}
    assert [m for m in caplog.messages if "days old" in m] == [
        f"intake.asn_database: {asns}: 46 days old; in use as it was"
    ]
    assert databases.lookup().of("203.0.113.9").asn == 64500


@pytest.mark.parametrize("seed", range(40))
def test_damage_inside_costs_facts_and_nothing_else(tmp_path, seed):
    networks = {f"10.{i}.0.0/16": asn(64500 + i) for i in range(40)}
    content = bytearray(database(tmp_path / "asn.mmdb", networks).read_bytes())
    for i in range(12):  # deterministic damage, before the metadata at the end
        content[(seed * 7919 + i * 104_729) % (len(content) - 400)] ^= 1 << (seed + i) % 8
    (tmp_path / "asn.mmdb").write_bytes(content)
    metrics = Metrics()
    databases = opened(metrics, asn_database=tmp_path / "asn.mmdb")
    for i in range(40):
        assert 0 <= databases.lookup().of(f"10.{i}.0.1").asn < 2**32
        databases.lookup().of(f"2001:db8:{i}::1")
    databases.refresh(0.0)
    assert problems(metrics) <= {("asn", "damaged")}


def test_a_database_of_one_family_knows_nothing_of_the_other(tmp_path):
    writer_v4 = database(tmp_path / "v4.mmdb", {"203.0.113.0/24": asn(64500)}, ip_version=4)
    lookup = opened(asn_database=writer_v4).lookup()
    assert lookup.of("203.0.113.9").asn == 64500
    assert lookup.of("2001:db8::1") == NOTHING


def test_lines_that_are_no_networks_are_counted_in_the_log(tmp_path, caplog):
    path = tmp_path / "hosting.txt"
    path.write_text("203.0.113.0/24\nAS64500\nnot one\nAS99999999999\n999.0.0.0/8\nAS0\n")
    databases = opened(hosting_networks=path)
    assert databases.lookup().of("203.0.113.9").hosting == HOSTING
    assert f"{path}: 4 lines are no CIDR or AS number" in caplog.text
    path.write_text("nothing here")
    databases.refresh(0.0)
    assert caplog.messages[-1].endswith("no line is a CIDR or an AS number; in use as it was")


def test_lookups_are_counted(asns):
    metrics = Metrics()
    lookup = opened(metrics, asn_database=asns).lookup()
    for address in ("203.0.113.1", "203.0.113.2", "9.9.9.9"):
        lookup.of(address)
    count = {r: value(metrics, "network_lookups_total", database="asn", result=r) for r in RESULTS}
    assert count == {"hit": 2, "miss": 1}


RESULTS = ("hit", "miss")


def test_without_files_in_memory_the_slow_reader_finds_the_same(asns, monkeypatch):
    fast = opened(asn_database=asns).lookup()
    monkeypatch.delattr("os.memfd_create")
    slow = opened(asn_database=asns).lookup()
    assert type(slow.asn._reader) is not type(fast.asn._reader)
    for address in ("203.0.113.9", "2001:db8::1", "9.9.9.9"):
        assert slow.of(address) == fast.of(address)
    asns.write_bytes(b"no database")
    assert opened(asn_database=asns).lookup().asn is None


async def test_the_watch_outlives_a_failure(caplog):
    seen = threading.Event()

    class Failing:
        times = 0

        def refresh(self, _):
            self.times += 1
            if self.times > 1:
                seen.set()
            raise RuntimeError("surprise")

    failing: Any = Failing()
    watch = DatabaseWatch(failing, every_s=0.001)
    await watch.start()
    assert await asyncio.to_thread(seen.wait, 30)
    await watch.stop()
    assert "surprise" in caplog.text


async def test_the_watch_reads_in_another_thread_and_ends():
    threads = []
    seen = threading.Event()

    class Recording:
        def refresh(self, now_s):
            assert now_s > 0
            threads.append(threading.current_thread())
            seen.set()

    recording: Any = Recording()
    watch = DatabaseWatch(recording, every_s=0.001)
    await watch.start()
    assert await asyncio.to_thread(seen.wait, 30)
    await watch.stop()
    await watch.stop()
    assert threading.main_thread() not in threads


@pytest.fixture(autouse=True)
def all_lines(caplog):
    caplog.set_level(logging.WARNING, "stream.networks")


def test_what_cannot_be_read_is_missing(tmp_path, caplog):
    metrics = Metrics()
    opened(metrics, asn_database=tmp_path)  # a folder
    assert problems(metrics) == {("asn", "missing")}
    assert "cannot be read: Is a directory" in caplog.text
