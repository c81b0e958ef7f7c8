"""The request that every client sends first."""

class MetadataRequest:
    def __init__(self, topics: list[str] | None = ...) -> None: ...
