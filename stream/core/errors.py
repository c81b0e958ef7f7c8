"""Every error that this package raises on purpose.

::

    DistillwatchError
    ├── SettingsError        a setting is unknown, missing or out of range      (exit 2)
    ├── UsageError           a command got arguments that it cannot use         (exit 2)
    ├── TopicError           a topic is missing or has the wrong partitions     (exit 2)
    ├── BrokerError          the broker refuses, or cannot be reached           (exit 1 or retry)
    ├── ProcessError         a process of a worker cannot be kept running       (exit 1, or its own)
    ├── InvalidShareError    most records are invalid: the deployment is broken (exit 1)
    ├── StateError           stored state cannot be used by this version        (exit 1)
    │   ├── ModelError       the stored model has another structure
    │   ├── LostPartError    a part of it cannot be used: it is learnt again, not a failure
    │   └── NewerVersionError  a newer version wrote it
    ├── DecisionError        a decision cannot change in this way                (exit 1)
    ├── PacketError          an internal record cannot be read                  (exit 1)
    ├── DatabaseError        a database of networks cannot be used: logged, never a failure
    └── DecodeError          a record is not an event: a value, not a failure   (dead letter)

Bad input is data: a DecodeError never leaves intake, it becomes a dead letter with its reason.
"""

from __future__ import annotations

from typing import Final

from stream.core.plain_text import plain

#: Characters of an error; assumed: more helps no reader, and may be what an attacker wrote.
_LONGEST: Final = 2_000


class DistillwatchError(Exception):
    """Anything that is reported to the user as one line, whatever it quotes."""

    exit_code = 1

    def __str__(self) -> str:
        """Return the line."""
        return plain(super().__str__()[:_LONGEST])


class SettingsError(DistillwatchError):
    """A setting is unknown, missing or out of range."""

    exit_code = 2


class UsageError(DistillwatchError):
    """A command got arguments that it cannot use."""

    exit_code = 2


class TopicError(DistillwatchError):
    """A topic is missing or has the wrong number of partitions."""

    exit_code = 2


class BrokerError(DistillwatchError):
    """The broker refuses, or cannot be reached."""


class ProcessError(DistillwatchError):
    """A process of a worker cannot be kept running, or did not stop well."""

    def __init__(self, detail: str, *, exit_code: int = 1) -> None:
        """End with ``exit_code``: that of the process, where another start would not help."""
        super().__init__(detail)
        self.exit_code = exit_code


class InvalidShareError(DistillwatchError):
    """Most records of a span are invalid."""


class StateError(DistillwatchError):
    """Stored state cannot be used by this version."""


class ModelError(StateError):
    """What was learnt is of another model: other features, trees or release of River."""


class LostPartError(StateError):
    """A part of stored state cannot be used; ``part`` is its name, the rest may be."""

    def __init__(self, part: str, detail: str) -> None:
        """Keep the part (a metric label) apart from the detail (for people)."""
        super().__init__(f"{part} cannot be read: {detail}")
        self.part = part
        self.detail = detail


class NewerVersionError(StateError):
    """A newer version wrote stored state or a packet: this one must not touch them."""


class DecisionError(DistillwatchError):
    """A decision cannot change in this way, or a guard rail forbids it."""


class PacketError(DistillwatchError):
    """An internal record cannot be read."""


class DatabaseError(DistillwatchError):
    """A database of networks cannot be used; ``problem`` is ``missing`` or ``damaged``."""

    def __init__(self, problem: str, detail: str) -> None:
        """Keep the problem (a metric label) apart from the detail (for people)."""
        super().__init__(detail)
        self.problem = problem


class DecodeError(DistillwatchError):
    """A record is not an event. ``reason`` is one of a small closed set of words."""

    def __init__(self, reason: str, detail: str = "", *, time_s: float | None = None) -> None:
        """Keep the reason (a metric label) apart from the detail (for people).

        ``time_s`` is the record's time, epoch seconds, where that at least is in order.
        """
        super().__init__(f"{reason}: {detail}" if detail else reason)
        self.reason = reason
        self.detail = detail
        self.time_s = time_s
