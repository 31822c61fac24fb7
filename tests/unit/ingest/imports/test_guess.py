"""A guessed mapping says what the header says, and asks where that is not sure."""

from pathlib import Path
from typing import Any

import pytest

from ingest.imports.guess import guess
from ingest.imports.mapping import Mapping
from ingest.imports.messages import Messages
from ingest.imports.proposal import propose
from ingest.imports.values import CellError
from schemas.errors import KithError


def guessed(text: str, otherwise: str | None = None) -> dict[str, Any]:
    header, *lines = [line.split(",") for line in text.strip().split("\n")]
    document = guess(header, [dict(zip(header, line, strict=True)) for line in lines], otherwise)
    Mapping.model_validate(document)
    return document


def test_orders() -> None:
    text = "Order ID,Order Date,Customer Email,Grand Total,Currency,Shop Name\n0012,2026-01-31,j@x.fr,12.50,EUR,Lille"
    assert guessed(text) == {
        "constants": {"event": "Order Completed"},
        "time": {"column": "Order Date"},
        "message_id": "Order ID",
        "columns": {
            "Customer Email": "traits.email",
            "Order ID": "properties.order_id",
            "Grand Total": {"to": "properties.total", "type": "number"},
            "Currency": "properties.currency",
            "Shop Name": "properties.shop_name",
        },
    }


def test_a_stream_of_events() -> None:
    text = "event,user_id,sku,timestamp,price,productName\nSeen,7,s1,1769854500,1.5,Shoe\nBought,8,s2,1769854501,02,Hat"
    assert guessed(text) == {
        "events": {"column": "event"},
        "time": {"column": "timestamp", "format": "unix"},
        "columns": {
            "user_id": "userId",
            "sku": "properties.product_id",
            "price": "properties.price",
            "productName": "properties.product_name",
        },
    }


def test_people() -> None:
    assert guessed("customer_id,e-mail,First Name,score\n7,j@x.fr,Jane,5", "2026-01-31T00:00:00.000Z") == {
        "type": "identify",
        "time": {"at": "2026-01-31T00:00:00.000Z"},
        "columns": {
            "customer_id": "userId",
            "e-mail": "traits.email",
            "First Name": "traits.first_name",
            "score": {"to": "traits.score", "type": "number"},
        },
    }


@pytest.mark.parametrize(
    ("values", "form"),
    [
        (["2026-01-31", "2026-01-31T10:00:00Z"], "iso"),
        (["1769854500"], "unix"),
        (["1769854500123"], "unix_ms"),
        (["31.01.2026 10:15"], "%d.%m.%Y %H:%M"),
        (["01.02.2026"], "%d.%m.%Y"),
        (["2026/01/31 10:15:00"], "%Y/%m/%d %H:%M:%S"),
        (["01/02/2026", "31/01/2026"], "%d/%m/%Y"),
        (["01/02/2026 10:00", "01/31/2026 10:00"], "%m/%d/%Y %H:%M"),
    ],
)
def test_the_form_of_times(values: list[str], form: str) -> None:
    document = guessed("event,uid,date\n" + "\n".join(f"E,u1,{value}" for value in values))
    assert document["time"].get("format", "iso") == form


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("price,date\n1,2026-01-01", "No column names a person"),
        ("user_id,price,date\n1,2,2026-01-01", "what happened"),
        ("user_id,event\n1,Seen", "No column says when"),
        ("user_id,first_name\n1,Jane", "No column says when"),
        ("user_id,event,date\n1,Seen,soon", "In what form does date"),
        ("user_id,event,date\n1,Seen,", "In what form does date"),
        ("user_id,event,date\n1,Seen,20260131", "In what form does date"),
        ("user_id,event,date\n1,Seen,01/02/2026", "day first or month first"),
        ("order_id,email,date\n1,j@x.fr,2026-01-01\n1,j@x.fr,2026-01-01", "lines of one order"),
    ],
)
def test_what_is_not_sure_is_asked(text: str, told: str) -> None:
    with pytest.raises(KithError) as fault:
        guessed(text)
    assert told in str(fault.value)
    assert "--mapping" in str(fault.value)


def test_a_file_as_a_german_spreadsheet_writes_it(tmp_path: Path) -> None:
    path = tmp_path / "kunden.csv"
    path.write_bytes("Kunde;E-Mail;Vorname;created_at\n7;j@x.fr;Jürgen;31.01.2026 10:15\n".encode("cp1252"))
    proposal = propose(path)
    assert "delimiter: ;" in proposal.text
    assert "encoding: cp1252" in proposal.text
    (example,) = proposal.examples
    assert example["traits"] == {"email": "j@x.fr", "kunde": 7, "vorname": "Jürgen"}
    assert example["timestamp"] == "2026-01-31T10:15:00.000Z"


def test_events_need_no_mapping(tmp_path: Path) -> None:
    path = tmp_path / "events.ndjson"
    path.write_text('{"type":"page","userId":"u1"}\n{"type":"track","event":"E","anonymousId":"a","messageId":"m"}\n')
    mapping = propose(path).mapping
    assert isinstance(mapping, Messages)
    first = mapping.message({"type": "page", "userId": "u1"}, 1)
    assert first == mapping.message({"type": "page", "userId": "u1"}, 1)
    assert first["messageId"] != mapping.message({"type": "page", "userId": "u1"}, 2)["messageId"]
    assert mapping.message({"type": "page", "messageId": "m"}, 1) == {"type": "page", "messageId": "m"}
    with pytest.raises(CellError, match="no event"):
        mapping.message({"event": "E"}, 1)


@pytest.mark.parametrize("content", [b"", b"\n\n", b"a,b\n", b"\x1f\x8bbroken", b"\x00" * 50])
def test_a_file_of_nothing_says_so(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "x.csv"
    path.write_bytes(content)
    with pytest.raises(KithError):
        propose(path)
