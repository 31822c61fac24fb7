"""Bad input against the real process: never a 5xx, never a hang, never a lost neighbour."""

import gzip
import random
import socket
import time
import uuid
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import brotli
import httpx2
import orjson
import pytest

from tests.e2e.collector.bad import BAD_BODIES, BAD_ITEMS, BAD_REQUESTS
from tests.parts.collector import WRITE_KEY, Collector, running_collector

SLOWEST_S = 5.0
SEED = 20260131


@pytest.fixture(scope="module")
def collector(kafka: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Collector]:
    folder: Path = tmp_path_factory.mktemp("hostile")
    with running_collector(folder, kafka, f"test-hostile-{uuid.uuid4().hex[:8]}.") as running:
        yield running
        assert running.process.poll() is None, "nothing that was sent ended the process"


@pytest.fixture(scope="module")
def client(collector: Collector) -> Iterator[httpx2.Client]:
    with httpx2.Client(base_url=collector.url, timeout=SLOWEST_S) as opened:
        yield opened


def good(name: str) -> dict[str, Any]:
    return {"type": "track", "event": "Neighbour", "userId": name, "messageId": name}


@pytest.mark.parametrize("content", BAD_BODIES)
@pytest.mark.parametrize("path", ["/v1/track", "/v1/batch", "/v1/import"])
def test_bad_bodies(client: httpx2.Client, path: str, content: bytes) -> None:
    answer = client.post(path, content=content, auth=(WRITE_KEY, ""))
    assert answer.status_code in (200, 400), answer.text
    if answer.status_code == 400:
        assert set(answer.json()) == {"code", "message"}


@pytest.mark.parametrize(("method", "path", "headers", "content"), BAD_REQUESTS)
def test_bad_requests(client: httpx2.Client, method: str, path: str, headers: dict[str, str], content: bytes) -> None:
    raw = [(name.encode(), value.encode("latin-1")) for name, value in headers.items()]
    answer = client.request(method, path, headers=raw, content=content)
    assert answer.status_code < 500, answer.text
    if answer.status_code >= 400 and method != "HEAD":
        assert set(answer.json()) == {"code", "message"}


def test_bad_items_cost_nothing_but_themselves(client: httpx2.Client, collector: Collector) -> None:
    before = len(collector.dead_letters())
    mine = []
    for number, item in enumerate(BAD_ITEMS):
        neighbours = [good(f"left-{number}"), good(f"right-{number}")]
        mine += [neighbour["messageId"] for neighbour in neighbours]
        body = b'{"batch":[' + orjson.dumps(neighbours[0]) + b"," + item + b"," + orjson.dumps(neighbours[1]) + b"]}"
        answer = client.post("/v1/batch", content=body, auth=(WRITE_KEY, ""))
        assert answer.status_code == 200, (item[:200], answer.text)
    kept = {event["message_id"] for event in collector.events()}
    assert kept >= set(mine)
    letters = collector.dead_letters()[before:]
    assert len(letters) == len(BAD_ITEMS)
    assert all(letter["message"] and letter["reason"] for letter in letters)


def test_fuzz(client: httpx2.Client, collector: Collector) -> None:
    """Thousands of damaged requests, each with a whole neighbour; the same ones in every run."""
    chance = random.Random(SEED)
    encoders = {"gzip": gzip.compress, "deflate": zlib.compress, "br": brotli.compress}
    sent = []
    for number in range(1500):
        name = f"fuzz-{number}"
        body = orjson.dumps({"batch": [damaged_value(chance, 4), good(name), damaged_value(chance, 4)]})
        headers = {}
        whole = chance.random() < 0.5
        if not whole:
            body = damaged_bytes(chance, body)
        if chance.random() < 0.3:
            encoding = chance.choice(list(encoders))
            body = encoders[encoding](body)
            headers["content-encoding"] = encoding
            if not whole and chance.random() < 0.5:
                body = damaged_bytes(chance, body)
        began = time.monotonic()
        answer = client.post("/v1/batch", content=body, headers=headers, auth=(WRITE_KEY, ""))
        assert answer.status_code in ((200,) if whole else (200, 400)), (number, answer.text)
        assert time.monotonic() - began < SLOWEST_S
        if whole:
            sent.append(name)
    assert {event["message_id"] for event in collector.events()} >= set(sent)


WORDS = "type track page userId anonymousId messageId traits properties context timestamp sentAt email null \x00 é 👟"


def damaged_value(chance: random.Random, depth: int) -> Any:
    """Return any JSON, with an inclination to what events are made of."""
    words = WORDS.split()
    pick = chance.randrange(9 if depth else 6)
    if pick < 2:
        return chance.choice(words)
    if pick < 6:
        return [None, True, chance.randrange(-(2**63), 2**63), chance.uniform(-1e300, 1e300)][pick - 2]
    if pick == 6:
        return [damaged_value(chance, depth - 1) for _ in range(chance.randrange(4))]
    return {chance.choice(words): damaged_value(chance, depth - 1) for _ in range(chance.randrange(6))}


def damaged_bytes(chance: random.Random, body: bytes) -> bytes:
    """Return the bytes cut, changed, doubled or filled in somewhere."""
    place = chance.randrange(len(body) + 1)
    junk = bytes(chance.randrange(256) for _ in range(chance.randrange(1, 9)))
    return chance.choice(
        [body[:place], body[place:], body[:place] + junk + body[place:], body * 2, body[:place] + junk]
    )


# Senders that do not even speak HTTP.


@pytest.mark.parametrize(
    "raw",
    [
        b"\r\n\r\n",
        b"GARBAGE\r\n\r\n",
        b"POST /v1/track HTTP/9.9\r\n\r\n",
        b"POST /v1/track HTTP/1.1\r\nContent-Length: -5\r\n\r\n",
        b"POST /v1/track HTTP/1.1\r\nContent-Length: abc\r\n\r\n",
        b"POST /v1/track HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"POST /v1/track HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nContent-Length: 5\r\n\r\nabc",
        b"POST /v1/track HTTP/1.1\r\n" + b"x: " + b"a" * 200_000 + b"\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00",
        b"\x00" * 1000,
    ],
)
def test_not_even_http(collector: Collector, client: httpx2.Client, raw: bytes) -> None:
    host, port = collector.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=SLOWEST_S) as connection:
        connection.sendall(raw)
        connection.shutdown(socket.SHUT_WR)
        answer = b""
        while part := connection.recv(65536):
            answer += part
    assert not answer or answer.startswith((b"HTTP/1.1 4", b"HTTP/1.0 4")), answer[:200]
    assert client.get("/healthz").status_code == 200


def test_senders_that_stop_in_the_middle_hold_up_nobody(collector: Collector, client: httpx2.Client) -> None:
    host, port = collector.url.removeprefix("http://").split(":")
    head = b"POST /v1/track HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n{"
    stuck = [socket.create_connection((host, int(port))) for _ in range(200)]
    try:
        for connection in stuck:
            connection.sendall(head)
        answer = client.post("/v1/track", json=good("not-held-up"), auth=(WRITE_KEY, ""))
        assert answer.status_code == 200
    finally:
        for connection in stuck:
            connection.close()
    assert client.post("/v1/track", json=good("afterwards"), auth=(WRITE_KEY, "")).status_code == 200
