"""Request events as columns: what intake produces and every later stage computes on.

A batch never holds text, keys or addresses: strings arrive here as keyed 64-bit
fingerprints (0 means absent). Account ids are kept once per batch and referred to by index.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from stream.core.batch import Batch

if TYPE_CHECKING:
    from collections.abc import Mapping

    from stream.core.batch import Array, Fingerprints

#: Columns of a prompt's phrases (runs of words).
PHRASES: Final = ("phrase_1", "phrase_2")
#: A prompt's content is a vector of i1, this long: sines and cosines, times the scale.
CONTENT_DIMENSIONS: Final = 16
CONTENT_SCALE: Final = 127
CONTENT: Final = np.dtype(f"V{CONTENT_DIMENSIONS}")
#: Word cells of a prompt, a bit each: 256. Measured: tests/bench/quality/README.md, "Narrow
#: capability".
WORD_CELLS: Final = 256
WORD_BITS: Final = np.dtype(f"V{WORD_CELLS // 8}")

#: A conversation has its question in the upper bits: those of the fingerprint of a prompt. The
#: lowest bit is set where the log has answers: then an account of it must have been given this one.
QUESTION_BITS: Final = 24
ANSWERS_LOGGED: Final = np.uint64(1)

#: Longest account id, in UTF-8.
MAX_ACCOUNT_BYTES: Final = 256
#: Longest name of a model; what is beyond is cut off.
MAX_MODEL_CHARACTERS: Final = 64
#: A name of a model in a packet: in UTF-8, its number and the lengths of both.
_MODEL_BYTES: Final = 4 * MAX_MODEL_CHARACTERS + 12

#: Column name -> dtype. Absent values: 0 for counts, status and fingerprints, NaN for floats.
EVENT_COLUMNS: Final[Mapping[str, np.dtype[Any]]] = {
    "offset": np.dtype("<i8"),  # source offset; several events of one record share it
    "account": np.dtype("<u4"),  # index into EventBatch.accounts
    "time": np.dtype("<f8"),  # event time, epoch seconds
    "created_at": np.dtype("<f8"),  # account creation, epoch seconds
    "input_tokens": np.dtype("<i4"),
    "output_tokens": np.dtype("<i4"),
    "reasoning_tokens": np.dtype("<i4"),  # of the output tokens
    "max_tokens": np.dtype("<i4"),
    "status": np.dtype("<i2"),  # HTTP status
    "logprobs": np.dtype("u1"),  # 1: requested
    "temperature": np.dtype("<f4"),
    "asn": np.dtype("<u4"),  # of the caller's network
    "country": np.dtype("<u2"),  # of the caller, two letters (stream.core.networks)
    "hosting": np.dtype("u1"),  # who rents the network out, bits (stream.core.networks)
    # keyed fingerprints
    "model": np.dtype("<u8"),  # of its name; the lowest 16 bits are 0 (stream.core.egress)
    "request_id": np.dtype("<u8"),  # of account and request id
    "address": np.dtype("<u8"),
    "user_agent": np.dtype("<u8"),
    "network": np.dtype("<u8"),  # announced prefix of the address, or its /24 or /48
    "tls": np.dtype("<u8"),  # JA4
    "payment": np.dtype("<u8"),
    "organization": np.dtype("<u8"),
    "plan": np.dtype("<u4"),  # the lower half
    "system_prompt": np.dtype("<u8"),
    "prompt": np.dtype("<u8"),  # the whole normalised prompt
    "template": np.dtype("<u8"),  # the masked first words of the prompt
    **dict.fromkeys(PHRASES, np.dtype("<u8")),
    "content": CONTENT,  # of the prompt; all bytes 0 without one
    "conversation": np.dtype("<u8"),  # first question and answer of the context; 0 without
    "answer": np.dtype("<u8"),  # what `conversation` is once the answer to this prompt is context
    "word_cells": WORD_BITS,  # those that its words fall into; all bits 0 without one
    "indicator": np.dtype("<u8"),  # of another operator, that a value matches; with_confidence
}

#: Columns whose values link accounts. While ``intake.salt`` is replaced, events have them under the
#: previous salt too, as optional columns.
LINKING: Final = (
    *("address", "user_agent", "network", "tls", "payment", "organization", "system_prompt"),
    *("template", *PHRASES, "conversation", "answer"),
)
PREVIOUS: Final[Mapping[str, str]] = {name: f"previous_{name}" for name in LINKING}

#: Most bytes of an event in a packet: its columns and, if no other event has them, the account id
#: and the name of the model.
MAX_EVENT_BYTES: Final = (
    sum(dtype.itemsize for dtype in EVENT_COLUMNS.values())
    + 8 * len(PREVIOUS)
    + MAX_ACCOUNT_BYTES
    + 3
    + _MODEL_BYTES
)


def questions(fingerprints: Fingerprints) -> Array:
    """Return the question of each prompt or conversation, never 0; shape ``(n,)``, u4."""
    return ((fingerprints >> np.uint64(64 - QUESTION_BITS)) + np.uint64(1)).astype(np.uint32)


class EventBatch(Batch):
    """Events of one source partition, in source order."""

    __slots__ = ()
    SCHEMA = EVENT_COLUMNS
    OPTIONAL = dict.fromkeys(PREVIOUS.values(), np.dtype("<u8"))
