"""Traffic on disk: made once for a plan and its sources, outside the repository, read in order.

A scenario is the benign days and one campaign's file, merged by time. Events are stored with all
their fields (modes.py leaves some out when they are played). The directory's name is a digest of
everything that decides the traffic, so that a change of the generator makes new files.
"""

from __future__ import annotations

import hashlib
import io
from dataclasses import dataclass
from heapq import merge
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self

import msgspec
import numpy as np
import zstandard

import stream.tools.simulate
from quality.background import crowd, passing
from quality.campaigns import planted
from quality.directory import AccountEntry, entry
from quality.plan import BENIGN, DAY_S
from quality.texts import made, read
from quality.together import TOGETHER, prompts, together
from stream.tools.simulate.benign.occasions import NEW_MODEL
from stream.tools.simulate.traffic import attributed

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from quality.campaigns import Planted
    from quality.plan import Plan
    from quality.texts import Texts
    from stream.tools.simulate.request import Request

_LEVEL: Final = 3
_FLUSH_BYTES: Final = 1 << 20
_REASONING_MODELS: Final = frozenset({"atlas-reason", NEW_MODEL})
#: Every line begins so, and goes on with the time.
_HEAD: Final = len(b'{"timestamp":')


class Truth(msgspec.Struct, frozen=True, kw_only=True):
    """What is true of a file: kinds of its accounts, and of a campaign what it extracted."""

    kinds: dict[str, str]  # account -> kind
    directory: dict[str, AccountEntry] = {}  # account -> its entry in the directory
    requests: int
    begins_s: float = 0.0
    from_s: float = 0.0  # when the first request of the file may be: not after begins_s
    attackers: list[str] = []  # accounts that extracted something, by first request
    replaced: list[str] = []  # accounts whose benign traffic ends when the campaign begins
    times: bytes = b""  # of extracting requests, f8
    tokens: bytes = b""  # their output tokens, i8
    account: bytes = b""  # index into attackers, i4

    def taken(self) -> tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.int32]]:
        """Return (times, output tokens, account) of the extracting requests, by time."""
        return (
            np.frombuffer(self.times, np.float64),
            np.frombuffer(self.tokens, np.int64),
            np.frombuffer(self.account, np.int32),
        )


