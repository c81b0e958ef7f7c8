"""Conversations of several turns: each request carries the turns before it, as chat clients send.

Token counts follow: the input of a turn is the input and the answer of the turn before it, plus the
new message. Messages hold excerpts of answers, so that traffic on disk stays small; the counts are
those of whole answers. Every conversation draws from dice of its own: what else an account sends
does not depend on whether it converses.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from heapq import heappop, heappush
from typing import TYPE_CHECKING, Final, NamedTuple

from stream.tools.simulate import language
from stream.tools.simulate.account import Text, Turn
from stream.tools.simulate.request import ChatMessage
from stream.tools.simulate.vocabulary import SUBJECTS

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from stream.tools.simulate.account import Writer
    from stream.tools.simulate.dice import Dice

#: Tokens of context after which a client begins a new conversation (assumed).
_FULL: Final = 24_000
#: Turns of a conversation at most, so that a request's messages stay bounded.
_MOST_TURNS: Final = 16
#: What a first message is of the input that is drawn for a request: that has its context in it.
_FIRST: Final = 0.4
#: Tokens of a message beyond its text: its role and marks (OpenAI's cookbook counts 3 to 4).
_AROUND: Final = 4


@dataclass(slots=True)
class Conversation:
    """A conversation so far: turns of (role, excerpt, tokens), and how many are to come."""

    left: int
    writer: Writer | None = None
    window: int = 0
    """Messages that the client sends at most; 0 for all."""
    turns: list[tuple[str, str, int]] = field(default_factory=list)

    @property
    def context(self) -> int:
        """Return the tokens of all turns."""
        return sum(tokens for _, _, tokens in self.turns)

    @property
    def over(self) -> bool:
        """Return whether a client would begin a new one."""
        return self.left <= 0 or self.context > _FULL

    def carry(self, text: Text | None, tokens: int) -> Turn:
        """Return the request with this message, which costs ``tokens``."""
        sent = [*self.turns, ("user", text.prompt if text else "", tokens)]
        sent = sent[-self.window :] if self.window else sent
        messages = None
        if text is not None:
            messages = [ChatMessage(role, content) for role, content, _ in sent]
        return Turn(text, messages, sum(tokens for _, _, tokens in sent))

    def keep(self, text: Text | None, tokens: int, answer: str, output_tokens: int) -> None:
        """Take in a question with its answer."""
        self.turns.append(("user", text.prompt if text else "", tokens))
        self.turns.append(("assistant", answer, output_tokens))
        self.left -= 1


def message_tokens(dice: Dice, text: Text | None) -> int:
    """Return what a message costs; one in seven comes with a page that the log cut (assumed)."""
    own = dice.lognormal(45, 0.9) if text is None else len(text.prompt) / dice.between(3.4, 4.4)
    pasted = dice.lognormal(500, 0.9) if dice.chance(1 / 7) else 0.0
    return int(own + pasted) + _AROUND


def reply(dice: Dice) -> str:
    """Write the excerpt of a sampled answer: practically unique."""
    return f"{language.name(dice)}: {language.passage(dice, dice.pick(SUBJECTS), 2)}"


class Opening(NamedTuple):
    """How conversations of several clients begin alike: a question and its answer."""

    question: str
    answer: str
    tokens: tuple[int, int]


@dataclass(frozen=True, slots=True)
class Openings:
    """Openings that a client takes for a ``share`` of its conversations.

    ``given``: it reads them, with their answers, by a shared link. Otherwise it sends the question,
    and the answer, which is not sampled or is cached, is the same for all.
    """

    share: float
    given: bool
    known: Sequence[Opening]

    @classmethod
    def made(cls, dice: Dice, count: int, *, share: float, given: bool) -> Openings:
        """Invent this many."""
        one = language.voice(dice)
        known = []
        for _ in range(count):
            question = one.request(dice)
            tokens = len(question) // 4 + _AROUND, int(dice.lognormal(240, 0.6))
            known.append(Opening(question, reply(dice), tokens))
        return cls(share, given, known)


def turns(dice: Dice, mean: float) -> int:
    """Draw how many turns a conversation has: mostly few, some many."""
    return 1 + min(int(dice.exponential(mean)), _MOST_TURNS - 1)


class OwnDialogue:
    """One client's conversations, one after the other."""

    def __init__(
        self,
        dice: Dice,
        *,
        mean_turns: float = 6.0,
        patience_s: float = 2400.0,
        openings: Openings | None = None,
    ) -> None:
        """After ``patience_s`` without a turn most begin a new conversation."""
        self._dice = dice
        self._mean_turns = mean_turns
        self._patience_s = patience_s
        self._openings = openings
        # One client in eight sends its last messages only (assumed).
        self._window = 7 if dice.chance(1 / 8) else 0
        self._now = Conversation(0)
        self._last_s = 0.0
        self._pending: tuple[Text | None, int] = None, 0
        self._answer = ""

    def turn(self, at_s: float, drawn: int, write: Callable[[], Text] | None) -> Turn:
        """Continue the conversation, or open one with the input tokens that were drawn."""
        text = None if write is None else write()
        dice, old = self._dice, self._now
        late = at_s - self._last_s > self._patience_s
        self._answer = ""
        if old.over or dice.chance(0.85 if late else 0.05):
            text, tokens = self._open(text, drawn)
        else:
            tokens = message_tokens(dice, text)
        self._pending = text, tokens
        found = self._now.carry(text, tokens)
        return found._replace(input_tokens=max(found.input_tokens, _least(text)))

    def _open(self, text: Text | None, drawn: int) -> tuple[Text | None, int]:
        """Begin a conversation; return its first message and the message's tokens."""
        dice, common = self._dice, self._openings
        self._now = Conversation(turns(dice, self._mean_turns), window=self._window)
        if common is None or not dice.chance(common.share):
            return text, max(int(drawn * _FIRST), _least(text))
        question, answer, (into, out) = dice.pick(common.known)
        first = None if text is None else Text(text.system, question)
        if common.given:
            self._now.keep(first, into, answer, out)
            return text, message_tokens(dice, text)
        self._answer = answer
        return first, into

    def answered(self, at_s: float, output_tokens: int) -> str | None:
        """Keep the answer as context."""
        text, tokens = self._pending
        if not output_tokens:
            return None
        answer = "" if text is None else self._answer or reply(self._dice)
        self._now.keep(text, tokens, answer, output_tokens)
        self._last_s = at_s
        return answer or None


