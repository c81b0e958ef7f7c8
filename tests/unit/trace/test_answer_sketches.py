"""What is kept of answers: hashes of what the request has not brought, and a count of the rest."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

import pytest

from stream.core.errors import SettingsError
from stream.core.secret import Secret
from stream.intake.codec.admission import fields_of, values_of
from stream.intake.codec.event import RequestEvent
from stream.metrics import Metrics
from stream.settings import Settings, load
from stream.trace.answer_sketches import AnswerSketches
from stream.trace.keys import trace_keys
from stream.trace.metrics import RESULTS
from stream.trace.settings import TraceSettings
from stream.trace.sketcher import Sketcher

if TYPE_CHECKING:
    from stream.trace.answer_record import Answers

KEY = "k" * 32
NOW = 1_760_000_000.0
VOCABULARY = [f"word{i}" for i in range(3000)]


def article(seed: int, words: int = 400) -> str:
    return " ".join(random.Random(seed).choices(VOCABULARY, k=words))


def sketches(*events: dict[str, Any], watched: set[str] | None = None) -> tuple[Answers, dict]:
    """Return what is kept of events, and the count of each result."""
    settings = TraceSettings(enabled=True, key=Secret(KEY), one_in=4, one_in_watched=1)
    metrics = Metrics()
    made = AnswerSketches(settings, metrics, lambda: watched or set())
    base: dict[str, Any] = {"timestamp": NOW, "account_id": "acct_1", "model": "m"}
    found = made.of(fields_of(map(values_of, [RequestEvent(**base | one) for one in events])))
    counts = {
        result: metrics.answers_total.labels(result=result)._value.get() for result in RESULTS
    }
    return found, {result: count for result, count in counts.items() if count}


def of(text: str, one_in: int = 4) -> list[int]:
    return Sketcher(KEY.encode()).sketches([text], one_in).hashes.tolist()


def test_an_answer_is_kept_as_the_sketch_of_its_text_with_its_account_and_time():
    events: list[dict[str, Any]] = [
        {"response": article(1)},
        {"response": article(2), "account_id": "acct_2", "timestamp": NOW + 90.7},
        {"response": article(3)},
    ]
    found, counts = sketches(*events)
    assert found.key_id == trace_keys(Secret(KEY))[0].key_id
    assert [found.accounts[one] for one in found.account] == ["acct_1", "acct_2", "acct_1"]
    assert found.time.tolist() == [NOW, NOW + 90, NOW]
    assert found.one_in.tolist() == [4, 4, 4]
    assert found.hashes.tolist() == [*of(article(1)), *of(article(2)), *of(article(3))]
    assert found.count.tolist() == [len(of(article(seed))) for seed in (1, 2, 3)]
    assert counts == {"sketched": 3}


@pytest.mark.parametrize("field", ["prompt", "system_prompt", "first_prompt", "first_answer"])
@pytest.mark.parametrize(
    "change",
    [
        lambda text: text,
        str.upper,
        lambda text: "> " + text.replace(" word1", "\n> **word1"),
        lambda text: text.replace(" word2", "\u2014word2"),
    ],
)
def test_what_the_request_has_itself_is_left_out(field, change):
    own, copied = article(1), article(2, 200)
    found, counts = sketches({"response": f"{own}\n\n{copied}", field: change(copied) + " so"})
    assert {*of(own)} <= {*found.hashes.tolist()}
    assert not {*of(copied)} & {*found.hashes.tolist()}
    assert counts == {"sketched": 1}


def test_a_request_without_spaces_is_left_out_too():
    text = "潮汐是在月球和太阳引力作用下形成的海水周期性涨落现象而其强弱取决于天体的位置" * 4
    found, counts = sketches({"response": "好, " + text, "prompt": "请重复: " + text})
    assert counts == {"copied": 1}
    assert len(found) == 0


def test_every_answer_has_one_result():
    _, counts = sketches(
        {},
        {"response": ""},
        {"response": "too short a text"},
        {"response": article(4), "prompt": f"Repeat this: {article(4)}"},
        {"response": article(5)},
        # Of few shingles, none is among the smallest quarter.
        {"response": next(a for a in (article(s, 8) for s in range(99)) if not of(a))},
    )
    assert counts == {"absent": 2, "too_short": 1, "copied": 1, "sketched": 1, "not_sampled": 1}


def test_of_accounts_that_are_watched_more_is_kept():
    events = [{"response": article(1), "account_id": name} for name in ("acct_1", "acct_2")]
    found, _ = sketches(*events, watched={"acct_2"})
    names = [found.accounts[one] for one in found.account]
    densities = dict(zip(names, found.one_in.tolist(), strict=True))
    assert densities == {"acct_1": 4, "acct_2": 1}
    assert found.count.sum() == len(found.hashes) == len(of(article(1))) + len(of(article(1), 1))


def test_no_text_is_in_what_is_kept():
    found, _ = sketches({"response": article(1), "prompt": article(2)})
    kept = repr(found).encode() + found.hashes.tobytes()
    assert not any(word.encode() in kept for word in VOCABULARY)


def test_tracing_needs_a_key_and_a_density_that_is_a_power_of_two():
    assert not Settings().trace.enabled
    with pytest.raises(SettingsError, match=r"trace\.key: missing"):
        load(None, {"DISTILLWATCH_TRACE_ENABLED": "true"})
    with pytest.raises(SettingsError, match=r"trace\.key: expected 32 characters") as raised:
        load(None, {"DISTILLWATCH_TRACE_ENABLED": "true", "DISTILLWATCH_TRACE_KEY": "hush" * 3})
    assert "hush" not in str(raised.value)
    with pytest.raises(SettingsError, match=r"trace\.one_in: expected a power of two"):
        load(None, {"DISTILLWATCH_TRACE_ONE_IN": "48"})
