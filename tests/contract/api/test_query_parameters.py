"""Parameters of every type: the real engine answers the value that was sent."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from ipaddress import IPv6Address
from typing import Any
from uuid import UUID

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.parts.api import Api


def integers(bits: int, signed: bool) -> st.SearchStrategy[int]:
    return st.integers(-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if signed else st.integers(0, 2**bits - 1)


def times(first: int, last: int, unit: str) -> st.SearchStrategy[str]:
    found = st.datetimes(datetime(first, 1, 1), datetime(last, 12, 31))
    return found.map(lambda moment: moment.replace(tzinfo=UTC).isoformat(timespec=unit).replace("+00:00", "Z"))


TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
# Beyond 64 bits an answer is text.
LEAVES: dict[str, st.SearchStrategy[Any]] = {
    **{
        f"{'' if signed else 'U'}Int{bits}": integers(bits, signed)
        for bits in (8, 16, 32, 64, 128, 256)
        for signed in (True, False)
    },
    "Float64": st.integers(-(2**50), 2**50).map(lambda number: number / 1024),
    "Bool": st.booleans(),
    "String": TEXTS,
    "LowCardinality(String)": TEXTS,
    "Decimal(20, 4)": st.decimals(-(10**15), 10**15, places=4).map(lambda number: f"{number:f}"),
    "UUID": st.uuids().map(str),
    "IPv6": st.integers(0, 2**128 - 1).map(lambda number: str(IPv6Address(number))),
    "Date": st.dates(datetime(1970, 1, 2).date(), datetime(2149, 6, 5).date()).map(str),
    "Date32": st.dates(datetime(1900, 1, 1).date(), datetime(2299, 12, 31).date()).map(str),
    "DateTime('UTC')": times(1970, 2105, "seconds"),
    "DateTime64(3, 'Europe/Paris')": times(1901, 2299, "milliseconds"),
    "Array(String)": st.lists(TEXTS, max_size=3),
    "Enum8('a' = 1, 'it\\'s, {b:String}' = 2)": st.sampled_from(["a", "it's, {b:String}"]),
}
Sample = tuple[str, Any]


def nested(inner: st.SearchStrategy[Sample]) -> st.SearchStrategy[Sample]:
    plain = inner.filter(lambda sample: not sample[0].startswith(("Nullable", "LowC", "Array", "Map", "Tuple")))
    return st.one_of(
        inner.map(lambda sample: (f"Array({sample[0]})", [sample[1], sample[1]])),
        st.tuples(inner, inner).map(lambda two: (f"Tuple({two[0][0]}, {two[1][0]})", [two[0][1], two[1][1]])),
        st.tuples(TEXTS, inner).map(lambda two: (f"Map(String, {two[1][0]})", {two[0]: two[1][1]})),
        st.tuples(plain, st.booleans()).map(lambda two: (f"Nullable({two[0][0]})", two[0][1] if two[1] else None)),
    )


SAMPLES = st.recursive(
    st.sampled_from(sorted(LEAVES)).flatmap(lambda type_: st.tuples(st.just(type_), LEAVES[type_])),
    nested,
    max_leaves=4,
)


READERS: tuple[Callable[[str], Any], ...] = (Decimal, UUID, IPv6Address, datetime.fromisoformat)


def comparable(value: Any) -> Any:
    """Return what is equal for two spellings of one value."""
    if isinstance(value, list):
        return [comparable(each) for each in value]
    if isinstance(value, dict):
        return {key: comparable(each) for key, each in value.items()}
    if isinstance(value, bool) or value is None:
        return value
    for read in READERS:
        try:
            return read(str(value))
        except (ValueError, ArithmeticError):
            continue
    return value


@settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(SAMPLES, min_size=4, max_size=12))
def test_a_value_comes_back_as_it_was_sent(api: Api, samples: list[Sample]) -> None:
    sql = "SELECT " + ", ".join(f"{{p{n}:{type_}}} AS c{n}" for n, (type_, _) in enumerate(samples))
    values = {f"p{n}": value for n, (_, value) in enumerate(samples)}
    answer = api.post("/v1/query", {"sql": sql, "parameters": values})
    assert answer.status == 200, answer.body
    [row] = answer.json["rows"]
    assert [comparable(each) for each in row] == [comparable(value) for _, value in samples], sql


def test_a_time_with_an_offset_is_that_instant(api: Api) -> None:
    sql = "SELECT {a:DateTime64(3, 'UTC')}, {b:DateTime64(3, 'America/New_York')}, {c:DateTime}"
    parameters = dict.fromkeys("abc", "2026-01-31T10:15:00.123+02:00")
    answer = api.post("/v1/query", {"sql": sql, "parameters": parameters})
    instant = datetime(2026, 1, 31, 8, 15, 0, 123_000, UTC)
    assert [datetime.fromisoformat(each) for each in answer.json["rows"][0]] == [
        instant,
        instant,
        instant - timedelta(milliseconds=123),
    ]


def test_a_value_beyond_its_type_is_refused_and_none_is_changed_silently(api: Api) -> None:
    for type_, value in (("UInt8", 300), ("Date", "1900-01-01"), ("Array(Int8)", [200]), ("Decimal(4, 2)", "12345")):
        answer = api.post("/v1/query", {"sql": f"SELECT {{v:{type_}}}", "parameters": {"v": value}})
        assert answer.status in (400, 422), (type_, answer.body)