@dataclass(frozen=True)
class Store:
    """The files of one plan."""

    root: Path
    plan: Plan
    data: Path | None

    @classmethod
    def open(cls, cache: Path, plan: Plan, data: Path | None) -> Store:
        """Return the store of a plan under a cache directory; nothing is made yet."""
        root = cache / f"{plan.name}-{_digest(plan, data)}"
        root.mkdir(parents=True, exist_ok=True)
        return cls(root, plan, data)

    def benign(self, day: int) -> Path:
        """Return the benign traffic of one day."""
        return self.root / f"{BENIGN}-{day}.jsonl.zst"

    def campaign(self, name: str) -> Path:
        """Return the traffic of a campaign."""
        return self.root / f"{name}.jsonl.zst"

    def truth(self, name: str) -> Truth:
        """Return what is true of the benign traffic or of a campaign."""
        return msgspec.msgpack.decode(self._truth(name).read_bytes(), type=Truth)

    def has(self, name: str) -> bool:
        """Say whether a scenario's own files are there: the truth is written last."""
        return self._truth(name).exists()

    def _truth(self, name: str) -> Path:
        return self.root / f"{name}.truth"

    def make(self, name: str) -> Truth:
        """Write the files of the benign traffic or of one campaign."""
        texts = read(self.data) if self.data is not None else made(self.plan)
        truth = self._make_benign(texts) if name == BENIGN else self._make_campaign(name, texts)
        self._truth(name).write_bytes(msgspec.msgpack.encode(truth))
        return truth

    def campaign_lines(self, name: str) -> Iterator[bytes]:
        """Yield what a campaign's accounts send, in time order."""
        return _lines(self.campaign(name))

    def lines(self, name: str, day: int) -> Iterator[bytes]:
        """Yield one day of a scenario in time order."""
        begin_s = self.plan.start_s + day * DAY_S
        benign = _lines(self.benign(day))
        if name == BENIGN:
            return benign
        truth = self.truth(name)
        if truth.replaced:
            benign = _without(benign, frozenset(truth.replaced), truth.begins_s)
        ours = _between(_lines(self.campaign(name)), begin_s, begin_s + DAY_S)
        return merge(benign, ours, key=time_of)

    # -- writing ------------------------------------------------------------------------------

    def _make_benign(self, texts: Texts) -> Truth:
        plan, names = self.plan, _Names(self.plan.seed)
        parts = {"traffic": crowd(plan, texts, self.data), "passing traffic": passing(plan)}
        span_s, count = plan.days * DAY_S, 0
        requests = merge(
            *(
                attributed(part, plan.rng(purpose), start_s=plan.start_s, span_s=span_s)
                for purpose, part in parts.items()
            ),
            key=lambda found: found[1].timestamp,
        )
        found = next(requests, None)
        for day in range(plan.days):
            end_s = plan.start_s + (day + 1) * DAY_S
            with _File(self.benign(day)) as file:
                while found is not None and found[1].timestamp < end_s:
                    file.write(names.tidied(found[1]))
                    count += 1
                    found = next(requests, None)
        accounts = [account for part in parts.values() for account in part]
        return Truth(
            kinds={names.of(a.account_id): a.kind for a in accounts},
            directory={names.of(a.account_id): entry(a) for a in accounts},
            requests=count,
        )

    def _planted(self, name: str, texts: Texts) -> Planted:
        if name != TOGETHER:
            return planted(self.plan, name, texts)
        # Two days are enough; they have to be there already.
        lines = chain.from_iterable(_lines(self.benign(day)) for day in range(2))
        return together(self.plan, texts, prompts(self.truth(BENIGN).kinds, lines))

    def _make_campaign(self, name: str, texts: Texts) -> Truth:
        plan, names = self.plan, _Names(self.plan.seed)
        campaign = self._planted(name, texts)
        from_s = campaign.begins_s if campaign.from_s is None else campaign.from_s
        taken: list[tuple[float, int, str]] = []
        count = 0
        with _File(self.campaign(name)) as file:
            for account, request in attributed(
                campaign.accounts,
                plan.rng("traffic", name),
                start_s=from_s,
                span_s=plan.end_s - from_s,
            ):
                file.write(names.tidied(request))
                count += 1
                if account.attack:
                    taken.append(
                        (request.timestamp, request.output_tokens or 0, request.account_id)
                    )
        attackers = {who: at for at, who in enumerate(dict.fromkeys(row[2] for row in taken))}
        return Truth(
            kinds={names.of(a.account_id): a.kind for a in campaign.accounts},
            directory={names.of(a.account_id): entry(a) for a in campaign.accounts},
            requests=count,
            begins_s=campaign.begins_s,
            from_s=from_s,
            attackers=list(attackers),
            replaced=sorted(names.of(account) for account in campaign.replaced),
            times=np.array([row[0] for row in taken], np.float64).tobytes(),
            tokens=np.array([row[1] for row in taken], np.int64).tobytes(),
            account=np.array([attackers[row[2]] for row in taken], np.int32).tobytes(),
        )


