"""The evidence bundle of a trace: its result and what it means, with digests; deterministic.

``MANIFEST.json`` has the SHA-256 of each other file; its own is the digest of the whole.
"""

from __future__ import annotations

import hashlib
import io
import zipfile
from typing import TYPE_CHECKING, Final

import msgspec

from stream.core.errors import UsageError
from stream.oversight.published import as_json

if TYPE_CHECKING:
    from pathlib import Path

    from stream.trace.trace_result import TraceResult

_MANIFEST: Final = "MANIFEST.json"
_README: Final = """\
result.json    what `distillwatch trace` found: parameters, digests of the data set and of the
               stored records, groups with probabilities, row numbers of the data set. No text.
{manifest}  SHA-256 of the other files. Its own SHA-256 is the digest of this bundle.

The same data set, records (`--save-answers` and `decisions audit` keep them) and keys give the
same bytes:
  sha256sum DATASET; distillwatch trace DATASET --answers F --decisions AUDIT --bundle AGAIN

What it does not show:
"""


def bundle_files(result: TraceResult) -> dict[str, bytes]:
    """Return the files of a bundle by name."""
    limits = "".join(f"- {one}\n" for one in result.limits)
    files = {
        "README.txt": (_README.format(manifest=_MANIFEST) + limits).encode(),
        "result.json": as_json(result).encode(),
    }
    manifest = {
        "schema_version": result.schema_version,
        "version": result.parameters.version,
        "dataset_sha256": result.dataset.sha256,
        "answers_sha256": result.answers.sha256,
        "decisions_sha256": result.canaries.sha256,
        "key_ids": result.answers.key_ids,
        "files": {name: hashlib.sha256(text).hexdigest() for name, text in sorted(files.items())},
    }
    return files | {_MANIFEST: msgspec.json.format(msgspec.json.encode(manifest), indent=2) + b"\n"}


def write_bundle(path: Path, result: TraceResult) -> str:
    """Write a bundle into a folder, or as a ``.zip``; return its digest. Raises UsageError."""
    files = bundle_files(result)
    try:
        if path.suffix.lower() == ".zip":
            path.write_bytes(_zipped(files))
        else:
            path.mkdir(parents=True, exist_ok=True)
            for name, content in files.items():
                (path / name).write_bytes(content)
    except OSError as error:
        raise UsageError(f"{path}: cannot be written: {error.strerror}") from error
    return hashlib.sha256(files[_MANIFEST]).hexdigest()


def _zipped(files: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, content in sorted(files.items()):
            # The earliest time of the format, for every file: the same result gives the same bytes.
            archive.writestr(zipfile.ZipInfo(name), content)
    return out.getvalue()
