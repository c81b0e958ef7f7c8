"""Files with accounts: every kind gives the same entries, what is wrong is named by its place."""

from __future__ import annotations

import gzip
import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pyarrow as pa
import pytest
from pyarrow import parquet

from stream.core.errors import UsageError
from stream.tools.replay.accounts import BadRow, FileEntry, entries

if TYPE_CHECKING:
    from pathlib import Path

NOW = 1_772_409_600.0
CREATED = 1_772_323_200
CSV = f"account_id,created_at,payment_id,plan,seats\na,{CREATED},card-1,,7\nb,,,gold,\n"
ROWS = [
    {"account_id": "a", "created_at": CREATED, "payment_id": "card-1", "seats": 7},
    {"account_id": "b", "plan": "gold", "created_at": None},
]


def read(path: Path) -> list[FileEntry | BadRow]:
    return list(entries(path, latest=NOW))


def test_every_kind_of_file_gives_the_same_entries(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("\ufeff" + CSV)
    (tmp_path / "a.jsonl").write_text("\n\n".join(map(json.dumps, ROWS)))
    (tmp_path / "a.jsonl.gz").write_bytes(gzip.compress((tmp_path / "a.jsonl").read_bytes()))
    columns = {
        "account_id": ["a", "b"],
        "created_at": [datetime.fromtimestamp(CREATED, UTC), None],
        "payment_id": ["card-1", None],
        "plan": [None, "gold"],
    }
    parquet.write_table(pa.table(columns), tmp_path / "a.parquet")
    for name in ("a.csv", "a.jsonl", "a.jsonl.gz", "a.parquet"):
        found = [one for one in read(tmp_path / name) if isinstance(one, FileEntry)]
        assert [one.key for one in found] == [b"a", b"b"], name
        entry = json.loads(found[0].value)
        assert entry.pop("created_at") in (CREATED, str(CREATED), "2026-03-01T00:00:00Z")
        assert entry == {"payment_id": "card-1"}
        assert json.loads(found[1].value) == {"plan": "gold"}


def test_bad_rows_are_named_by_their_lines_and_show_nothing_of_it(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    secret = "card-4711"  # noqa: S105 - made up
    lines = [
        '{"account_id": "a"}',
        "",
        f'{{"account_id": "{secret}", ',
        f'{{"account_id": 7, "payment_id": "{secret}"}}',
        f'{{"account_id": "b", "payment_id": ["{secret}"]}}',
        json.dumps({"account_id": "b", "created_at": NOW + 1, "payment_id": secret}),
        json.dumps({"account_id": "b", "payment_id": secret * 10_000}),
        json.dumps({"account_id": "x" * 257}),
    ]
    path.write_text("\n".join(lines))
    good, *bad = read(path)
    assert good == FileEntry(b"a", b"{}")
    found = [(row.where.removeprefix(f"{path}:"), row.why.partition(":")[0])
             for row in bad if isinstance(row, BadRow)]  # fmt: skip
    assert found == [
        ("3", "not_json"),
        ("4", "wrong_type"),
        ("5", "wrong_type"),
        ("6", "bad_timestamp"),
        ("7", "too_large"),
        ("8", "out_of_range"),
    ]
    assert secret not in repr(bad)


def test_a_row_of_csv_longer_than_its_header_is_named(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text('account_id,plan\n"a","two\nlines"\nb,gold,more\n')
    good, bad = read(path)
    assert isinstance(good, FileEntry)
    assert isinstance(bad, BadRow)
    assert bad.where == f"{path}:4"


def test_what_is_no_such_file_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no such file"):
        read(tmp_path / "none.csv")
    (tmp_path / "a.csv.gz").write_bytes(gzip.compress(CSV.encode() * 1000)[:-9])
    with pytest.raises(UsageError, match="cannot be read"):
        read(tmp_path / "a.csv.gz")
    (tmp_path / "a.parquet").write_bytes(b"PAR1")
    with pytest.raises(UsageError, match="not Parquet"):
        read(tmp_path / "a.parquet")