class _Names:
    """Ids without order or origin: the simulator numbers its accounts and requests."""

    def __init__(self, seed: int) -> None:
        self._key = str(seed).encode()
        self._known: dict[str, tuple[str, str]] = {}
        self._requests = 0

    def of(self, account_id: str) -> str:
        """Return an account's public id."""
        return self._both(account_id)[0]

    def tidied(self, request: Request) -> Request:
        """Bring a request to the form of all others, in place: what made it must not show."""
        request.account_id, request.api_key_id = self._both(request.account_id)
        self._requests += 1
        request.request_id = "req_" + self._hash(
            f"{request.account_id}/{request.timestamp}/{self._requests}", 8
        )
        if request.account_created_at is not None:
            request.account_created_at = float(int(request.account_created_at))
        request.reasoning_tokens = None
        if request.model in _REASONING_MODELS:
            # The simulator gives some kinds of accounts such tokens, a gateway some models.
            share = 0.2 + int(request.account_id[-2:], 16) / 512
            request.reasoning_tokens = int((request.output_tokens or 0) * share)
        return request

    def _both(self, account_id: str) -> tuple[str, str]:
        found = self._known.get(account_id)
        if found is None:
            found = "acct_" + self._hash(account_id, 7), "key_" + self._hash(account_id + "#key", 7)
            self._known[account_id] = found
        return found

    def _hash(self, text: str, size: int) -> str:
        return hashlib.blake2b(text.encode(), digest_size=size, key=self._key).hexdigest()


class _File:
    """One stream of requests, compressed; in place once it is whole."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._encode = msgspec.json.Encoder().encode_into
        self._buffer = bytearray()

    def __enter__(self) -> Self:
        self._raw = _part(self._path).open("wb")
        self._out = zstandard.ZstdCompressor(_LEVEL).stream_writer(self._raw)
        return self

    def write(self, request: Request) -> None:
        """Write a request with all its fields."""
        buffer = self._buffer
        self._encode(request, buffer, len(buffer))
        buffer += b"\n"
        if len(buffer) >= _FLUSH_BYTES:
            self._out.write(buffer)
            buffer.clear()

    def __exit__(self, failed: type[BaseException] | None, *_: object) -> None:
        self._out.write(self._buffer)
        self._out.close()
        self._raw.close()
        if failed is None:
            _part(self._path).rename(self._path)


def _part(path: Path) -> Path:
    return path.with_suffix(".part")


# -- reading ----------------------------------------------------------------------------------


def time_of(line: bytes) -> float:
    """Return the time of a line as this module writes it."""
    return float(line[_HEAD : line.index(b",", _HEAD)])


def _lines(path: Path) -> Iterator[bytes]:
    with path.open("rb") as raw, zstandard.ZstdDecompressor().stream_reader(raw) as plain:
        yield from io.BufferedReader(plain, 1 << 20)


def _between(lines: Iterator[bytes], begin_s: float, end_s: float) -> Iterator[bytes]:
    for line in lines:
        time = time_of(line)
        if time >= end_s:
            return
        if time >= begin_s:
            yield line


def _without(lines: Iterator[bytes], accounts: frozenset[str], from_s: float) -> Iterator[bytes]:
    marks = [f'"account_id":"{account}"'.encode() for account in accounts]
    size = len(marks[0])
    drop = frozenset(marks)
    for line in lines:
        at = line.index(b",", _HEAD) + 1
        if line[at : at + size] not in drop or time_of(line) < from_s:
            yield line


# -- what decides the traffic -----------------------------------------------------------------


def _digest(plan: Plan, data: Path | None) -> str:
    state = hashlib.blake2b(digest_size=6)
    state.update(repr(plan).encode())
    for path in sorted(_sources()):
        state.update(path.read_bytes())
    for path in sorted(data.rglob("*")) if data is not None else ():
        if path.is_file():
            state.update(f"{path.name} {path.stat().st_size}".encode())
    return state.hexdigest()


def _sources() -> Sequence[Path]:
    here = Path(__file__).parent
    ours = (
        "plan",
        "texts",
        "observed",
        "jargon",
        "background",
        "campaigns",
        "directory",
        "store",
        "together",
    )
    simulator = Path(stream.tools.simulate.__file__).parent
    return [
        *(here / f"{name}.py" for name in ours),
        here.parent / "real_sources.py",
        *simulator.rglob("*.py"),
    ]
