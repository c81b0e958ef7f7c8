"""What ``distillwatch trace`` reads beside the data set: decisions, alerts, stored answers."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, BinaryIO, Final

from stream.cli.common import err
from stream.cli.progress_bar import progress
from stream.core.errors import SettingsError, TopicError, UsageError
from stream.decisions.canary_register import CanaryRegister
from stream.decisions.signature import Signer
from stream.kafka.trace_topics import read_answers as stored_answers
from stream.kafka.trace_topics import read_canaries as stored_canaries
from stream.kafka.trace_topics import read_suspects
from stream.tools.replay.answers_dump import dump, dumped_answers
from stream.trace.canary_decisions import CanaryDecisions

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from stream.settings import Settings
    from stream.trace.trace_run import TraceRun

#: Longest line of an audit that is read: its entry has a decision, with each quote escaped twice.
_MOST_LINE: Final = 2**22


def read_canaries(settings: Settings, path: Path | None, *, offline: bool) -> CanaryDecisions:
    """Return the decisions that have a canary, or why they cannot be read.

    ``path``: a file of the audit, instead of the topic. ``offline``: no topic is to be read.
    """
    if not settings.decisions.key:
        if path is not None:
            raise SettingsError("decisions.key: missing, decisions are verified with it")
        return CanaryDecisions(missing="decisions.key is missing, which verifies decisions")
    register = CanaryRegister(Signer(settings.decisions.key))
    if path is not None:
        _read_audit(register, path)
    elif offline:
        return CanaryDecisions(missing="answers and alerts are from files: give --decisions, too")
    else:
        try:
            with progress("decisions", None) as advance:
                stored_canaries(settings.kafka, settings.topics, register, advance)
        except TopicError as error:
            return CanaryDecisions(missing=str(error))
    return register.canaries()


def _read_audit(register: CanaryRegister, path: Path) -> None:
    lines = damaged = 0
    try:
        with path.open("rb") as file:
            while line := file.readline(_MOST_LINE):
                lines += 1
                damaged += not register.take_entry(line)
    except OSError as error:
        raise UsageError(f"{path}: cannot be read: {error.strerror}") from error
    if damaged == lines:
        raise UsageError(f"{path}: no audit, as `distillwatch decisions audit` prints it")
    if damaged:
        warn(f"{path}: {damaged:,} lines are no entries of the audit")


def read_alerts(run: TraceRun, settings: Settings, path: Path | None) -> None:
    """Read incidents and verdicts on them, or a file of alerts alone."""
    if path is None:
        with progress("alerts", None) as advance:
            read_suspects(settings.kafka, settings.topics, run.book, advance)
        return
    try:
        with path.open("rb") as file:
            for line in file:
                run.book.take_alert(line)
    except OSError as error:
        raise UsageError(f"{path}: cannot be read: {error.strerror}") from error
    if run.book.damaged:
        warn(f"{path}: {run.book.damaged:,} lines are no alerts")


def read_answers(
    run: TraceRun, settings: Settings, path: Path | None, save_file: Path | None, *, needed: bool
) -> None:
    """Read stored answers; ``needed``: without any there is nothing to compare."""
    answers = run.start_answers()
    with ExitStack() as stack:
        advance = stack.enter_context(progress("answers", None))
        copy = None if save_file is None else stack.enter_context(writable(save_file))

        def take(value: bytes | None) -> None:
            if copy is not None and value:
                dump(copy, value)
            answers.take(value)

        if path is None:
            stored_answers(settings.kafka, settings.topics, take, advance)
        else:
            for value in dumped_answers(path):
                take(value)
                advance(1)
    found = answers.summary()
    where = str(path) if path else settings.topics.answers
    if not found.records:
        nothing = f"{where}: no answer is stored: see trace.enabled"
        if needed:
            raise UsageError(nothing)
        warn(f"{nothing}; canaries alone are searched for")
        return
    if found.records == found.damaged:
        raise UsageError(f"{where}: no record of answers can be read: {answers.reason}")
    if not found.answers and found.thinner:
        raise SettingsError(f"trace.one_in: all records of {where} are thinner")
    if not found.answers:
        raise SettingsError(
            f"trace.key: no record of {where} is under it, but under {', '.join(answers.foreign)}"
        )


def warn(line: str) -> None:
    """Print a line that is no result."""
    err.print(f"distillwatch: {line}", markup=False, soft_wrap=True)


@contextmanager
def writable(path: Path) -> Iterator[BinaryIO]:
    """Open a file to write to; raises UsageError."""
    try:
        with path.open("wb") as file:
            yield file
    except OSError as error:
        raise UsageError(f"{path}: cannot be written: {error.strerror}") from error
