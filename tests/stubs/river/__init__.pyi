"""The parts of River that the product uses."""

__version__: str
