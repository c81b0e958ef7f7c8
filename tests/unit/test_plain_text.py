"""What others wrote forges no line of a log or of an error, and moves no terminal."""

from __future__ import annotations

import logging
from io import StringIO

import pytest

from stream.cli.common import PlainConsole, PlainFormatter, report_errors
from stream.core.errors import DecodeError, LostPartError, UsageError
from stream.core.plain_text import plain

HOSTILE = "x\x1b[2K\x9b1A\r\n2026-03-02 INFO all is well\u2028\u202e\ufeff"
NAME = "stream.delivery.log_sink"


def test_what_is_printable_stays():
    assert plain("Konto Łódź 東京, 5 € ok") == "Konto Łódź 東京, 5 € ok"
    assert plain("a\nb") == "a\N{REPLACEMENT CHARACTER}b"


@pytest.mark.parametrize(
    "error", [UsageError(HOSTILE), LostPartError("windows", HOSTILE), DecodeError("bad", HOSTILE)]
)
def test_an_error_is_one_line_whatever_it_quotes(error):
    assert str(error).isprintable()
    assert "all is well" in str(error)


def test_an_error_is_no_longer_than_people_read():
    assert len(str(UsageError("A" * 1_000_000))) == 2_000


def test_a_command_ends_with_one_line(capsys):
    with pytest.raises(SystemExit), report_errors():
        raise UsageError(HOSTILE)
    assert capsys.readouterr().err.rstrip("\n").isprintable()


def test_a_result_moves_no_terminal():
    shown = StringIO()
    PlainConsole(file=shown, highlight=False).print(
        f"one\ntwo {HOSTILE}", markup=False, soft_wrap=True
    )
    first, *others = shown.getvalue().rstrip("\n").split("\n")
    assert first == "one"
    assert all(line.isprintable() for line in others)


def test_a_log_line_is_one_line_whatever_it_quotes(caplog):
    with caplog.at_level(logging.INFO, logger=NAME):
        logging.getLogger(NAME).warning("account %s", HOSTILE)
    (record,) = caplog.records
    line = PlainFormatter("%(asctime)s %(levelname)s %(message)s").format(record)
    assert line.isprintable()


def test_a_traceback_keeps_its_lines():
    with pytest.raises(ValueError, match="reason") as caught:
        int("no\nreason")
    record = logging.LogRecord(NAME, logging.ERROR, __file__, 1, HOSTILE, (), caught._excinfo)
    first, *rest = PlainFormatter("%(message)s").format(record).split("\n")
    assert first.isprintable()
    assert rest[0].startswith("Traceback")
