import gc

import pytest
from aiokafka.errors import KafkaConnectionError

from api.producer import LateProducer
from schemas.serving import bind


async def test_a_start_that_fails_leaves_nothing_behind_and_is_tried_again() -> None:
    listener = bind("127.0.0.1", 0)
    port = listener.getsockname()[1]
    listener.close()
    producer = LateProducer(f"127.0.0.1:{port}")
    for _ in range(2):
        with pytest.raises(KafkaConnectionError):
            await producer.connected()
    # A producer that was left open says so when it is collected, and warnings are errors.
    gc.collect()
    await producer.stop()
