"""The keys of the hashes of answers."""

from __future__ import annotations

import pytest

from stream.core.errors import SettingsError
from stream.core.secret import Secret
from stream.trace.keys import trace_keys

NEW, OLD = "n" * 32, "o" * 40


def test_the_first_key_is_the_current_one_and_ids_reveal_no_key():
    keys = trace_keys(Secret(f" {NEW} {OLD}\n{NEW}"))
    assert [one.key for one in keys] == [NEW.encode(), OLD.encode()]
    assert len({one.key_id for one in keys}) == 2
    assert trace_keys(Secret(OLD))[0] == keys[1]
    assert NEW not in repr(keys)
    assert OLD not in repr(keys)


@pytest.mark.parametrize("value", ["", "  ", "k" * 31, f"{NEW} short"])
def test_no_key_or_a_short_one_is_one_line_that_names_the_setting(value):
    with pytest.raises(SettingsError, match=r"^trace\.key: ") as raised:
        trace_keys(Secret(value))
    assert "short" not in str(raised.value)
