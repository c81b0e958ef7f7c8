"""The parts of a run's page about incidents: a section for each, and what was nearly alerted."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from html import escape
from typing import TYPE_CHECKING, Final

from stream.tools.report.cases import LINKS, epoch, letter
from stream.tools.report.look import figures, more, table
from stream.tools.report.scorecard_table import duration
from stream.tools.report.timelines import of_case

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from stream.core.alerts import Alert
    from stream.tools.report.account_traffic import Traffic
    from stream.tools.report.candidates import Candidate
    from stream.tools.report.cases import Case

#: Most rows shown of each kind; the rest is counted.
_MEMBERS: Final = 25
_CANDIDATES: Final = 25
_NAMES: Final = 4
_CAMPAIGNS: Final = 3


def summary_row(number: int, case: Case, whole: tuple[int, int], truth: Truth | None) -> list[str]:
    """Return the cells of an incident in the table of all."""
    waited_s = epoch(case.first.detected_at) - epoch(case.first.started_at)
    requests, tokens = whole
    cells = [
        f'<a href="#i{number}">#{number}</a>',
        badge(case.firing),
        subject(case),
        clock(epoch(case.first.started_at)),
        f"{clock(epoch(case.first.detected_at))}<br><span class=note>{duration(waited_s)} later",
        f"{case.firing.score:.3f}",
        f"{case.requests:,}<br><span class=note>{_share(case.requests, requests)}",
        f"{case.output_tokens:,}<br><span class=note>{_share(case.output_tokens, tokens)}",
    ]
    return [*cells, truth.of(case.accounts)] if truth is not None else cells


def section(number: int, case: Case, traffic: Traffic, truth: Truth | None) -> str:
    """Return the section of one incident."""
    seen, now = case.firing.observed, case.firing
    ending = case.last.summary if case.last.status == "resolved" else ""
    facts = {
        "members": f"{len(case.members):,}",
        "first evidence": clock(epoch(case.first.started_at)),
        "first alert": clock(epoch(case.first.detected_at)),
        "score": f"{now.score:.3f}",
        "requests": f"{case.requests:,}",
        "output tokens": f"{case.output_tokens:,}",
    }
    labelled = f"<p>Labels: {truth.of(case.accounts)}</p>" if truth is not None else ""
    return (
        f'<section class="case" id="i{number}"><h2>#{number} {subject(case)} {badge(now)}</h2>'
        f"<p>{escape(now.summary)}</p>{f'<p>{escape(ending)}</p>' if ending else ''}"
        f"{figures(facts)}{labelled}"
        f'<p class="note">Requests and tokens above and in the plots are the members\' whole '
        f"traffic in these files. The newest of {case.alerts:,} alerts has, since first evidence: "
        f"{seen.requests:,} requests, {seen.output_tokens:,} output tokens "
        f"(<code>{escape(now.alert_id)}</code>, {clock(epoch(now.updated_at))}).</p>"
        f"{of_case(case, traffic)}<h3>Why</h3>{_evidence(now)}<h3>Members</h3>"
        f"{_members(case, truth)}{_links(now)}</section>"
    )


def nearly(
    missed: Sequence[Candidate], traffic: Traffic, open_score: float, truth: Truth | None
) -> str:
    """Return the table of candidates that are part of no incident."""
    if not missed:
        return "<p>None: no other account or group had a score that detection reports.</p>"
    columns = ["#highest score", "@when", "what", "@first scored", "#requests", "#output tokens"]
    rows = []
    for one in missed[:_CANDIDATES]:
        requests, _, tokens = traffic.total(one.accounts)
        over = "" if one.score < open_score else " <b>over the line, held back</b>"
        row = [f"{one.score:.3f}", clock(one.time), _names(one.accounts) + over]
        row += [clock(one.first), f"{requests:,}", f"{tokens:,}"]
        rows.append([*row, truth.of(one.accounts)] if truth is not None else row)
    if truth is not None:
        columns.append("labels")
    return table(columns, rows) + more(len(missed), len(rows), "candidates")


class Truth:
    """The labels of sets of accounts."""

    def __init__(self, campaign_of: Mapping[str, str]) -> None:
        """``campaign_of``: account -> campaign, of the attackers."""
        self._campaign_of = campaign_of
        self._sizes = Counter(campaign_of.values())

    def of(self, accounts: Iterable[str]) -> str:
        """Return in words how many of the accounts belong to which campaign, as HTML."""
        hits = Counter(self._campaign_of.get(account, "") for account in accounts)
        benign = hits.pop("", 0)
        parts = [
            f"{escape(name)}: {count:,} of its {self._sizes[name]:,}"
            for name, count in hits.most_common(_CAMPAIGNS)
        ]
        if len(hits) > _CAMPAIGNS:
            parts.append(f"{len(hits) - _CAMPAIGNS} more campaigns")
        if benign:
            parts.append(f"<b>{benign:,} benign</b>" if hits else f"benign ({benign:,})")
        return ", ".join(parts)

    def one(self, account: str) -> str:
        """Return the campaign of an account, as HTML."""
        return escape(self._campaign_of.get(account, "benign"))


def subject(case: Case) -> str:
    """Return what an incident is about, as HTML."""
    if case.first.kind == "campaign":
        return f"campaign of {len(case.members):,} accounts"
    return f"account <code>{escape(case.members[0].account)}</code>"


def badge(alert: Alert) -> str:
    """Return a severity, as HTML."""
    return f'<span class="badge {alert.severity}">{alert.severity}</span>'


def clock(time: float | None) -> str:
    """Return epoch seconds as day and time in UTC."""
    if time is None:
        return "-"
    return datetime.fromtimestamp(time, UTC).strftime("%d %b %H:%M")


def _evidence(alert: Alert) -> str:
    rows = [
        [
            f"{one.contribution:.0%}",
            escape(one.meaning),
            _value(one.value, one.unit),
            "-" if one.baseline is None else _value(one.baseline, one.unit),
        ]
        for one in alert.evidence
    ]
    return table(["#weight", "evidence", "@value", "@usual"], rows)


def _value(value: float, unit: str) -> str:
    return f"{value:.1%}" if unit == "share" else f"{value:,.3g} {escape(unit)}"


def _links(alert: Alert) -> str:
    if not alert.links:
        return ""
    rows = [
        [letter(place), escape(one.link.replace("_", " ")), f"<code>{escape(one.value)}</code>",
         f"{one.accounts:,}"]
        for place, one in enumerate(alert.links[:LINKS])
    ]  # fmt: skip
    return (
        "<h3>What members share</h3>"
        + table(["", "kind", "keyed fingerprint", "#members with it"], rows)
        + more(len(alert.links), len(rows), "shared values")
    )


def _members(case: Case, truth: Truth | None) -> str:
    columns = ["account", "@first request", "@first evidence", "@in an alert"]
    columns += ["#requests", "#output tokens", "#score", "shares"]
    rows = []
    for one in case.members[:_MEMBERS]:
        row = [f"<code>{escape(one.account)}</code>", clock(one.first_request)]
        row += [clock(one.suspected), clock(one.named), f"{one.requests:,}"]
        row += [f"{one.output_tokens:,}", f"{one.score:.3f}", one.shares]
        rows.append([*row, truth.one(one.account)] if truth is not None else row)
    if truth is not None:
        columns.append("@label")
    return table(columns, rows) + more(len(case.members), len(rows), "members, with fewer tokens")


def _names(accounts: Sequence[str]) -> str:
    names = ", ".join(f"<code>{escape(account)}</code>" for account in accounts[:_NAMES])
    left = len(accounts) - _NAMES
    many = f"{len(accounts):,} accounts: " if len(accounts) > 1 else ""
    return f"{many}{names}{f' and {left:,} more' if left > 0 else ''}"


def _share(part: int, whole: int) -> str:
    return f"{part / whole:.1%} of all" if whole else "-"
