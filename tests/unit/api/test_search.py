import pytest

from api.search import conditions_of
from schemas.errors import Problem


def test_what_is_asked_for_is_never_part_of_the_statement() -> None:
    evil = "'); DROP TABLE profiles; --"
    conditions, parameters = conditions_of(evil, {f"{evil}.x": evil}, evil)
    assert not any("DROP" in condition for condition in conditions)
    assert len([value for value in parameters.values() if "DROP" in str(value)]) == 4


@pytest.mark.parametrize(
    ("identifier", "type_", "prefix"),
    [
        ("jane@", None, "jane@"),
        ("email:jane@", "email", "jane@"),
        ("shopify:shop-a:7", "shopify:shop-a", "7"),
        ("shopify:7", None, "shopify:7"),
        ("urn:x", None, "urn:x"),
    ],
)
def test_an_identifier_may_name_its_type(identifier: str, type_: str | None, prefix: str) -> None:
    _, parameters = conditions_of(identifier, {}, None)
    assert parameters.get("type") == type_
    assert parameters["prefix"] == prefix


@pytest.mark.parametrize("path", ["", "a..b", ".a", "a.b.c.d.e.f"])
def test_what_is_no_trait_is_refused(path: str) -> None:
    with pytest.raises(Problem, match="is no trait"):
        conditions_of(None, {path: "x"}, None)


def test_too_many_traits_are_refused() -> None:
    with pytest.raises(Problem, match="at most"):
        conditions_of(None, {f"t{n}": "x" for n in range(11)}, None)
