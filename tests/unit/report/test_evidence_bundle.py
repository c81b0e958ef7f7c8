"""The evidence bundle is the same for the same result, and its digests are of what it has."""

import hashlib
import json
import zipfile
from pathlib import Path

import pytest

from stream.core.errors import UsageError
from stream.tools.report.evidence_bundle import write_bundle
from testlib.traced import everyone, stored, traced

GIVEN = everyone(controls=20)
RESULT = traced([one for texts in GIVEN.values() for one in texts[:1]], stored(GIVEN))


def test_it_is_deterministic_and_has_digests_of_everything(tmp_path: Path) -> None:
    digest = write_bundle(tmp_path / "one.zip", RESULT)
    assert write_bundle(tmp_path / "two.zip", RESULT) == digest
    assert (tmp_path / "one.zip").read_bytes() == (tmp_path / "two.zip").read_bytes()
    assert write_bundle(tmp_path / "folder", RESULT) == digest
    with zipfile.ZipFile(tmp_path / "one.zip") as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    assert files == {one.name: one.read_bytes() for one in (tmp_path / "folder").iterdir()}
    manifest = json.loads(files["MANIFEST.json"])
    assert hashlib.sha256(files.pop("MANIFEST.json")).hexdigest() == digest
    assert manifest["files"] == {
        name: hashlib.sha256(content).hexdigest() for name, content in files.items()
    }
    assert manifest["dataset_sha256"] == RESULT.dataset.sha256
    assert manifest["answers_sha256"] == RESULT.answers.sha256
    assert b"paraphrases" in files["README.txt"]


def test_no_text_of_ours_is_in_it(tmp_path: Path) -> None:
    write_bundle(tmp_path / "folder", RESULT)
    content = b"".join(one.read_bytes() for one in (tmp_path / "folder").iterdir())
    answer = GIVEN["member-0"][0].split()
    assert not any(word.encode() in content.split() for word in answer)


def test_where_it_cannot_be_written_it_ends_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match="cannot be written"):
        write_bundle(tmp_path / "file", RESULT)
