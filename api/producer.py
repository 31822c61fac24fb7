"""A producer that connects when the first record comes: the API starts, and reads, while Kafka is away."""

import asyncio

from aiokafka import AIOKafkaProducer


class LateProducer:
    """One connection, shared by everybody who writes through this; a start that fails leaves nothing behind."""

    def __init__(self, bootstrap: str) -> None:
        self._bootstrap = bootstrap
        self._producer: AIOKafkaProducer | None = None
        self._starting = asyncio.Lock()

    async def connected(self) -> AIOKafkaProducer:
        """Return the running producer: idempotent, acknowledged by all replicas. Raises `KafkaError`."""
        async with self._starting:
            if self._producer is None:
                producer = AIOKafkaProducer(bootstrap_servers=self._bootstrap, acks="all", enable_idempotence=True)
                try:
                    await producer.start()
                except BaseException:
                    await producer.stop()
                    raise
                self._producer = producer
            return self._producer

    async def stop(self) -> None:
        """Disconnect; idempotent."""
        producer, self._producer = self._producer, None
        if producer is not None:
            await producer.stop()
