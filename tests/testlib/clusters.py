"""Features of clusters for the score."""

from __future__ import annotations

import numpy as np

from stream.campaigns.scoring.claim import LinkBasis
from stream.campaigns.scoring.features import BurstSize, ClusterFeatures
from stream.campaigns.succession.figures import SuccessionSize

GROUP = ClusterFeatures(
    members=20,
    owners=20,
    young=np.zeros(20),
    population_young=0.056,
    recently_first_seen=np.zeros(20),
    population_recently_first_seen=0.2,
    evenness_log_p=0.0,
    prompt_variety=4.0,
    shared_payments=0,
    population_shared_payments=0.02,
    dispersion=float("nan"),
    start_share=0.2,
    idle_free=0.0,
    prompt_cooccurrence=0.0,
    phrase_cooccurrence_repeated=0.0,
    address_cooccurrence=0.0,
    common_networks=0.0,
    phrase_cooccurrence=0.0,
    weak_ties=0.0,
    colocation_rate=0.0,
    expected_colocation_rate=0.0,
    links=LinkBasis.OTHER,
    payments_only=False,
    addresses_only=False,
    handovers=0,
    unlogged_handovers=0,
    handover_others=0.0,
    start_burst=BurstSize(),
    change_point=BurstSize(),
    succession_only=False,
    succession=SuccessionSize(),
    sites_known=False,
)
