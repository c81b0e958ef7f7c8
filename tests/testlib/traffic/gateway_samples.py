"""The sample files of every gateway, and how the tests decode and mutate what is in them."""

from __future__ import annotations

import json
import tomllib
from typing import TYPE_CHECKING, Any

import msgspec

from stream.core.records import Record
from stream.intake.codec.decoder import Decoder
from stream.intake.codec.settings import IntakeSettings
from stream.metrics import Metrics
from testlib.paths import SAMPLES

if TYPE_CHECKING:
    from stream.intake.codec.decoded import Decoded

NOW = 1.77e9
#: Sample file -> its format. What tells of no call of a model is in files named `_other`.
FILES = {
    "canonical_events.jsonl": "canonical",
    "litellm_payloads.jsonl": "litellm",
    "kong_ai_proxy.jsonl": "kong",
    "kong_other.jsonl": "kong",
    "apisix_ai_proxy.jsonl": "apisix",
    "apisix_other.jsonl": "apisix",
    "envoy_ai_gateway.jsonl": "envoy",
    "envoy_other.jsonl": "envoy",
    "otlp_genai_traces.jsonl": "otlp",
    "portkey_export.jsonl": "portkey",
    "helicone_rows.jsonl": "helicone",
    "cloudflare_logs.jsonl": "cloudflare",
    "nginx_access.jsonl": "mapping",
}
FORMATS = list(dict.fromkeys(FILES.values()))
#: The mapping that reads the nginx sample: the one of the guide.
MAPPING = tomllib.loads((SAMPLES / "nginx_mapping.toml").read_text())["intake"]["mapping"]
PROTOBUF = (SAMPLES / "otlp_genai_traces.binpb").read_bytes()


def lines(name: str) -> list[bytes]:
    return (SAMPLES / name).read_bytes().splitlines()


def of(format_: str, *, other: bool = False) -> list[dict[str, Any]]:
    """Return the sample objects of a format; those that are no calls only with ``other``."""
    return [
        json.loads(line)
        for name, of_file in FILES.items()
        for line in lines(name)
        if of_file == format_ and ("other" in name) <= other
    ]


def settings(**changes: Any) -> IntakeSettings:
    return msgspec.convert({"mapping": MAPPING} | changes, IntakeSettings)


def decode(*values: bytes, metrics: Metrics | None = None, **changes: Any) -> Decoded:
    decoder = Decoder(settings(**changes), metrics or Metrics())
    records = [Record(i, None, value) for i, value in enumerate(values)]
    return decoder.decode(records, now_s=NOW)


def events(*values: Any, **changes: Any) -> list[dict[str, Any]]:
    """Return what is known of each event of some objects."""
    decoded = decode(*(json.dumps(value).encode() for value in values), **changes)
    assert decoded.rejects == []
    return [known(event) for event in decoded.events]


def known(event: Any) -> dict[str, Any]:
    return {k: v for k, v in msgspec.structs.asdict(event).items() if v is not None}


def counts(metrics: Metrics) -> dict[tuple[str, str], int]:
    """Return how many events of which format had which result."""
    return {
        (sample.labels["format"], sample.labels["result"]): int(sample.value)
        for family in metrics.events_total.collect()
        for sample in family.samples
        if sample.name.endswith("_total") and sample.value
    }
