"""The labels file: what is read, and which line is wrong."""

import pytest

from stream.core.errors import UsageError
from stream.tools.report.labels import Labels


def test_lone_attackers_are_campaigns_of_their_own(tmp_path):
    file = tmp_path / "l.csv"
    file.write_text("account_id,label,campaign_id\na,attack,x\nb,attack,x\nc,attack,\nd,benign,\n")
    labels = Labels.read(file)
    assert labels.campaigns == {"x": {"a", "b"}, "c": {"c"}}
    assert labels.benign == 1
    assert labels.campaign_of == {"a": "x", "b": "x", "c": "c"}


@pytest.mark.parametrize(("text", "line"), [("a,b\n", 1), ("account_id,label,campaign_id\na\n", 2)])
def test_the_wrong_line_is_named(text, line, tmp_path):
    (tmp_path / "l.csv").write_text(text)
    with pytest.raises(UsageError, match=rf"l\.csv:{line}: expected"):
        Labels.read(tmp_path / "l.csv")
