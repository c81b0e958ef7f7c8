"""The end of the audit, on a topic to which others have written."""

from __future__ import annotations

import asyncio

import pytest

from stream.core.secret import Secret
from stream.decisions.audit_chain import Link, note
from stream.decisions.register import Reading
from stream.decisions.signature import AUDIT, Signer
from stream.enforcement.audit_tail import audit_tail
from stream.enforcement.decision_writer import DecisionWriter
from testlib.decisions import KEY
from testlib.workers import command

pytestmark = [pytest.mark.integration, pytest.mark.timeout(60)]

SIGNER = Signer(Secret(KEY), AUDIT)


def chain(count: int) -> tuple[list[bytes], Link]:
    end, entries = Link(), []
    for number in range(count):
        written, end = note(
            end,
            (b"dec_1", b"{}", b"0" * 64),
            offset=number,
            reading=Reading.NEWER,
            suspicious=False,
            time=1.0 + number,
        )
        entries.append(written)
    return entries, end


@pytest.mark.parametrize("strangers", [0, 100])
def test_an_entry_that_is_written_again_or_hidden_behind_others_moves_no_end(
    bootstrap: str, strangers: int
) -> None:
    environment = command.settings(bootstrap, decisions_key=KEY)
    assert command.run(environment, "topics", "create").returncode == 0
    topic = environment["DISTILLWATCH_TOPICS_AUDIT"]
    entries, end = chain(3)

    async def found() -> Link:
        connection = {"bootstrap_servers": bootstrap}
        writer = DecisionWriter(connection, topic=topic, signer=SIGNER)
        stranger = DecisionWriter(connection, topic=topic, signer=Signer(Secret("x" * 32)))
        try:
            await writer.append((b"", one) for one in (*entries, entries[0]))
            await stranger.append((b"", b"{}") for _ in range(strangers))
            return await audit_tail(topic, SIGNER, connection, exact=False)
        finally:
            await writer.close()
            await stranger.close()

    assert asyncio.run(found()) == end
