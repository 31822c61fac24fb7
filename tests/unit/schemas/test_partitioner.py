"""Every producer of Kith puts a key into the same partition as the Java client does."""

import pytest
from aiokafka.partitioner import murmur2 as byte_by_byte
from hypothesis import given
from hypothesis import strategies as st

from schemas.partitioner import murmur2, partition_of


@given(st.binary(max_size=100))
def test_the_hash_is_that_of_the_client_library(data: bytes) -> None:
    assert murmur2(data) == byte_by_byte(data)


@pytest.mark.parametrize(
    ("key", "hashed"),
    # From Apache Kafka's own tests (`UtilsTest.testMurmur2`).
    [
        ("21", -973932308),
        ("foobar", -790332482),
        ("a-little-bit-long-string", -985981536),
        ("a-little-bit-longer-string", -1486304829),
        ("lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971),
    ],
)
def test_the_hash_is_that_of_the_java_client(key: str, hashed: int) -> None:
    assert murmur2(key.encode()) == hashed & 0xFFFFFFFF
    assert partition_of(key, 7) == (hashed & 0x7FFFFFFF) % 7
