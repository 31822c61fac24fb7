"""How much a collector holds for others: bodies that are still coming, records that Kafka has not acknowledged."""


class UnavailableError(Exception):
    """Kafka is away or too slow, or too much waits for it: nothing was kept, the same request may be sent again."""


class Budget:
    """Bytes that may be held at once. What is taken has to be given back."""

    def __init__(self, most: int) -> None:
        self.most = most
        self.held = 0

    def take(self, size: int) -> None:
        """Take `size` bytes. Raises `UnavailableError`, and takes nothing, when that would be more than may be held."""
        if self.held + size > self.most:
            raise UnavailableError("too much waits for Kafka")
        self.held += size

    def give(self, size: int) -> None:
        """Give `size` bytes back."""
        self.held -= size
