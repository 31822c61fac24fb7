"""Whoever is connected to another database (dbt, BI tools) asks every view by its full name, as the documents show."""

import json

import clickhouse_connect

from deploy.local.documents.parameterised import RESULTS, example
from projections.dictionary import relations
from schemas.settings import Settings
from tests.contract.projections.shop import shop
from tests.parts.people import Writer


def test_every_view_and_every_example_answers_from_another_database(writer: Writer, shared_settings: Settings) -> None:
    shop(2).write(writer)
    columns = {each.name: [column[0] for column in each.columns if column[1] != "Nested"] for each in relations()}
    kith = shared_settings.clickhouse_database
    filled = 0
    with clickhouse_connect.get_client(
        dsn=f"{shared_settings.clickhouse}/default",
        username="analyst",
        password=shared_settings.analyst_password.get_secret_value(),
    ) as analyst:
        for relation in relations():
            if relation.parameters:
                result = RESULTS[relation.name]
                said = {name: type_ for name, type_, _ in result.own} | dict.fromkeys(columns.get(result.of, []), "")
                sql = example(relation.name, relation.parameters, kith)
            else:
                said = dict.fromkeys(columns[relation.name], "")
                sql = f"SELECT * FROM {kith}.{relation.name} LIMIT 3"  # noqa: S608 - our own names
            answer = json.loads(analyst.raw_query(sql, fmt="JSONCompact"))
            given = {column["name"]: column["type"] for column in answer["meta"]}
            assert said.keys() <= given.keys(), relation.name
            assert {name: type_ for name, type_ in said.items() if type_ not in ("", given[name])} == {}, relation.name
            filled += answer["rows"] > 0
    assert filled > 20