class Desk:
    """Many people's conversations over one service, whose turns come when they are ready.

    A desk that several accounts hold deals its conversations request by request over them.
    """

    def __init__(
        self,
        dice: Dice,
        customer: Callable[[Dice], Writer],
        *,
        mean_turns: float = 6.0,
        pause_s: float = 90.0,
    ) -> None:
        """``customer`` makes the writer of a conversation; ``pause_s`` is between turns, median."""
        self._dice = dice
        self._customer = customer
        self._mean_turns = mean_turns
        self._pause_s = pause_s
        self._waiting: list[tuple[float, int, Conversation]] = []
        self._count = 0
        self._now = Conversation(0)
        self._pending: tuple[Text | None, int] = None, 0

    def turn(self, at_s: float, drawn: int, write: Callable[[], Text] | None) -> Turn:  # noqa: ARG002 - protocol
        """Serve the conversation that has waited longest, or a new one if all are being read."""
        dice = self._dice
        if self._waiting and self._waiting[0][0] <= at_s:
            _, _, self._now = heappop(self._waiting)
        else:
            self._now = Conversation(turns(dice, self._mean_turns), self._customer(dice))
        now = self._now
        text = now.writer(dice) if write is not None and now.writer is not None else None
        tokens = message_tokens(dice, text)
        self._pending = text, tokens
        return now.carry(text, tokens)

    def answered(self, at_s: float, output_tokens: int) -> str | None:
        """Keep the answer as context; the reader takes a while before the next turn."""
        dice, now = self._dice, self._now
        text, tokens = self._pending
        answer = "" if text is None or not output_tokens else reply(dice)
        if output_tokens:
            now.keep(text, tokens, answer, output_tokens)
        if not now.over:
            self._count += 1
            heappush(self._waiting, (at_s + dice.lognormal(self._pause_s, 0.9), self._count, now))
        return answer or None


def _least(text: Text | None) -> int:
    """Return the tokens that a text costs at least."""
    if text is None:
        return 1
    return max(1, (len(text.prompt) + len(text.system or "")) // 4)
