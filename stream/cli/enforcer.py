"""``distillwatch enforcer``: answers gateways from memory what is decided about a caller."""

from __future__ import annotations

from stream.cli.common import ConfigOption, read_settings, start_log
from stream.http.enforcer.enforcer_process import EnforcerComponents, run
from stream.worker.event_loop import new_event_loop


def enforcer(config: ConfigOption = None) -> None:
    """Serve decisions to gateways; needs enforcer.tokens and decisions.key."""
    start_log()
    settings = read_settings(config)
    run(
        EnforcerComponents(
            enforcer=settings.enforcer,
            admin=settings.admin,
            decisions=settings.decisions,
            kafka=settings.kafka,
            topics=settings.topics,
            http=settings.http,
        ),
        new_event_loop,
    )
