"""Conversations as fingerprints: the first question of a context together with its first answer.

A sampled answer is practically unique, so that an account whose context begins with it has been
given it, or has been handed the conversation by another account. Answers that are short are not
unique and have no fingerprint. Only a bounded part of the first turn is read, however long the
context is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from stream.core.events import ANSWERS_LOGGED, QUESTION_BITS
from stream.intake.fingerprint.joined import normal_forms
from stream.intake.fingerprint.keyed import KeyedHash, indexed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stream.core.batch import Fingerprints, Mask

#: Characters of an answer that are read (assumed: a sampled text differs within its first forty
#: words; logs and clients cut the end of long ones).
ANSWER_CHARACTERS: Final = 256
#: Bytes of an answer without white space (UTF-8) from which on it counts as unique (assumed: a
#: dozen words; greetings and refusals of one sentence are shorter or equal for many).
LEAST_ANSWER_BYTES: Final = 64
_LEAST: Final = np.uint64(2)
_ANSWER: Final = np.uint64((1 << (64 - QUESTION_BITS)) - 1)


class Conversations:
    """The fingerprints of first turns under a salt; nothing of a text is kept."""

    def __init__(self, salt: bytes, sharing: bytes | None = None) -> None:
        """Derive the hashes from the salt; a question has the fingerprint of an equal prompt.

        With a ``sharing`` key there is also ``shared_conversation``.
        """
        keys = {"conversation": salt} | (
            {} if sharing is None else {"shared_conversation": sharing}
        )
        self._question = {name: KeyedHash(key, "prompt") for name, key in keys.items()}
        self._answer = {name: KeyedHash(key, "answer") for name, key in keys.items()}

    def of(
        self,
        questions: Sequence[str | None],
        answers: Sequence[str | None],
        prompts: Fingerprints,
        responses: Sequence[str | None],
    ) -> dict[str, Fingerprints]:
        """Return the columns about conversations, 0 for none, shape ``(n,)``, u8.

        ``questions`` and ``answers`` are the first turns of contexts. The response to a request
        without one is its conversation's first answer, and ``prompts`` are then the questions.
        """
        names = (*self._question, "answer")
        found = {name: np.zeros(len(prompts), np.uint64) for name in names}
        rows = [row for row, answer in enumerate(answers) if answer]
        if rows:
            # A context's first question comes again with each of its turns.
            distinct, place = indexed([questions[i] or "" for i in rows])
            forms = normal_forms(distinct)
            given = _starts([answers[i] or "" for i in rows])
            logged = np.array([bool(responses[i]) for i in rows])
            for name, hashed in self._question.items():
                question = hashed.of_bytes(forms)[place]
                found[name][rows] = _together(question, self._answer[name].of_bytes(given), logged)
        # Later answers of a conversation are not hashed.
        rows = [row for row, response in enumerate(responses) if response and not answers[row]]
        if rows:
            answer = self._answer["conversation"].of_bytes(
                _starts([responses[i] or "" for i in rows])
            )
            found["answer"][rows] = _together(prompts[rows], answer, np.ones(len(rows), bool))
        return found


def _together(questions: Fingerprints, answers: Fingerprints, logged: Mask) -> Fingerprints:
    both = (questions & ~_ANSWER) | (answers >> np.uint64(QUESTION_BITS))
    # Never 0 without the bit: that is no conversation.
    both = np.where(logged, both | ANSWERS_LOGGED, np.maximum(both & ~ANSWERS_LOGGED, _LEAST))
    return np.where((questions != 0) & (answers != 0), both, np.uint64(0))


def _starts(answers: Sequence[str]) -> list[bytes]:
    forms = normal_forms(answers, ANSWER_CHARACTERS)
    return [form if len(form) >= LEAST_ANSWER_BYTES else b"" for form in forms]
