"""Hostile records, drawn from a seed: samples mutated as bytes and as JSON, and shapes that stall.

The same seed gives the same records for ever, so a finding is named by its number.
"""

from __future__ import annotations

import json
import time
import tomllib
from collections import Counter
from random import Random
from typing import TYPE_CHECKING, Any, Final

import msgspec

from stream.core.records import Record
from stream.intake.codec.decoder import Decoder
from stream.intake.codec.settings import IntakeSettings
from stream.intake.fingerprint.fingerprinter import Fingerprinter
from stream.intake.metrics import REJECT_REASONS
from stream.metrics import Metrics
from stream.settings import Settings
from stream.telemetry.declaration import OVERFLOW
from testlib.paths import SAMPLES

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Sequence

    from stream.intake.codec.event import RequestEvent

_MAPPING: Final = tomllib.loads((SAMPLES / "nginx_mapping.toml").read_text())["intake"]["mapping"]
#: What JSON may say of a number, and parsers stumble over.
_NUMBERS: Final = (
    b"1e400", b"-1e400", b"1e-400", b"NaN", b"Infinity", b"-Infinity", b"-0", b"00", b"01", b".5",
    b"1.", b"1e", b"0x10", b"1_000", b"9" * 19, b"9" * 20, b"9" * 400, b"1" + b"0" * 10_000,
    b"0." + b"0" * 5000 + b"1", b"1E+999999999", b"1e99999999999999999999", b"-9223372036854775809",
    b"18446744073709551616", b"2147483648", b"1760000000000", b"1760000000", b"true", b"null",
)  # fmt: skip
_TEXTS: Final = (
    "", " ", "\x00", "a\nb", "\u2028", "\ufeff", "\u202e", "\ud800", "x\udc00y", "\U0001f600" * 70,
    "e" + "\u0301" * 300, "\u0344" * 300, "\ufdfa" * 300, "\u1112\u1161\u11ab" * 200, "\u00df" * 99,
    "\u4e00" * 500, "'`\"\u201c\u2018\u00ab" * 80, "```" * 200, "9" * 500, "1.1," * 300, "/" * 800,
    "a" * 257, "\u00e9" * 129, "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59.999999999-14:00",
    "2026-02-30T00:00:00Z", "2026-03-01T24:00:00Z", "2026-03-01T23:59:60Z", "-", "null", "NaN",
    "256.1.1.1", "::ffff:1.2.3.4%eth0", "[" + ":" * 300, "1.2.3.4, " * 60, "{}", '{"messages":[]}',
)  # fmt: skip
_BYTES: Final = (
    b"", b"\x00", b"\xff\xfe", b"\xed\xa0\x80", b"\xc0\xaf", b"\xf4\x90\x80\x80", b"\\u",
    b"\\ud800",    b"\\x", b'"', b"{", b"}", b"[", b"]", b",", b":", b"\n", b"\r\n", b"\x1e", b"\\",
    b"\xef\xbb\xbf", b'"startTime"', b'"account_id"', b"/*", b"//", b"\x1f\x8b\x08",
)  # fmt: skip
_REASONS: Final = frozenset(REJECT_REASONS) - {OVERFLOW}
#: Stands for bytes that no JSON writer would write.
_RAW: Final = "raw-bytes-come-here"


def samples() -> list[bytes]:
    """Return every sample: the lines of line files, and the other files whole."""
    found: list[bytes] = []
    for path in sorted(SAMPLES.rglob("*")):
        if path.suffix == ".jsonl":
            found += [line for line in path.read_bytes().splitlines() if line.strip()]
        elif path.is_file():
            found.append(path.read_bytes())
    return found


