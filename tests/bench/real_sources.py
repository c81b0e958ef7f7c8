"""Readers of the real data sets: client rates and lengths, arrival traces, people's prompts.

The data lies outside the repository (``../shared/data``); its licences are named there.
"""

from __future__ import annotations

import ast
import csv
import gzip
import io
import json
import lzma
import re
import tarfile
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

WINDOW_S: Final = 600
LENGTHS_S: Final = 21_600
#: Points of the inverse distribution that is kept of each window's token counts.
_QUANTILES: Final = 512


class Arrival(NamedTuple):
    """A request of a trace or a person, at seconds since the account's own start."""

    account: str
    at_s: float
    input_tokens: int
    output_tokens: int
    prompt: str | None = None
    fingerprint: str | None = None


@dataclass(frozen=True)
class Client:
    """One client of the production API over 14 days."""

    name: str
    rates: NDArray[np.float64]
    shapes: NDArray[np.float64]
    gamma: NDArray[np.bool_]
    lengths: dict[int, tuple[NDArray[np.int32], NDArray[np.int32]]]

    def lengths_at(self, window: int) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
        """The quantiles of input and output tokens in force, else the nearest that are known."""
        start = window * WINDOW_S // LENGTHS_S * LENGTHS_S
        return self.lengths[min(self.lengths, key=lambda known: abs(known - start))]


def clients(data: Path) -> list[Client]:
    """The clients that ever sent anything."""
    rows: dict[str, list[list[str]]] = {}
    lengths: dict[str, dict[int, tuple[NDArray[np.int32], NDArray[np.int32]]]] = {}
    with tarfile.open(data / "servegen/m-mid.tar.xz") as archive:
        for member in archive:
            found = re.search(r"chunk-(\d+)-(trace|dataset)", member.name)
            file = archive.extractfile(member) if found else None
            if not found or file is None:
                continue
            text = file.read().decode()
            if found[2] == "trace":
                rows[found[1]] = list(csv.reader(io.StringIO(text)))
            else:
                lengths[found[1]] = dict(_lengths(text))
    return [
        Client(
            name,
            rates,
            np.array([float(row[4]) or 1.0 for row in rows[name]]),
            np.array([row[3] == "Gamma" for row in rows[name]]),
            lengths[name],
        )
        for name in sorted(rows, key=int)
        if lengths.get(name) and (rates := np.array([float(row[1]) for row in rows[name]])).any()
    ]


def _lengths(text: str) -> Iterator[tuple[int, tuple[NDArray[np.int32], NDArray[np.int32]]]]:
    for start, window in json.loads(text).items():
        inputs, outputs = (_quantiles(window[side]) for side in ("input_tokens", "output_tokens"))
        if inputs is not None and outputs is not None:
            yield int(start), (inputs, outputs)


def _quantiles(text: str) -> NDArray[np.int32] | None:
    flat = text.strip("{} ").replace(":", ",")
    if not flat:
        return None
    values, odds = np.array(flat.split(","), dtype=np.float64).reshape(-1, 2).T
    order = np.argsort(values)
    ranks = np.cumsum(odds[order])
    wanted = (np.arange(_QUANTILES) + 0.5) / _QUANTILES * ranks[-1]
    return values[order][np.searchsorted(ranks, wanted)].astype(np.int32)


def azure(data: Path, kind: str, accounts: int, rng: np.random.Generator) -> Iterator[Arrival]:
    """An hour of anonymous requests: each goes to one of ``accounts``, drawn by Zipf weights."""
    odds = 1 / np.arange(1, accounts + 1)
    name = data / f"traces/AzureLLMInferenceTrace_{kind}.csv.gz"
    with gzip.open(name, "rt", newline="") as file:
        table = list(csv.DictReader(file))
    drawn = rng.choice(accounts, len(table), p=odds / odds.sum())
    moments = [datetime.fromisoformat(row["TIMESTAMP"][:26] + "+00:00") for row in table]
    for row, moment, account in zip(table, moments, drawn, strict=True):
        yield Arrival(
            f"azure-{kind}-{account:04}",
            (moment - moments[0]).total_seconds(),
            int(row["ContextTokens"]),
            int(row["GeneratedTokens"]),
        )


def mooncake(data: Path, accounts: int) -> Iterator[Arrival]:
    """An hour of conversations; all requests with one second prefix block have one account.

    The first block is common to the whole trace, so the first two are the prompt's fingerprint.
    """
    with gzip.open(data / "traces/mooncake_conversation.jsonl.gz", "rt") as file:
        for line in file:
            row = json.loads(line)
            first, second = (*row["hash_ids"], -1)[:2]
            yield Arrival(
                f"mooncake-{second * 2654435761 % 2**32 % accounts:04}",
                row["timestamp"] / 1000,
                row["input_length"],
                row["output_length"],
                fingerprint=f"{first}-{second}",
            )


def programmers(data: Path) -> Iterator[Arrival]:
    """The latest message of each chat request of each programmer, at the programmer's pace."""
    with lzma.open(data / "text/realhumaneval_dev.csv.xz", "rt", newline="") as file:
        for row in csv.DictReader(file):
            messages = ast.literal_eval(row["request"])
            yield Arrival(
                f"programmer-{row['programmer_id']}",
                float(row["timestamp"]),
                max(1, sum(len(message["content"]) for message in messages) // 4),
                max(1, len(row["response"]) // 4),
                prompt=messages[-1]["content"] if messages else None,
            )


def prompts(data: Path) -> list[str]:
    """What people wrote, each text once."""
    text = data / "text"
    found: list[str] = []
    for version in ("v01", "v2"):
        rows = _lines(text / f"arena_hard_{version}_questions.jsonl.xz")
        found += [row["prompt"] for row in rows]
    for row in _lines(text / "user_oriented_instructions.jsonl.xz"):
        found.append(f"{row['instruction']}\n{row['instances'][0]['input']}".strip())
    for row in _lines(text / "oasst_en_100_message.jsonl.xz"):
        found += _people(row)
    for row in _lines(text / "hh_harmless_test.jsonl.gz"):
        found.append(row["chosen"].split("\n\nAssistant:")[0].removeprefix("\n\nHuman: "))
    return list(dict.fromkeys(prompt for prompt in found if prompt))


def _people(message: dict) -> list[str]:
    own = message["role"] == "prompter" and not message.get("synthetic")
    below = (_people(reply) for reply in message.get("replies") or ())
    return [message["text"]] * own + [text for texts in below for text in texts]


def extraction(data: Path) -> tuple[str, list[str]]:
    """The injected instruction of the planted pool, and the items that it asks."""
    lines = (data / "attack/alpaca_generation_prompt.txt").read_text().splitlines()
    rows = _lines(data / "attack/alpaca_en.jsonl.xz")
    return "\n".join(lines[:5]), [f"{row['instruction']}\n{row['input']}".strip() for row in rows]


def _lines(path: Path) -> Iterator[dict]:
    with (lzma if path.suffix == ".xz" else gzip).open(path, "rt") as file:
        yield from map(json.loads, file)
