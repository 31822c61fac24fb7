import pytest

from api.auth import Tokens
from schemas.errors import KithError


def test_any_of_the_tokens_is_accepted_and_nothing_else() -> None:
    tokens = Tokens(" one , two,")
    assert tokens.accept("one")
    assert tokens.accept("two")
    for other in ("", "one ", "on", "ones", "ONE", "\udcff"):
        assert not tokens.accept(other)


@pytest.mark.parametrize("configured", ["", " ", ",", " , "])
def test_an_api_without_tokens_does_not_start(configured: str) -> None:
    with pytest.raises(KithError, match="KITH_API_TOKENS"):
        Tokens(configured)
