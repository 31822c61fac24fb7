"""A wrong variable is named, with what would be right, and its value is not repeated."""

import pytest
from pydantic import BaseModel, ValidationError

from deploy.local.wrong_settings import explain
from schemas.settings import Settings


def test_names_each_wrong_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KITH_PARTITIONS", "many")
    monkeypatch.setenv("KITH_API_PORT", "70000")
    with pytest.raises(ValidationError) as raised:
        Settings()
    sentence = explain(raised.value)
    assert sentence is not None
    assert "KITH_PARTITIONS: Input should be a valid integer" in sentence
    assert "KITH_API_PORT: Input should be less than or equal to 65535" in sentence
    assert "many" not in sentence


def test_other_errors_are_not_explained() -> None:
    class Other(BaseModel):
        number: int

    with pytest.raises(ValidationError) as raised:
        Other.model_validate({"number": "x"})
    assert explain(raised.value) is None
    assert explain(ValueError("x")) is None
