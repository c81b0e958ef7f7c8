"""The published schema and the document are those of the result."""

import re

import msgspec
from jsonschema import Draft202012Validator

from stream.trace.trace_limits import LIMITS, WITHOUT_DATE
from stream.trace.trace_schema import text, trace_schema
from testlib.paths import ROOT
from testlib.traced import everyone, stored, traced

GIVEN = everyone(controls=20)
RECORDS = stored(GIVEN)
ROWS = [one for texts in GIVEN.values() for one in texts[:1]]


def test_the_published_schema_is_that_of_the_type() -> None:
    assert (ROOT / "deploy/trace.schema.json").read_text() == text(), "run `make schema`"


def test_results_satisfy_the_schema() -> None:
    Draft202012Validator.check_schema(trace_schema())
    for result in (
        traced(ROWS, RECORDS),
        traced(ROWS, RECORDS, dated=1.0),
        traced([], RECORDS),
        traced(ROWS, [], []),
    ):
        content = msgspec.json.decode(msgspec.json.encode(result))
        Draft202012Validator(trace_schema()).validate(content)


def test_the_document_has_the_limits_of_the_result() -> None:
    listed = re.findall(r"^- (.+)$", (ROOT / "docs/response.md").read_text(), re.MULTILINE)
    assert [one for one in listed if one in LIMITS] == [*LIMITS]
    assert traced(ROWS, RECORDS).limits == [WITHOUT_DATE, *LIMITS]
    assert traced(ROWS, RECORDS, dated=1.0).limits == [*LIMITS]


def test_without_text_or_answers_nothing_is_attributed() -> None:
    for result in (traced([], RECORDS), traced(ROWS, []), traced(["too short"], RECORDS)):
        assert not any(one.named for one in result.groups)
        assert result.outside == []
