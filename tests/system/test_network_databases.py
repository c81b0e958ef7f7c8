"""A replay with databases of networks, usable and not. Never imports the package."""

import subprocess

import pytest

from testlib.networks import asn, database
from testlib.workers.command import DISTILLWATCH, environment


def replay(folder, **settings):
    """Return the alerts of a replay of the folder's requests, and the lines of its errors."""
    done = subprocess.run(
        [*DISTILLWATCH, "replay", "requests.jsonl", "--alerts", "alerts.jsonl"],
        env=environment(**settings),
        cwd=folder,
        capture_output=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode()
    return (folder / "alerts.jsonl").read_bytes(), done.stderr.decode().splitlines()


@pytest.fixture
def folder(tmp_path, ring_lines):
    (tmp_path / "requests.jsonl").write_bytes(b"\n".join(ring_lines) + b"\n")
    return tmp_path


def test_a_database_that_cannot_be_used_is_one_line_and_changes_nothing(folder):
    alone = replay(folder)
    assert alone[0]
    assert alone[1] == []
    (folder / "damaged.mmdb").write_bytes(b"\0" * 4096)
    alerts, lines = replay(
        folder, intake_asn_database="none.mmdb", intake_country_database="damaged.mmdb"
    )
    assert alerts == alone[0]
    assert lines == [
        "intake.asn_database: none.mmdb: there is no such file; not used",
        "intake.country_database: damaged.mmdb: no database in MaxMind's format; not used",
    ]


def test_a_database_that_can_is_used_without_a_word(folder):
    path = database(folder / "asn.mmdb", {"0.0.0.0/1": asn(64500)})
    first = replay(folder, intake_asn_database=path)
    assert first[1] == []
    assert replay(folder, intake_asn_database=path) == first
