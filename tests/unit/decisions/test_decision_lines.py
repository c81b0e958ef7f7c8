import msgspec

from stream.cli.decision_lines import details, line
from stream.core.decisions import Actor, DecisionSubject
from stream.core.effects import Effect, FollowedDecision
from testlib.decisions import proposal

HOSTILE = "x\x1b[2K\ndec_0 undone\u202e\r"


def test_nothing_that_others_wrote_moves_a_terminal_or_adds_a_line():
    decision = proposal(
        subject=DecisionSubject(kind="account", id=HOSTILE),
        note=HOSTILE,
        approved_by=[Actor(kind="person", name=HOSTILE)],
    )
    assert line(decision).isprintable()
    followed = msgspec.convert(
        msgspec.to_builtins(decision) | {"applied": [], "effect": Effect()},
        FollowedDecision,
        from_attributes=True,
    )
    rows = details(followed).split("\n")
    assert all(row.isprintable() for row in rows)
    assert [row.partition(":")[0] for row in rows] == [
        "decision", "proposed", "approved", "alert", "effect",
    ]  # fmt: skip
