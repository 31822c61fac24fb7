from projections.batch import Refused
from projections.dead_letters import dead_letter
from schemas.errors import REASONS
from tests.unit.projections.records import AT, Log


def test_a_record_always_becomes_the_same_dead_letter() -> None:
    refused = Refused(Log("t", b"\xff{", 7, 3), "ValueError: no")
    letter = dead_letter(refused)
    assert letter == dead_letter(refused)
    assert letter["reason"] in REASONS
    assert letter["at"] == AT
    assert letter["payload"] == "\N{REPLACEMENT CHARACTER}{"
    assert "t/3@7" in letter["message"]


def test_a_record_without_a_value_is_kept_too() -> None:
    assert dead_letter(Refused(Log("t", None), "no"))["payload"] == ""
