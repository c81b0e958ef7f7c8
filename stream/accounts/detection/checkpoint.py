"""The models as bytes without code, and when such bytes must be refused.

River models pickle, and a pickle runs code and breaks between versions. Half-space trees are
rebuilt from their seed instead, and only their masses are stored; a digest over the split of
every node proves that the rebuilt trees are the same.
"""

from __future__ import annotations

import hashlib
import platform
from typing import TYPE_CHECKING, Final

import msgspec
import numpy as np
import river

from stream.accounts.detection.drift import Drift
from stream.core.errors import ModelError, StateError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from stream.accounts.detection.population_model import PopulationModel
    from stream.accounts.detection.tails import Tails

#: Raised whenever the stored numbers change their meaning.
_FORMAT: Final = 1


def river_release() -> str:
    """Return the release of River, without its fixes."""
    return ".".join(river.__version__.split(".")[:2])


class Structure(msgspec.Struct, frozen=True):
    """Everything that must agree for stored numbers to mean the same."""

    format: int
    river: str  # major.minor: scores may change between these
    features: str  # digest of names and scales of the features
    trees: str  # digest of the splits of the trees

    @classmethod
    def of(cls, trees: str, features: str) -> Structure:
        """Return the structure of this version with the given trees over ``features``."""
        digest = hashlib.blake2b(features.encode(), digest_size=8).hexdigest()
        return cls(_FORMAT, river_release(), digest, trees)

    @property
    def version(self) -> str:
        """Return a short name for alerts and metrics."""
        return f"account-{self.format}-{self.features[:6]}-{self.trees[:6]}"


class Learnt(msgspec.Struct, frozen=True):
    """How much the population models have learnt, the count of the drift guard, the plans."""

    began: float | None = None  # first learning, epoch seconds
    accounts: int = 0
    drift: Drift = Drift()
    plans: list[int] = []  # keyed fingerprints, in the order of their tails


class _Stored(msgspec.Struct, frozen=True, kw_only=True):
    structure: Structure
    written_by: str  # for people: exact versions of river and Python
    learnt: Learnt
    ready: bool
    counter: int
    masses: bytes
    tails: dict[str, tuple[float | None, bytes]]


def pack(
    structure: Structure, learnt: Learnt, population: PopulationModel, tails: Mapping[str, Tails]
) -> bytes:
    """Return the bytes of everything learnt."""
    return msgspec.msgpack.encode(
        _Stored(
            structure=structure,
            written_by=f"river {river.__version__}, Python {platform.python_version()}",
            learnt=learnt,
            ready=population.ready,
            counter=population.counter,
            masses=population.masses().tobytes(),
            tails={
                name: (None if np.isnan(t.time) else t.time, t.weights.astype("<f8").tobytes())
                for name, t in tails.items()
            },
        )
    )


def unpack(
    blob: bytes, structure: Structure, population: PopulationModel, tails: Mapping[str, Tails]
) -> Learnt:
    """Load the models from ``blob``.

    Raises StateError when it is damaged, ModelError when another structure wrote it.
    """
    try:
        stored = msgspec.msgpack.decode(blob, type=_Stored)
    except msgspec.MsgspecError as error:
        raise StateError(f"the stored detection model cannot be read: {error}") from error
    _check(stored, structure)
    try:
        masses = np.frombuffer(stored.masses, "<i4").reshape(population.masses().shape)
        for name, into in tails.items():
            time, weights = stored.tails[name]
            into.load(
                np.nan if time is None else time,
                np.frombuffer(weights, "<f8").reshape(into.weights.shape),
            )
    except (KeyError, ValueError) as error:
        raise StateError(f"the stored detection model is damaged: {error}") from error
    population.load(masses, stored.counter, ready=stored.ready)
    return stored.learnt


def _check(stored: _Stored, structure: Structure) -> None:
    differing = [
        name
        for name in Structure.__struct_fields__
        if getattr(stored.structure, name) != getattr(structure, name)
    ]
    if differing:
        raise ModelError(
            f"the stored detection model ({stored.written_by}) differs in {', '.join(differing)}"
        )
