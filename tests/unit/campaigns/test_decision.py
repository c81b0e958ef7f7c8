"""The rule that keeps a cluster from alerting has a name for each reason."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from stream.campaigns.scoring.claim import LinkBasis
from stream.campaigns.scoring.decision import ClusterDecision
from stream.campaigns.scoring.score import score
from stream.core.thresholds import DEFAULT_THRESHOLDS
from testlib.clusters import GROUP

if TYPE_CHECKING:
    from stream.campaigns.scoring.features import ClusterFeatures

#: New accounts, and nothing else in common.
NEW = replace(GROUP, young=np.ones(20))
#: Twenty accounts of unknown age with many common prompts that start together.
CLASS = replace(GROUP, young=np.zeros(0), prompt_cooccurrence=19.0, start_share=0.95)
#: The same, and active in every hour.
AWAKE = replace(CLASS, idle_free=0.9)
#: Sixty accounts that are dealt parts of one list: one aspect, strong enough for two.
DEALT = replace(
    GROUP, members=60, owners=60, links=LinkBasis.CONTENT, phrase_cooccurrence=59.0, weak_ties=5.9
)


@pytest.mark.parametrize(
    ("group", "decision"),
    [
        (NEW, ClusterDecision.TOO_FEW_ASPECTS),
        (CLASS, ClusterDecision.NO_COMMON_BEHAVIOUR),
        (AWAKE, ClusterDecision.MAY_ALERT),
        (DEALT, ClusterDecision.MAY_ALERT),
    ],
)
def test_a_decision_has_a_reason(group: ClusterFeatures, decision: ClusterDecision) -> None:
    assert score(group).decision is decision


def test_a_cluster_that_is_held_back_stays_below_the_clear_score() -> None:
    certain = replace(CLASS, prompt_cooccurrence=500.0, address_cooccurrence=500.0)
    held_back = score(certain)
    assert held_back.decision is ClusterDecision.NO_COMMON_BEHAVIOUR
    assert held_back.score == DEFAULT_THRESHOLDS.capped_score < DEFAULT_THRESHOLDS.clear_score
    assert score(replace(certain, idle_free=0.9)).score > DEFAULT_THRESHOLDS.open_score


def test_a_crowd_that_starts_together_acts_alike() -> None:
    crowd = replace(CLASS, members=64, owners=64, recently_first_seen=np.ones(64))
    assert score(crowd).decision is ClusterDecision.MAY_ALERT
    class_ = replace(crowd, owners=47, recently_first_seen=np.ones(47))
    assert score(class_).decision is ClusterDecision.NO_COMMON_BEHAVIOUR
