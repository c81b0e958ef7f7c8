"""What many links cost alerting: processor time of a scoring, and memory for each link.

``python tests/bench/many_links.py --links 10000000``: fills the graph of a cluster detector with
links of a made population and a campaign in it, and scores it every five minutes, as alerting does,
while one link in a thousand is new. The links are put into the graph directly, so it measures the
scoring and not the groups that they come in.
"""

from __future__ import annotations

import argparse
import time

import numpy as np

from stream.campaigns.clusters.detector import ClusterDetector
from stream.core.links import LinkKind
from stream.metrics import Metrics
from stream.settings import Settings
from testlib.traffic.floods import START, resident_mib

#: Of the links, as on the gateway of the quality benchmark (assumed).
_KINDS = (LinkKind.PHRASE, LinkKind.CONVERSATION, LinkKind.NETWORK, LinkKind.ADDRESS,
          LinkKind.TEMPLATE)  # fmt: skip
_SHARES = (0.6, 0.15, 0.1, 0.1, 0.05)
_EVERY_S = 300.0
_PORTION = 500_000


def main() -> None:
    """Fill, score and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--links", type=int, default=10_000_000)
    parser.add_argument("--accounts", type=int, default=1_000_000)
    parser.add_argument("--scorings", type=int, default=3)
    options = parser.parse_args()
    settings = Settings().stages.campaigns
    detector = ClusterDetector(settings, metrics=Metrics())
    before = resident_mib()
    rng = np.random.default_rng(1)
    for first in range(0, options.links, _PORTION):
        _link(detector, rng, options, min(_PORTION, options.links - first), START)
    links = len(detector._graph.edges)
    each = (resident_mib() - before) * 2**20 / links
    print(f"{links:,} links, {resident_mib():,.0f} MiB, {each:.0f} B a link", flush=True)
    for number in range(1, options.scorings + 1):
        now = START + number * _EVERY_S
        _link(detector, rng, options, options.links // 1000, now)
        spent = time.process_time()
        clusters = detector.detect(now)
        spent = time.process_time() - spent
        print(f"scored in {spent:.1f} s, {len(clusters)} clusters, {resident_mib():,.0f} MiB",
              flush=True)  # fmt: skip


def _link(detector: ClusterDetector, rng, options, count: int, now: float) -> None:
    """Add links: three accounts for each of most indicators, and the accounts' figures."""
    graph = detector._graph
    kinds = rng.choice(_KINDS, count, p=_SHARES).astype(np.uint8)
    values = rng.integers(1, options.links // 3, count).astype(np.uint64)
    accounts = rng.integers(0, options.accounts, count)
    # A kind for each value, so that its accounts share it.
    kinds = np.asarray(_KINDS, np.uint8)[
        np.searchsorted(np.cumsum(_SHARES)[:-1], (values % np.uint64(1000)) / 1000, side="right")
    ]
    slots = graph.account_slots([f"account-{i}" for i in accounts.tolist()])
    pairs = np.unique(np.stack([graph.value_slots(kinds, values), slots]), axis=1)
    edges = graph.edge_slots(pairs[0], pairs[1], most=detector._settings.max_members)
    edges = edges[edges >= 0]
    graph.edges["since"][edges] = np.minimum(graph.edges["since"][edges], now)
    graph.edges["last"][edges] = now
    graph.edges["requests"][edges] += 1
    graph.accounts["day_requests"][slots] = 20
    graph.accounts["active_hours"][slots] = 6
    graph.accounts["first_seen"][slots] = START - 7 * 86_400.0
    graph.touch(edges)
    detector._clock.changed(now, since=START - 7 * 86_400.0)


if __name__ == "__main__":
    main()
