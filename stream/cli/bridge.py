"""``distillwatch bridge``: forwards HTTP posts of gateways without Kafka to the requests topic."""

from __future__ import annotations

import logging
import sys

from stream.cli.common import ConfigOption, read_settings
from stream.http.bridge.bridge_process import BridgeComponents, run


def bridge(config: ConfigOption = None) -> None:
    """Forward what gateways post (JSON, OTLP) to the requests topic; needs ``bridge.tokens``."""
    logging.basicConfig(
        stream=sys.stderr, level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s"
    )
    settings = read_settings(config)
    run(
        BridgeComponents(
            bridge=settings.bridge,
            kafka=settings.kafka,
            topics=settings.topics,
            http=settings.http,
        )
    )
