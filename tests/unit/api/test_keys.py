import pytest

from api.keys import identifier_of, seed_for
from schemas.errors import Problem
from schemas.identifier import Identifier, seed_of

ID = "61f0c404-5cb3-51e7-907b-a6006ad3dba0"


@pytest.mark.parametrize(
    ("key", "identifier"),
    [
        ("user_id:u1", Identifier("user_id", "u1")),
        ("user_id:a:b/c", Identifier("user_id", "a:b/c")),
        ("email: Jane.Doe@X.FR ", Identifier("email", "jane.doe@x.fr")),
        ("phone:06 12 34 56 78", Identifier("phone", "+33612345678")),
        ("shopify:shop-a:777", Identifier("shopify:shop-a", "777")),
        (f"profile_id:{ID.upper()}", Identifier("profile_id", ID)),
    ],
)
def test_a_key_names_a_normalised_identifier(key: str, identifier: Identifier) -> None:
    assert identifier_of(key, "FR") == identifier


@pytest.mark.parametrize("key", ["user_id:null", "phone:12", "email:nobody"])
def test_a_value_that_can_name_nobody_names_nobody(key: str) -> None:
    assert identifier_of(key, "FR") is None


@pytest.mark.parametrize(
    "key", ["", "u1", "nope:1", "user_id:", "shopify:777", "profile_id:1", "user_id:" + "x" * 3000]
)
def test_what_is_no_key_gets_a_sentence(key: str) -> None:
    with pytest.raises(Problem) as raised:
        identifier_of(key, None)
    assert raised.value.status == 400


def test_a_profile_id_is_its_own_seed() -> None:
    assert seed_for(Identifier("profile_id", ID)) == ID
    assert seed_for(Identifier("user_id", "u1")) == seed_of(Identifier("user_id", "u1"))
