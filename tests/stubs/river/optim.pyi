"""Optimizers."""

class SGD:
    def __init__(self, lr: float = ...) -> None: ...
