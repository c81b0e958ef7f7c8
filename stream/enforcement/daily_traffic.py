"""How many requests there are in a day: what a guard rail compares a decision with."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, Final

from aiokafka.errors import KafkaError

from stream.kafka.record_rate import records_a_day

if TYPE_CHECKING:
    from collections.abc import Mapping

_LOG = logging.getLogger("stream.enforcement.daily_traffic")
#: Assumed: a day's requests change little in a minute.
_EVERY_S: Final = 60.0


class DailyTraffic:
    """The records that the requests topic has taken in a day, as of the last minute."""

    def __init__(self, connection: Mapping[str, Any], topic: str) -> None:
        """Measure ``topic``; ``connection`` goes to aiokafka."""
        self._connection, self._topic = connection, topic
        self._renewed_at = 0.0
        #: None: not known.
        self.requests: int | None = None

    async def renew(self, time: float) -> None:
        """Measure again where a minute has passed; a failure leaves what is known."""
        if time - self._renewed_at < _EVERY_S:
            return
        self._renewed_at = time
        try:
            self.requests = await records_a_day(self._connection, self._topic, time) or None
        except KafkaError as error:
            _LOG.warning("%s: a day's records are not known: %s", self._topic, error)
