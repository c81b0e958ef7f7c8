import msgspec
import pytest

from stream.core.secret import Secret
from stream.decisions.audit_chain import Link, note, verified
from stream.decisions.register import Reading
from stream.decisions.signature import AUDIT, Signer
from testlib.decisions import KEY

SIGNER = Signer(Secret(KEY), AUDIT)


def chain(count, end=None):
    end, entries = end or Link(), []
    for number in range(count):
        record = (b"dec_1", b'{"state":"proposed"}', b"0" * 64)
        written, end = note(
            end, record, offset=number, reading=Reading.NEWER, suspicious=False, time=1.0 + number
        )
        entries.append((written, SIGNER.sign(b"", written)))
    return entries, end


def test_a_whole_chain_holds():
    entries, end = chain(5)
    assert verified(entries, SIGNER) == (found := verified(entries, SIGNER))
    assert (found.end, found.problem) == (end, "")
    assert end.offset == 4
    assert verified([], SIGNER).end == Link()


def test_an_entry_that_was_written_twice_is_no_break():
    entries, end = chain(3)
    assert verified([*entries, entries[-1]], SIGNER).end == end


@pytest.mark.parametrize("place", range(4))
def test_a_removed_entry_is_found(place):
    entries, _ = chain(5)
    found = verified(entries[:place] + entries[place + 1 :], SIGNER)
    assert found.end.number == place
    assert "does not follow" in found.problem


def test_a_changed_entry_is_found_even_when_it_is_signed_again():
    entries, _ = chain(5)
    value = entries[2][0].replace(b"proposed", b"approved")
    forged = verified([*entries[:2], (value, b"0" * 64), *entries[3:]], SIGNER)
    assert forged.problem == "the entry after 2 is not signed with our key"
    signed = verified([*entries[:2], (value, SIGNER.sign(b"", value)), *entries[3:]], SIGNER)
    assert signed.problem == "entry 4 does not follow entry 3: changed or removed"


def test_two_entries_in_the_other_order_are_found():
    entries, _ = chain(4)
    entries[1], entries[2] = entries[2], entries[1]
    assert "does not follow" in verified(entries, SIGNER).problem


def test_what_cannot_be_read_is_named():
    entries, _ = chain(1)
    found = verified([*entries, (b"{", SIGNER.sign(b"", b"{"))], SIGNER)
    assert found.problem == "the entry after 1 cannot be read"


def test_of_a_suspicious_record_the_beginning_is_kept_whatever_its_bytes():
    record = (b"\xff" * 10_000, b"\x00" * 100_000, b"x" * 10_000)
    written, end = note(Link(), record, offset=0, reading=Reading.FORGED, suspicious=True, time=1.0)
    assert len(written) < 60_000
    assert msgspec.json.decode(written)["reading"] == "forged"
    assert verified([(written, SIGNER.sign(b"", written))], SIGNER).end == end
