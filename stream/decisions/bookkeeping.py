"""Everything that the one keeper of the decisions topic does with a record, without any topic.

It takes records in the order of the topic, and returns states to write. What it has noted in the
audit is not noted again: entries name the offset of their record.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from stream.decisions.applied import on_applied
from stream.decisions.audit_chain import Link, note
from stream.decisions.effect_book import EffectBook
from stream.decisions.endings import on_time, on_verdict
from stream.decisions.guard_rails import GuardRails
from stream.decisions.policy import Policy
from stream.decisions.register import SUSPICIOUS, Reading, Register

if TYPE_CHECKING:
    from collections.abc import Callable

    from stream.core.alerts import Alert
    from stream.core.feedback import Verdict
    from stream.decisions.settings import DecisionSettings
    from stream.decisions.signature import Signer
    from stream.decisions.transitions import Stored


class Bookkeeping:
    """The register, what has come of decisions, the policy and the end of the audit."""

    def __init__(
        self,
        settings: DecisionSettings,
        signer: Signer,
        audited: Link,
        *,
        reporters: Signer,
        new_canary: Callable[[], str],
    ) -> None:
        """Begin with an empty register; ``audited`` is the end of the audit topic.

        ``reporters`` verifies what enforcers report; ``new_canary`` gives random canaries.
        """
        self.register = Register(signer, most=settings.max_decisions)
        self.effects = EffectBook(reporters, most=settings.max_effects)
        self.rails = GuardRails(settings)
        self.audited = audited
        self._policy = Policy(settings, self.rails, new_canary)
        self._entries: list[bytes] = []

    def on_record(
        self,
        key: bytes | None,
        value: bytes | None,
        signature: bytes | None,
        *,
        offset: int,
        time: float,
    ) -> tuple[Reading, list[Stored]]:
        """Take in a record of the decisions topic; return what it was, and what to write.

        Compaction keeps the last record of a key. Where that is not the state that counts, this
        state is written again, so that a later reader finds the same.
        """
        reading = self.register.read(key, value, signature)
        if offset <= self.audited.offset:
            return reading, []
        written, self.audited = note(
            self.audited,
            (key or b"", value or b"", signature or b""),
            offset=offset,
            reading=reading,
            suspicious=reading in SUSPICIOUS,
            time=time,
        )
        self._entries.append(written)
        if reading in {Reading.NEWER, Reading.KNOWN}:
            return reading, []
        known = self.register.get((key or b"").decode(errors="replace"))
        return reading, [known] if known is not None else []

    def take_entries(self) -> list[bytes]:
        """Return the entries of the audit that are not written yet, and forget them."""
        entries, self._entries = self._entries, []
        return entries

    def on_alert(
        self, alert: Alert, time: float, *, alerted_at: float, requests_a_day: int | None
    ) -> list[Stored]:
        """Return what the policy proposes for an alert that was written at ``alerted_at``."""
        return self._policy.on_alert(
            alert, self.register, time, alerted_at=alerted_at, requests_a_day=requests_a_day
        )

    def on_verdict(self, verdict: Verdict, time: float) -> list[Stored]:
        """Return the ends that a verdict brings."""
        return on_verdict(verdict, self.register, time)

    def on_time(self, time: float) -> list[Stored]:
        """Return the ends that are due, and which decisions enforcers have begun to carry out."""
        return [*on_time(self.register, time), *on_applied(self.register, self.effects, time)]
