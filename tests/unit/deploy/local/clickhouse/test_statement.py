"""Where a statement's clauses lie, whatever is quoted, commented or nested around them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deploy.local.clickhouse.lexer import tokens
from deploy.local.clickhouse.statement import Shape, read

# Text in which the words FORMAT, VALUES, LIMIT, ; and brackets mean nothing.
_QUIET = st.sampled_from(
    [
        b"'FORMAT CSV; LIMIT 1 VALUES ('",
        b"'it''s \\' ; FORMAT x'",
        b'"FORMAT" ',
        b"`a;b FORMAT`",
        b"/* ; FORMAT CSV /* nested ; */ ( */",
        b"-- ; FORMAT CSV (\n",
        b"# ; FORMAT CSV\n",
        b"$tag$ ; FORMAT CSV ( $tag$",
        b"(SELECT 1 FORMAT x LIMIT 3)",
        b"(SELECT 1 FORMAT x SETTINGS a = 1)",
        b"f(a, [1, 2], {p:String})",
        b"1e5",
        b"a.b",
    ]
)


@given(st.binary(max_size=200))
def test_tokens_are_in_order_and_inside_the_text(text: bytes) -> None:
    end = 0
    for token in tokens(text):
        assert end <= token.start < token.end <= len(text)
        assert text[token.start : token.end] == token.text
        end = token.end


@given(st.binary(max_size=200))
def test_any_bytes_can_be_read(text: bytes) -> None:
    statement = read(text)
    assert 0 <= statement.outfile <= statement.end <= len(text)
    assert statement.data <= len(text)


@given(st.lists(_QUIET, max_size=6))
def test_quoted_and_nested_text_has_no_clauses(parts: list[bytes]) -> None:
    body = b"SELECT " + b" , ".join([b"1", *parts])
    plain, named = read(body), read(body + b"\nFORMAT JSON SETTINGS max_threads = 1 ;")
    assert (plain.shape, plain.format, plain.refused) == (Shape.SELECT, None, None)
    assert (named.format, named.refused) == ("JSON", None)
    assert body + b"\n" == (body + b"\nFORMAT")[: named.outfile]


@given(st.lists(_QUIET, max_size=4), st.binary(max_size=100))
def test_the_data_of_an_insert_is_never_looked_at(parts: list[bytes], data: bytes) -> None:
    head = b"INSERT INTO t (a, `FORMAT`) " + b" ".join(part for part in parts if part[:1] in b"/-#")
    text = head + b" FORMAT Native\n" + data
    statement = read(text)
    assert statement.shape is Shape.INSERT
    assert statement.format == "Native"
    assert text[statement.data :] == data
    assert text[: statement.end].strip() == head.strip()


@pytest.mark.parametrize(
    ("text", "shape", "format_", "data"),
    [
        (b"INSERT INTO t VALUES (1)", Shape.INSERT, "Values", b" (1)"),
        (b"insert into db.t (a, b) values", Shape.INSERT, "Values", b""),
        (b"INSERT INTO t FORMAT CSV 1,2", Shape.INSERT, "CSV", b"1,2"),
        (b"INSERT INTO t FORMAT CSV\r\n1,2", Shape.INSERT, "CSV", b"1,2"),
        (b"INSERT INTO t FORMAT CSV \t\n\n1,2", Shape.INSERT, "CSV", b"\n1,2"),
        (b"INSERT INTO t FORMAT TSV;\n1", Shape.INSERT, "TSV", b"1"),
        (b"INSERT INTO FUNCTION null('a Int8') FORMAT CSV\n1", Shape.INSERT, "CSV", b"1"),
        (b"INSERT INTO t SETTINGS async_insert=0 FORMAT CSV\n1", Shape.INSERT, "CSV", b"1"),
        (b"INSERT INTO format FORMAT CSV\n1", Shape.INSERT, "CSV", b"1"),
        (b"INSERT INTO t SELECT x FROM input('x Int8') FORMAT CSV\n1", Shape.INSERT, "CSV", b"1"),
        (b"INSERT INTO t SELECT 1", Shape.EFFECT, None, b""),
        (b"INSERT INTO t SELECT 1 FORMAT CSV", Shape.EFFECT, None, b""),
        (b"INSERT INTO t WITH x AS (SELECT 1) SELECT * FROM x", Shape.EFFECT, None, b""),
        (b"INSERT INTO values SELECT 1", Shape.EFFECT, None, b""),
    ],
)
def test_inserts(text: bytes, shape: Shape, format_: str | None, data: bytes) -> None:
    statement = read(text)
    assert (statement.shape, statement.format) == (shape, format_)
    if shape is Shape.INSERT:
        assert text[statement.data :] == data


@pytest.mark.parametrize(
    ("text", "shape", "format_"),
    [
        (b"SELECT 1", Shape.SELECT, None),
        (b"(SELECT 1) UNION ALL (SELECT 2) FORMAT CSV", Shape.SELECT, "CSV"),
        (b"WITH 1 AS x SELECT x", Shape.SELECT, None),
        (b"FROM t SELECT a", Shape.SELECT, None),
        (b"SELECT format('{}', 1) AS format FROM t", Shape.SELECT, None),
        (b"SELECT 1 AS format FORMAT `JSON`", Shape.SELECT, "JSON"),
        (b"WITH x AS (SELECT 1) INSERT INTO t SELECT * FROM x", Shape.EFFECT, None),
        (b"SHOW TABLES FORMAT JSON", Shape.ANSWER, "JSON"),
        (b"DESC t", Shape.ANSWER, None),
        (b"EXPLAIN SELECT 1", Shape.ANSWER, None),
        (b"CREATE TABLE t (a Int8) ENGINE = Memory", Shape.EFFECT, None),
        (b"", Shape.EFFECT, None),
        (b"-- nothing\n ; ", Shape.EFFECT, None),
    ],
)
def test_shapes(text: bytes, shape: Shape, format_: str | None) -> None:
    statement = read(text)
    assert (statement.shape, statement.format) == (shape, format_)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (b"SELECT 1; SELECT 2", "many"),
        (b"SET a = 1; DROP TABLE t", "many"),
        (b"SELECT 1 INTO OUTFILE 'x'", "outfile"),
        (b"INSERT INTO t FROM INFILE 'x' FORMAT CSV", "infile"),
        (b"INSERT INTO t FROM INFILE 'x'", "infile"),
        (b"SELECT * FROM Python(x)", "python"),
        (b"SELECT * FROM `python`(x)", "python"),
        (b"INSERT INTO t SELECT * FROM python(x)", "python"),
        (b"INSERT INTO t; SET ROLE x; INSERT INTO t FORMAT CSV\n1", "many"),
        (b"INSERT INTO t; SET ROLE x; INSERT INTO t VALUES (1)", "many"),
        (b"INSERT INTO t FORMAT CSV\n1;2", None),
        (b"SELECT 1;;", None),
        (b"SELECT python FROM t", None),
        (b"SELECT ';', $$;$$", None),
    ],
)
def test_what_does_not_go_over_http(text: bytes, why: str | None) -> None:
    assert read(text).refused == why


@pytest.mark.parametrize(
    ("text", "stateful"),
    [
        (b"SET max_threads = 1", True),
        (b"USE db", True),
        (b"CREATE TEMPORARY TABLE t (a Int8)", True),
        (b"CREATE OR REPLACE TEMPORARY TABLE t (a Int8)", True),
        (b"DROP TEMPORARY TABLE t", True),
        (b"CREATE TABLE temporary (a Int8)", False),
        (b"SELECT 1", False),
    ],
)
def test_what_changes_its_connection(text: bytes, stateful: bool) -> None:
    assert read(text).stateful is stateful
