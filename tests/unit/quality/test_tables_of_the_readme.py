"""The README's figures of what is found are those that were recorded."""

from pathlib import Path

from quality.readme import tables

README = (Path(__file__).parents[3] / "README.md").read_text()


def test_the_tables_of_the_readme_are_the_recorded_ones():
    assert [table for table in tables() if table not in README] == []
