"""What the parameters of a URL mean."""

from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deploy.local.clickhouse.errors import ClickHouseError
from deploy.local.clickhouse.request import BUFFER_BYTES, read


def _read(headers: dict[str, str] | None = None, method: str = "POST", **params: object) -> object:
    return read(method, urlencode(params), headers or {})


def test_settings_parameters_and_the_interfaces_own_words() -> None:
    request = read(
        "POST",
        "query=SELECT&user=u&password=p&param_x=1&max_threads=2&compress=1&wait_end_of_query=1&session_id=s&&"
        "enable_http_compression=1&insert_deduplication_token=a+b",
        {"accept-encoding": "gzip"},
    )
    assert request.query == b"SELECT"
    assert request.settings == {"max_threads": "2", "insert_deduplication_token": "a b"}
    assert request.parameters == {"x": "1"}
    assert (request.user, request.password, request.session_id) == ("u", "p", "s")
    assert (request.blocks, request.wait_end, request.accept_encoding) == (True, True, "gzip")
    assert not request.readonly


@given(st.binary(max_size=50))
def test_statements_keep_their_bytes(query: bytes) -> None:
    assert read("POST", urlencode({"query": query}), {}).query == query


def test_external_tables_take_their_own_parameters() -> None:
    string = "t_structure=a+UInt8&t_format=CSV&date_time_input_format=basic&max_threads=1"
    form = read("POST", string, {"content-type": "multipart/form-data; boundary=x"})
    assert form.settings == {"max_threads": "1"}
    assert read("POST", string, {}).settings.keys() == {
        "t_structure",
        "t_format",
        "date_time_input_format",
        "max_threads",
    }


def test_compression_is_a_matter_of_both_sides() -> None:
    assert read("GET", "enable_http_compression=0", {"accept-encoding": "gzip"}).accept_encoding == ""
    assert read("GET", "", {"accept-encoding": "gzip"}).accept_encoding == "gzip"


def test_buffers_are_never_smaller_than_the_servers() -> None:
    assert read("GET", "buffer_size=10", {}).buffer_bytes == BUFFER_BYTES
    assert read("GET", "buffer_size=10000000", {}).buffer_bytes == 10_000_000


@pytest.mark.parametrize(
    ("string", "headers", "code"),
    [
        ("user=u", {"authorization": "Basic dTpw"}, 516),
        ("user=u", {"x-clickhouse-user": "u"}, 516),
        ("", {"x-clickhouse-key": "k"}, 516),
        ("", {"authorization": "Basic ***"}, 516),
        ("", {"authorization": "Bearer t"}, 516),
        ("user=", {}, 516),
        ("buffer_size=x", {}, 72),
        ("session_timeout=x", {}, 374),
        ("session_timeout=3601", {}, 374),
    ],
)
def test_refusals(string: str, headers: dict[str, str], code: int) -> None:
    with pytest.raises(ClickHouseError) as error:
        read("GET", string, headers)
    assert error.value.code == code


def test_basic_credentials_may_hold_colons() -> None:
    request = read("GET", "", {"authorization": "Basic dTpwOnE="})
    assert (request.user, request.password) == ("u", "p:q")
