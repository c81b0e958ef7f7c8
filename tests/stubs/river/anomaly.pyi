"""Half-space trees, with the parts that the product stores without pickling them."""

from typing import Any

class HalfSpaceTrees:
    trees: list[Any]
    counter: int
    _first_window: bool
    def __init__(
        self,
        n_trees: int = ...,
        height: int = ...,
        window_size: int = ...,
        limits: dict[Any, tuple[float, float]] | None = ...,
        seed: int | None = ...,
    ) -> None: ...
    def learn_one(self, x: dict[str, float]) -> None: ...
    def score_one(self, x: dict[str, float]) -> float: ...
