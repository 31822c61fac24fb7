"""The health server answers truthfully, says which port it got, and a busy port is a sentence."""

import json
import socket
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from schemas.errors import KithError
from schemas.serving import Server, bind, serve


def fetch(port: int, path: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


class Readiness:
    """A readiness check whose answer a test sets."""

    def __init__(self) -> None:
        self.answer: tuple[bool, str] | Exception = (False, "waiting for partitions")

    def __call__(self) -> tuple[bool, str]:
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


@pytest.fixture
def ready() -> Readiness:
    return Readiness()


@pytest.fixture
def server(ready: Readiness, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setenv("KITH_PORT_FILE", str(tmp_path / "port"))
    running = serve(0, ready)
    yield running
    running.close()


def test_port_is_announced(server: Server, tmp_path: Path) -> None:
    assert server.port > 0
    assert (tmp_path / "port").read_text() == f"{server.port}\n"
    assert [file.name for file in tmp_path.iterdir()] == ["port"]


def test_alive_before_ready(server: Server, ready: Readiness) -> None:
    assert fetch(server.port, "/healthz")[0] == 200
    status, body = fetch(server.port, "/readyz")
    assert (status, json.loads(body)) == (503, {"ready": False, "detail": "waiting for partitions"})
    ready.answer = (True, "")
    assert fetch(server.port, "/readyz")[0] == 200


def test_failing_check_is_not_ready_and_tells_no_values(server: Server, ready: Readiness) -> None:
    ready.answer = ValueError("jane@x.fr")
    status, body = fetch(server.port, "/readyz")
    assert status == 503
    assert "ValueError" in body
    assert "jane" not in body


def test_metrics_and_unknown_paths(server: Server) -> None:
    status, body = fetch(server.port, "/metrics")
    assert status == 200
    assert "# HELP" in body
    assert fetch(server.port, "/other")[0] == 404


def test_busy_port_is_a_sentence() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(KithError, match=f"Cannot listen on 127.0.0.1:{port}.*choose another port"):
            bind("127.0.0.1", port)


def test_closed_server_frees_its_port(ready: Readiness) -> None:
    server = serve(0, ready)
    server.close()
    bind("127.0.0.1", server.port).close()
