"""The numbers of the campaigns' score as a document: ``python -m quality.model_page [--write]``.

A test holds ``docs/model.md`` against the table, so no number there is typed.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Final

from stream.campaigns.degrees.rule import RULE as DEGREE_RULE
from stream.campaigns.scoring.claim import Axis
from stream.campaigns.scoring.decision import COUNT_ONCE, RULE, ClusterDecision
from stream.campaigns.scoring.table import CLAIMS, PRIORS
from stream.campaigns.settings import ALERTS_BUDGET

if TYPE_CHECKING:
    from stream.campaigns.degrees.rule import DegreeRule
    from stream.campaigns.scoring.claim import Claim, Curve
    from stream.campaigns.scoring.decision import DecisionRule

PAGE: Final = Path(__file__).parents[3] / "docs" / "model.md"

_INTRODUCTION: Final = """\
# The score of a cluster

<!-- written by python -m quality.model_page --write from stream/campaigns/scoring/table.py -->

A cluster's score is the probability of a campaign in an additive model of log odds (natural
logarithm): a prior, plus what each claim adds. A claim reads one statistic of the cluster and turns
it into log odds along the knots below, linear between them on the stated scale and flat outside.
An unknown statistic adds nothing.

- Claims of one **evidence group** rest on the same observations: only the strongest counts.
- **At most** bounds a claim by a second statistic; **reliability** multiplies it by 0 to 1.
- The setting `campaigns.alerts_budget` moves the sum by the logarithm of its ratio to {budget:g}.
  The budget is nominal: it would be exact if the claims were exact likelihood ratios.
- A separate **decision rule** holds back a cluster whatever its sum; it then scores below
  `alerting.clear_score`.

The code is in `stream/campaigns/scoring`: `features.py` and `statistics.py` count,
`model.py` is the loop, `decision.py` the rule, `words.py` has the sentences. `make calibrate` fits
the claims of which enough scored snapshots of the benchmark are recorded; the [benchmark's
README](../tests/bench/quality/README.md#calibrating-the-score-of-clusters) has what that showed.
"""

_RULE: Final = """\
Aspects are traits and behaviours of accounts. They are independent among benign accounts, so
several have to agree. Common prompts, addresses and networks ({once}) never count as two aspects.
The rule on behaviour does not apply where a list of items is dealt to the accounts. Newness counts
as behaviour where accounts are known to be young, or in a crowd.
"""

_DEGREES: Final = """\
How sure it is that an account belongs to its campaign rests on evidence of its own, compared with
the certain members and with accounts of no cluster (`stream/campaigns/degrees`). A certain member
has something beyond text in common with the others; one that only sends what they send is
peripheral.
"""


def page() -> str:
    """Return the document."""
    return "\n".join(
        [
            _INTRODUCTION.format(budget=ALERTS_BUDGET),
            "## Prior\n",
            *_table(
                ("linked by", "log odds", "source"),
                [(links, f"{prior.value:g}", prior.source) for links, prior in PRIORS.items()],
            ),
            "## Claims\n",
            *_table(
                ("evidence", "statistic: log odds", "aspect", "evidence group", "source"),
                [_row(claim) for claim in CLAIMS],
            ),
            "## Decision rule\n",
            _RULE.format(once=", ".join(sorted(COUNT_ONCE))),
            *_parameters(RULE),
            "A cluster gets one of these decisions:\n",
            *(f"- {decision}" for decision in ClusterDecision),
            "",
            "## Degrees of members\n",
            _DEGREES,
            *_parameters(DEGREE_RULE),
        ]
    )


def _parameters(rule: DecisionRule | DegreeRule) -> list[str]:
    numbers = [(field.name, getattr(rule, field.name)) for field in fields(rule)]
    return _table(
        ("number", "value", "source"),
        [(name, f"{number.value:g}", number.source) for name, number in numbers],
    )


def _row(claim: Claim) -> tuple[str, ...]:
    parts = [_curve(claim.curve)]
    if claim.limit is not None:
        parts.append(f"at most: {_curve(claim.limit)}")
    if claim.reliability is not None:
        parts.append(f"reliability: {_curve(claim.reliability)}")
    return (
        f"`{claim.name}`",
        "<br>".join(parts),
        claim.aspect or "none",
        claim.group or "its own",
        claim.source,
    )


def _curve(curve: Curve) -> str:
    knots = ", ".join(f"{x:g} → {y:g}" for x, y in curve.knots)
    scale = "" if curve.axis is Axis.LINEAR else f" (linear in {curve.axis.value})"
    return f"`{curve.statistic}`: {knots}{scale}"


def _table(columns: tuple[str, ...], rows: list[tuple[str, ...]]) -> list[str]:
    lines = [columns, tuple("---" for _ in columns), *rows]
    return [*(f"| {' | '.join(line)} |" for line in lines), ""]


def main() -> int:
    """Print the document, or write it."""
    parser = argparse.ArgumentParser(prog="quality.model_page", description=__doc__)
    parser.add_argument("--write", action="store_true", help="write docs/model.md")
    if parser.parse_args().write:
        PAGE.write_text(page())
    else:
        print(page(), end="")
    return 0


if __name__ == "__main__":
    sys.exit(main())
