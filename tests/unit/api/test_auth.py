import pytest

from api.auth import Tokens
from schemas.errors import KithError


def test_any_of_the_tokens_is_accepted_and_nothing_else() -> None:
    tokens = Tokens(" one , two,")
    assert tokens.role_of("one") == "admin"
    assert tokens.role_of("two") == "admin"
    for other in ("", "one ", "on", "ones", "ONE", "\udcff"):
        assert tokens.role_of(other) is None


def test_a_token_may_have_a_role() -> None:
    tokens = Tokens("one, two:operator, three:admin")
    assert [tokens.role_of(token) for token in ("one", "two", "three")] == ["admin", "operator", "admin"]
    assert tokens.role_of("two:operator") is None
    for wrong in ("one:boss", "one:", ":operator", "a:b:c"):
        with pytest.raises(KithError, match="role") as fault:
            Tokens(wrong)
        assert "one" not in str(fault.value).split("one of")[0], "a token is a secret"


@pytest.mark.parametrize("configured", ["", " ", ",", " , "])
def test_an_api_without_tokens_does_not_start(configured: str) -> None:
    with pytest.raises(KithError, match="KITH_API_TOKENS"):
        Tokens(configured)
