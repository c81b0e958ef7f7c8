"""What a soak has to hold, computed from what was measured: each with its figure and its limit."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Final

import numpy as np

from soak.detections import campaigns, false_incidents, scorecard
from soak.month import START_S
from soak.slopes import Slope, theil_sen, thinned
from soak.verdict import Verdict, duration

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from soak.series import Life, Run, Sample
    from stream.tools.report.scorecard import Scorecard

_DAY_S: Final = 86_400.0
_MONTH_D: Final = 30.0
#: A process loads code and state, and its allocator finds its size (assumed: two days of event
#: time at 300 times the speed).
WARM_UP_S: Final = 576.0
#: Days of traffic after which state is full: campaigns.remember_s, for which an account counts for
#: an indicator, by default.
FULL_D: Final = 3.0
#: After a rebalance a worker loads what it took over.
SETTLED_S: Final = 60.0
#: The limit that the tests with hostile records have, too.
MOST_MEMORY: Final = 450 * 2**20
#: Growth in a month, as a share. Assumed: what an operator who restarts monthly does not notice.
GROWTH: Final = 0.10
LAG_P99_S: Final = 60.0
#: Longest time in which nothing is committed although records wait: a worker's session (10 s), its
#: start, its recovery, and a broker's restart in between.
SILENCE_S: Final = 60.0
#: Days of traffic differ by their hour and weekday, so sizes of three days of it do.
TOPIC_GROWTH: Final = 1.5
#: A third of it is as long as retention and a segment: the first third fills the topics.
_TOPICS_S: Final = 3000.0
#: Smaller topics are a few records.
_SMALL_BYTES: Final = 2_000_000
#: The log of what the brokers agree on, which they cut by themselves.
_OF_BROKERS: Final = "__cluster_metadata"
#: Share of the time in which the traffic may wait.
HELD: Final = 0.01
DRAINED_S: Final = 120.0


def verdicts(run: Run) -> tuple[list[Verdict], Scorecard]:
    """Return all of them, and what was found of the campaigns."""
    card = scorecard(run)
    found = [
        _growth(run, "memory of workers is flat", lambda life: float(life.rss), 2**20, "MiB"),
        _growth(run, "open files of workers are flat", lambda life: float(life.files), 1, "files"),
        _peak(run),
        false_incidents(run, card),
        *campaigns(run, card),
        _counted(run),
        _dropped(run),
        _lag(run),
        _pace(run),
        _commits(run),
        _topics(run),
        _troubles(run),
        _drained(run),
    ]
    return found, card


def lives(run: Run, figure: Callable[[Life], float]) -> list[list[tuple[float, float]]]:
    """Return (seconds of the run, figure) of each process between two rebalances.

    A worker that takes partitions over holds more, and Python keeps the memory when they go: that
    is a step, which happens at each takeover, and no growth with time.
    """
    found: defaultdict[tuple[int, float], list[tuple[float, float]]] = defaultdict(list)
    since: dict[tuple[int, float], float] = {}
    full_s = START_S + FULL_D * _DAY_S
    for sample in run.samples:
        for life in sample.workers:
            key = life.number, life.metrics.get("rebalances_total", 0.0)
            settled = sample.at_s - since.setdefault(key, sample.at_s) >= SETTLED_S
            warm = life.age_s >= WARM_UP_S and life.ready and sample.event_s >= full_s
            if warm and settled:
                found[key].append((sample.at_s, figure(life)))
    return list(found.values())


def slope_of(run: Run, figure: Callable[[Life], float]) -> Slope | None:
    """Return the common slope of all processes."""
    return theil_sen([thinned(points) for points in lives(run, figure)])


def _growth(
    run: Run, promise: str, figure: Callable[[Life], float], unit: float, name: str
) -> Verdict:
    limit = f"≤ {GROWTH:.0%} in 30 days"
    slope = slope_of(run, figure)
    if slope is None:
        return Verdict(promise, "too short: state is full after 3 days of traffic", limit, None)
    month_s = _MONTH_D * _DAY_S / run.meta.pace
    grown = slope.grown(month_s)
    text = (
        f"{grown:+.1%} in 30 days of traffic (95 %: {slope.grown(month_s, slope.low):+.1%} to "
        f"{slope.grown(month_s, slope.high):+.1%}) of {slope.level / unit:.0f} {name}; "
        f"{slope.points} minutes of {slope.lives} stretches"
    )
    return Verdict(promise, text, limit, grown <= GROWTH)


def _peak(run: Run) -> Verdict:
    """Compare the largest worker with the limit: it also has the partitions of one that is gone."""
    peak = max((life.rss for sample in run.samples for life in sample.workers), default=0)
    return Verdict(
        "memory of a worker is bounded",
        f"{peak / 2**20:.0f} MiB at most, also while it does the work of both",
        f"≤ {MOST_MEMORY / 2**20:.0f} MiB",
        peak <= MOST_MEMORY if peak else None,
    )


def _counted(run: Run) -> Verdict:
    promise, limit = "every request is counted once", "equal on each day"
    if run.end is None:
        return Verdict(promise, "the run was ended before its end", limit, None)
    sent, counted = sum(run.sent.values()), sum(run.end.ledger.values())
    days = [
        day
        for day in run.sent.keys() | run.end.ledger.keys()
        if run.sent.get(day, 0) != run.end.ledger.get(day, 0)
    ]
    text = f"{sent:,} sent, {counted:,} counted; {len(days)} of {len(run.sent)} days differ"
    return Verdict(promise, text, limit, not days)


def _dropped(run: Run) -> Verdict:
    names = ("late_rows_total", "records_lost_total", "early_firings_total")
    worst: dict[tuple[int, str], float] = {}
    for sample in run.samples:
        for life in sample.workers:
            for name in names:
                worst[life.number, name] = life.metrics.get(name, worst.get((life.number, name), 0))
    sums = {name: sum(v for (_, of), v in worst.items() if of == name) for name in names}
    dead = run.end.dead_letters if run.end else 0
    text = (
        f"{sums['late_rows_total']:.0f} late, {sums['records_lost_total']:.0f} deleted unread, "
        f"{sums['early_firings_total']:.0f} windows early, {dead} dead letters"
    )
    return Verdict("nothing is dropped", text, "0", not (sum(sums.values()) + dead))


def _lag(run: Run) -> Verdict:
    lags = [sample.lag_s for sample in run.samples if sample.lag_s is not None]
    if not lags:
        return Verdict("lag is bounded", "not measured", f"p99 ≤ {LAG_P99_S:g} s", None)
    p50, p99 = np.percentile(lags, [50, 99])
    text = f"p50 {p50:.0f} s, p99 {p99:.0f} s, longest {max(lags):.0f} s"
    return Verdict("lag is bounded", text, f"p99 ≤ {LAG_P99_S:g} s", bool(p99 <= LAG_P99_S))


def _pace(run: Run) -> Verdict:
    limit = f"held for ≤ {HELD:.0%} of the time"
    if not run.samples:
        return Verdict("workers keep up with the traffic", "not measured", limit, None)
    last = run.samples[-1]
    share = last.held_s / last.at_s
    text = f"the traffic was held for {share:.0%} of the time, beyond twice the lag's limit"
    return Verdict("workers keep up with the traffic", text, limit, share <= HELD)


def _commits(run: Run) -> Verdict:
    longest, when = silence(run.samples)
    return Verdict(
        "commits advance",
        f"longest pause {longest:.0f} s, at {duration(when)}",
        f"≤ {SILENCE_S:g} s while records wait",
        longest <= SILENCE_S,
    )


def silence(samples: Sequence[Sample]) -> tuple[float, float]:
    """Return the longest time in which nothing was committed while records waited, and its end."""
    longest, end, since, last = 0.0, 0.0, None, -1
    for sample in samples:
        moved = sample.committed is not None and sample.committed > last
        if moved or since is None or not sum(sample.behind.values()):
            since = sample.at_s
        last = sample.committed if sample.committed is not None else last
        if sample.at_s - since > longest:
            longest, end = sample.at_s - since, sample.at_s
    return longest, end


def _topics(run: Run) -> Verdict:
    """Compare the last third with the middle one; the first one is not full yet."""
    promise, limit = "topics are bounded", f"last third ≤ {TOPIC_GROWTH:g} x the middle one"
    if not run.samples or run.samples[-1].at_s < _TOPICS_S:
        return Verdict(promise, "too short: retention is 3 days of traffic", limit, None)
    last_s = run.samples[-1].at_s
    peaks: defaultdict[str, list[int]] = defaultdict(lambda: [0, 0, 0])
    for sample in run.samples:
        third = min(2, int(3 * sample.at_s / last_s))
        for topic, size in sample.topics.items():
            peaks[topic][third] = max(peaks[topic][third], size)
    grown = {
        topic: peak[2] / max(peak[1], 1)
        for topic, peak in peaks.items()
        if peak[2] > _SMALL_BYTES and topic != _OF_BROKERS
    }
    total = sum(peak[2] for peak in peaks.values())
    worst = max(grown, key=lambda topic: grown[topic], default="")
    text = f"{total / 2**20:.0f} MiB on three brokers; most: {worst} {grown.get(worst, 0):.2f} x"
    return Verdict(promise, text, limit, all(one <= TOPIC_GROWTH for one in grown.values()))


def _troubles(run: Run) -> Verdict:
    troubles = [mark for mark in run.marks if mark.kind == "trouble"]
    text = f"{len(troubles)}" + "".join(f"; {m.text.splitlines()[0][:80]}" for m in troubles[:3])
    return Verdict(
        "workers end only where the harness ends them, and are ready again", text, "0", not troubles
    )


def _drained(run: Run) -> Verdict:
    promise, limit = "all is processed at the end", f"≤ {DRAINED_S:g} s"
    if run.end is None:
        return Verdict(promise, "the run was ended before its end", limit, None)
    if run.end.drained_s < 0:
        return Verdict(promise, "not", limit, holds=False)
    text = f"{run.end.drained_s:.0f} s after the last request"
    return Verdict(promise, text, limit, run.end.drained_s <= DRAINED_S)
