"""What sketches of answers cost at intake: the processor time with them over that without.

``PYTHONPATH=.:tests:tests/bench python tests/bench/answers.py``. Both take the same records in
turn, pair by pair, so that what disturbs one disturbs the other: the least of each is compared, and
the median of the pairs' ratios is in brackets. Prompts have 1 kB and answers 2 kB, none is like
another; LiteLLM's payloads have what its proxy writes around them.
"""

from __future__ import annotations

import json
import time
from itertools import pairwise
from statistics import median
from typing import TYPE_CHECKING, Any, Final

from texts import texts

from stream.core.records import Record
from stream.core.secret import Secret
from stream.metrics import Metrics
from stream.pipeline.build import intake
from stream.settings import Settings
from stream.trace.answer_record import decode
from stream.trace.answer_sketches import AnswerSketches
from stream.trace.settings import TraceSettings
from testlib.paths import ROOT

if TYPE_CHECKING:
    from stream.core.records import Emission
    from stream.pipeline.intake import Intake

KINDS: Final = ("plain", "punctuated", "emoji", "han")
FORMATS: Final = ("canonical", "litellm")
EVENTS: Final = 512
PAIRS: Final = 25
NOW: Final = 1_764_000_030.0
_SAMPLE: Final = json.loads(
    (ROOT / "tests/samples/litellm_payloads.jsonl").read_text().splitlines()[0]
)


def record(format_: str, row: int, prompt: str, answer: str) -> bytes:
    """Return one record of a gateway."""
    if format_ == "canonical":
        event: dict[str, Any] = {"timestamp": NOW, "account_id": f"acct_{row % 300}", "model": "m"}
        event |= {"request_id": f"r{row}", "prompt": prompt, "response": answer}
        return json.dumps(event).encode()
    metadata = _SAMPLE["metadata"] | {"user_api_key_hash": f"{row % 300:064x}"}
    message = {"role": "assistant", "content": answer}
    own = {
        "id": f"r{row}",
        "startTime": NOW,
        "metadata": metadata,
        "messages": [{"role": "user", "content": prompt}],
        "response": {"choices": [{"index": 0, "message": message}]},
    }
    return json.dumps(_SAMPLE | own).encode()


def records(format_: str, kind: str) -> list[Record]:
    """Return records with texts of one kind, each another one."""
    prompts, answers = [], []
    while len(answers) <= EVENTS:
        salt = len(answers)
        prompts += [f"{salt} {text}" for text in texts(kind, 1_000)][:64]
        answers += [f"{salt} {text}" for text in texts(kind, 2_000)][:64]
    # Texts come again after 64: in another order of their halves they do not.
    half = len(answers[0]) // 2
    answers = [
        a[: half - i // 64 * 7] + b[half - i // 64 * 7 :]
        for i, (a, b) in enumerate(pairwise(answers))
    ]
    rows = zip(prompts, answers, strict=False)
    return [Record(i, None, record(format_, i, *row)) for i, row in enumerate(rows)][:EVENTS]


def made(*, traced: bool) -> Intake:
    """Return an intake."""
    settings, metrics = Settings(), Metrics()
    trace = TraceSettings(enabled=traced, key=Secret("k" * 32))
    answers = AnswerSketches(trace, metrics) if traced else None
    return intake(settings.stages, topic="requests", metrics=metrics, answers=answers)


def cost(stage: Intake, given: list[Record]) -> tuple[float, list[Emission]]:
    """Return processor seconds, and what was emitted."""
    start = time.process_time()
    out = stage.process(0, given, now_s=NOW)
    return time.process_time() - start, out


def main() -> None:
    """Print one row a format and kind."""
    for format_ in FORMATS:
        for kind in KINDS:
            given = records(format_, kind)
            plain, traced = made(traced=False), made(traced=True)
            pairs = [(cost(plain, given)[0], cost(traced, given)[0]) for _ in range(PAIRS)]
            off, on = map(min, zip(*pairs, strict=True))
            ratio, usual = on / off, median(with_ / without for without, with_ in pairs)
            kept = [decode(e.value) for e in cost(traced, given)[1] if e.role == "answers"]
            hashes = sum(len(one.hashes) for one in kept) / len(given)
            each = 1e6 / len(given)
            print(
                f"{format_:10} {kind:11} without {off * each:6.1f} us, with {on * each:6.1f} us: "
                f"{ratio:.2f} (median {usual:.2f}); {hashes:.1f} hashes an answer",
                flush=True,
            )


if __name__ == "__main__":
    main()