class Fuzzer:
    """Draws records; mutable, seeded."""

    def __init__(self, seed: int, favoured: Collection[bytes] = ()) -> None:
        """Mutate every sample, in every other record one of those ``favoured``."""
        self._random = Random(seed)
        self._samples = samples()
        # Small ones more often: there is more to mutate in a second.
        self._weights = [1 / (1000 + len(sample)) for sample in self._samples]
        if favoured:
            pairs = list(zip(self._samples, self._weights, strict=True))
            rest = sum(weight for sample, weight in pairs if sample not in favoured)
            more = rest / sum(weight for sample, weight in pairs if sample in favoured)
            self._weights = [w * (more if sample in favoured else 1) for sample, w in pairs]
        self._kinds: tuple[tuple[Callable[[], bytes], int], ...] = (
            (self._bytes, 40),
            (self._json, 50),
            (self._several, 8),
            (self._large, 1),
        )

    def _sample(self) -> bytes:
        return self._random.choices(self._samples, self._weights)[0]

    def records(self, count: int) -> Iterator[bytes]:
        """Yield so many records."""
        kinds, weights = zip(*self._kinds, strict=True)
        for _ in range(count):
            yield self._random.choices(kinds, weights)[0]()

    # -- bytes --------------------------------------------------------------------------------

    def _bytes(self) -> bytes:
        random = self._random
        value = bytearray(self._sample())
        for _ in range(random.choice((0, 1, 1, 2, 3, 8))):
            at = random.randrange(len(value) + 1)
            size = random.choice((0, 1, 2, 8, 64, 1024))
            match random.randrange(6):
                case 0:
                    value[at : at + size] = random.choice(_BYTES)
                case 1:
                    value[at:at] = random.choice(_NUMBERS)
                case 2:
                    value[at:at] = value[at : at + size] * random.choice((1, 2, 50))
                case 3:
                    value[at : at + size] = random.randbytes(size)
                case 4:
                    other = self._sample()
                    value[at:] = other[random.randrange(len(other) + 1) :]
                case _:
                    del value[at:]
        return bytes(value)

    # -- JSON ---------------------------------------------------------------------------------

    def _json(self) -> bytes:
        random = self._random
        try:
            value = json.loads(self._sample())
        except ValueError:
            return self._bytes()
        raw: list[bytes] = []
        for _ in range(random.choice((1, 1, 2, 4))):
            value = self._changed(value, raw)
        return self._written(value, raw)

    def _changed(self, value: Any, raw: list[bytes]) -> Any:
        """Change one place in a JSON value, which stays a value that can be written."""
        random = self._random
        if isinstance(value, dict) and value and random.random() < 0.9:
            key = random.choice(list(value))
            match random.randrange(8):
                case 0:
                    del value[key]
                case 1:
                    value[self._text()] = value.pop(key)
                case 2:
                    value[random.choice(list(value))] = value[key]
                case _:
                    value[key] = self._changed(value[key], raw)
            return value
        if isinstance(value, list) and value and random.random() < 0.8:
            at = random.randrange(len(value))
            match random.randrange(4):
                case 0:
                    del value[at]
                case 1:
                    value[at:at] = value[at : at + 1] * random.choice((1, 30))
                case _:
                    value[at] = self._changed(value[at], raw)
            return value
        return self._anything(value, raw)

    def _anything(self, value: Any, raw: list[bytes]) -> Any:
        random = self._random

        def unwritable(part: bytes) -> str:
            raw.append(part)
            return _RAW

        def deep() -> str:
            depth = random.choice((3, 40, 400, 990, 3000))
            opening, closing = random.choice(((b"[", b"]"), (b'{"a":', b"}")))
            return unwritable(opening * depth + b"1" + closing * depth)

        return random.choice(
            (
                lambda: None,
                lambda: random.choice((True, False, 0, -1, 0.5, 2**31, 2**63, 2**64, 1e300)),
                lambda: random.choice(([], {}, [[]], [{}], {"": ""}, [None], {"role": "user"})),
                lambda: [value] * random.choice((1, 2, 100)),
                lambda: {self._text(): value, "text": value, "content": value, "role": "user"},
                lambda: unwritable(random.choice((*_NUMBERS, *_BYTES))),
                deep,
                lambda: self._text() * random.choice((1, 1, 20)),
                lambda: f"{value}{self._text()}" if isinstance(value, str) else str(value),
            )
        )()

    def _text(self) -> str:
        random = self._random
        if random.random() < 0.6:
            return random.choice(_TEXTS)
        size = random.choice((1, 8, 60, 300))
        ranges = ((0x20, 0x7E), (0x80, 0x2FF), (0x300, 0x36F), (0x600, 0x6FF), (0x3040, 0x9FFF),
                  (0xD800, 0xDFFF), (0x1F300, 0x1F6FF), (0, 0x10FFFF))  # fmt: skip
        first, last = random.choice(ranges)
        return "".join(chr(random.randint(first, last)) for _ in range(size))

    def _written(self, value: Any, raw: list[bytes]) -> bytes:
        random = self._random
        text = json.dumps(
            value,
            ensure_ascii=random.random() < 0.7,
            indent=random.choice((None, None, None, 1)),
        ).encode("utf-8", "surrogatepass")
        for part in raw:
            text = text.replace(f'"{_RAW}"'.encode(), part, 1)
        return text

    # -- more than one, and large -------------------------------------------------------------

    def _several(self) -> bytes:
        random = self._random
        parts = [
            random.choice((self._bytes, self._json, self._sample))()
            for _ in range(random.choice((0, 1, 2, 5, 40)))
        ]
        if random.random() < 0.5:
            return b"[" + b",".join(parts) + random.choice((b"]", b"]", b",]", b""))
        return random.choice((b"\n", b"\r\n", b"\n\n", b"\x1e")).join(parts)

    def _large(self) -> bytes:
        """Return a shape whose cost could grow faster than its size, up to a mebibyte."""
        random = self._random
        size = random.choice((1 << 12, 1 << 14, 1 << 16, 1 << 16, 1 << 18, 1 << 20))
        good = self._sample()
        unit = random.choice(
            (b"1,", b"[],", b"{},", b'"",', b"[[],[]],", b"null,", b'{"a":1},', b"-,", b"\\u0041")
        )
        many = unit * (size // len(unit))
        text = self._text() or "x"
        long = (text * (size // len(text) + 1))[: size // 4]
        part = json.dumps({"role": "user", "content": text[:200]}).encode()
        one = random.choice((b" ", b"\n", b"\x00", b"{", b'"', b"\\ud800", b"9", b"["))
        line = random.choice((b"{}", b"{", good, b"1"))
        keys = b",".join(b'"k%d":%d' % (i, i) for i in range(size // 16))
        return random.choice(
            (
                lambda: b"[" + many.rstrip(b",") + b"]",
                lambda: one * size,
                lambda: b"\n".join([line] * min(size // len(line), 9000)),
                lambda: b"[" + b",".join([good] * (size // len(good) + 1)) + b"]",
                lambda: self._with("prompt", json.dumps(long).encode("utf-8", "surrogatepass")),
                lambda: self._with("messages", b"[" + many.rstrip(b",") + b"]"),
                lambda: self._with(
                    "messages", b"[" + b",".join([part] * (size // len(part))) + b"]"
                ),
                lambda: b"{" + keys + b"," + good.strip()[1:],
            )
        )()

    def _with(self, key: str, value: bytes) -> bytes:
        good = self._sample().strip()
        return b'{"%s":%s,' % (key.encode(), value) + good[1:]


NOW_S: Final = 1_777_000_000.0
#: What a record may take: a start, so much per byte, and so much for each object it may hold.
#: About five times what it takes: enough to tell what grows with the square of the size.
_START_S: Final = 0.02
_PER_BYTE_S: Final = 0.5e-6
_PER_OBJECT_S: Final = 40e-6


class Trial:
    """Puts records through decoding and fingerprinting, and holds them to what was promised.

    An event in range or a reject with a reason of the closed set, never anything else; the good
    records beside it unharmed; no time out of proportion to the size.
    """

    def __init__(self, format_: str) -> None:
        settings = msgspec.convert({"format": format_, "mapping": _MAPPING}, IntakeSettings)
        self._decoder = Decoder(settings, Metrics())
        self._fingerprinter = Fingerprinter(b"salt")
        #: The samples that this format reads.
        self.good = [value for value in samples() if self._events(value)]
        #: A good record, which stands before and after each hostile one.
        self._good = next(value for value in self.good if self._events(value) == 1)
        self.results: Counter[str] = Counter()
        #: What took longer than it may.
        self.slow: list[bytes] = []

    def _events(self, value: bytes) -> int:
        decoded = self._decoder.decode([Record(0, None, value)], now_s=NOW_S)
        return 0 if decoded.rejects else len(decoded.events)

    def put(self, values: Sequence[bytes]) -> None:
        """Take hostile records, each between two good ones."""
        share, results = self._run(values)
        self.results += results
        for value in values if share >= 1 else ():
            # A busy machine is no finding: it has to be slow again, and alone.
            again = min(self._run([value])[0], self._run([value])[0])
            self.slow += [value] if again >= 1 else []

    def _run(self, values: Sequence[bytes]) -> tuple[float, Counter[str]]:
        """Run the records; return the part that it took of the time it may, and the results."""
        records = [Record(2 * i + 1, None, value) for i, value in enumerate(values)]
        good = [Record(2 * i, None, self._good) for i in range(len(values) + 1)]
        began = time.process_time()
        decoded = self._decoder.decode(
            sorted((*records, *good), key=lambda record: record.offset), now_s=NOW_S
        )
        batch = self._fingerprinter.columns(decoded.events, decoded.offsets)
        took = time.process_time() - began
        results: Counter[str] = Counter()
        assert len(batch) == len(decoded.events) == len(decoded.offsets)
        assert decoded.offsets == sorted(decoded.offsets)
        beside = [offset for offset in decoded.offsets if offset % 2 == 0]
        assert beside == [record.offset for record in good]
        for event, offset in zip(decoded.events, decoded.offsets, strict=True):
            if offset % 2:
                _check(event)
                results["events"] += 1
        rejected = Counter(reject.record.offset for reject in decoded.rejects)
        assert rejected.keys() <= {record.offset for record in records}
        assert set(rejected.values()) <= {1}
        for reject in decoded.rejects:
            assert reject.reason in _REASONS
            results[reject.reason] += 1
        return took / sum(map(_allowed_s, values)), results


def _allowed_s(value: bytes) -> float:
    objects = min(value.count(b",") + value.count(b"\n"), Settings().intake.max_record_events)
    return _START_S + _PER_BYTE_S * len(value) + _PER_OBJECT_S * objects


def _check(event: RequestEvent) -> None:
    assert Settings().intake.oldest_timestamp <= event.timestamp <= NOW_S + 300
    account = event.account_id
    assert 0 < len(account.encode()) <= 256
    assert account.isprintable() or not any(ord(letter) < 32 for letter in account)
    for count in (event.input_tokens, event.output_tokens, event.cached_tokens, event.max_tokens):
        assert count is None or 0 <= count < 2**31
