import pytest

from stream.core.errors import SettingsError
from stream.core.secret import Secret
from stream.decisions.signature import AUDIT, Signer
from testlib.decisions import KEY

ONE, OTHER = KEY, "o" * 32


def test_a_signature_is_of_key_and_value_and_of_nothing_else():
    signer = Signer(Secret(ONE))
    signature = signer.sign(b"dec_1", b"value")
    assert signer.signed(b"dec_1", b"value", signature)
    assert not signer.signed(b"dec_1", b"values", signature)
    assert not signer.signed(b"dec_2", b"value", signature)
    assert not signer.signed(b"dec_1v", b"alue", signature)  # the border between them counts
    assert not signer.signed(b"dec_1", b"value", signature[:-1] + b"0")
    assert not signer.signed(b"dec_1", b"value", b"\xff not ascii")
    assert not Signer(Secret(ONE), AUDIT).signed(b"dec_1", b"value", signature)


def test_keys_are_changed_by_accepting_the_old_one_for_a_while():
    old, both, new = (Signer(Secret(keys)) for keys in (ONE, f"{OTHER} {ONE}", OTHER))
    assert both.signed(b"k", b"v", old.sign(b"k", b"v"))
    assert new.signed(b"k", b"v", both.sign(b"k", b"v"))
    assert not new.signed(b"k", b"v", old.sign(b"k", b"v"))


@pytest.mark.parametrize(("keys", "expected"), [("", "missing"), ("short", "32 characters")])
def test_a_key_that_is_missing_or_short_is_refused_in_one_line_without_it(keys, expected):
    with pytest.raises(SettingsError, match=f"decisions.key.*{expected}") as found:
        Signer(Secret(keys))
    assert not keys or keys not in str(found.value)
