"""A campaign served by LiteLLM's own proxy is told on the alerts topic, with just its accounts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from testlib.traffic.dealt_questions import ASKED, MEMBERS, QUICK, STRANGERS, callers
from testlib.workers.litellm import account, converse, told

if TYPE_CHECKING:
    from testlib.workers.gateway import Product

pytestmark = pytest.mark.gateways


@pytest.mark.timeout(300)
async def test_a_campaign_is_told_with_exactly_its_accounts(litellm: str, product: Product) -> None:
    members, strangers = callers()
    campaign = {account(one) for one in members}
    product.environment |= QUICK
    with product.working() as worker:
        worker.until_ready()
        await converse(litellm, members + strangers)
        worker.until(
            lambda: (
                worker.total("distillwatch_events_total", format="litellm", result="accepted")
                >= ASKED * (MEMBERS + STRANGERS)
            ),
            what="events",
            within_s=60,
        )
        assert await told(product, litellm, strangers[0], enough=campaign) == [campaign]
        assert worker.total("distillwatch_events_total", result="rejected") == 0
        assert worker.total("distillwatch_accounts_tracked") == MEMBERS + STRANGERS
