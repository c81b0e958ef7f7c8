"""The published schema of the report is generated from the type, and reports validate."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError

from stream.oversight.published import as_json, report_schema, text
from testlib.oversight import DAMAGED, RECORDS, reported
from testlib.paths import ROOT


def test_the_published_schema_is_that_of_the_type() -> None:
    assert (ROOT / "deploy/report.schema.json").read_text() == text(), "run `make schema`"


def test_the_schema_is_valid_and_describes_every_field_that_is_no_struct() -> None:
    Draft202012Validator.check_schema(report_schema())
    for name, one in report_schema()["$defs"].items():
        fields: dict[str, Any] = one["properties"]
        bare = [field for field, kind in fields.items() if not kind.get("description")]
        assert [field for field in bare if "$ref" not in fields[field]] == [], name


@pytest.mark.parametrize("records", [[], RECORDS, [*RECORDS, *DAMAGED]])
def test_reports_validate(records: list[Any]) -> None:
    Draft202012Validator(report_schema()).validate(msgspec.json.decode(as_json(reported(records))))


def test_another_object_does_not_validate() -> None:
    wrong = msgspec.json.decode(as_json(reported(RECORDS))) | {"campaigns": 1}
    with pytest.raises(ValidationError):
        Draft202012Validator(report_schema()).validate(wrong)
