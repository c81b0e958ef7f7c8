"""``distillwatch bridge``: forwards HTTP posts of gateways without Kafka to the requests topic."""

from __future__ import annotations

from stream.cli.common import ConfigOption, read_settings, start_log
from stream.http.bridge.bridge_process import BridgeComponents, run


def bridge(config: ConfigOption = None) -> None:
    """Forward what gateways post (JSON, OTLP) to the requests topic; needs bridge.tokens."""
    start_log()
    settings = read_settings(config)
    run(
        BridgeComponents(
            bridge=settings.bridge,
            kafka=settings.kafka,
            topics=settings.topics,
            http=settings.http,
        )
    )
