"""`kith identity …` as it is typed, against an API that is a function."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import httpx2
import pytest
from typer.testing import CliRunner

from deploy.local import planning, policy_choice
from deploy.local.cli import build
from processors.identity.plan import Example, Plan
from processors.identity.policy import Policy
from processors.identity.policy_file import document_of, parse_policy
from schemas.errors import KithError

Answer = Callable[[httpx2.Request], httpx2.Response]


class Api:
    """Answers by method and path; remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str, Any]] = []
        self.answers: dict[str, Any] = {}
        self.sequence: list[Any] = []  # documents that are answered first, one after the other

    def __call__(self, request: httpx2.Request) -> httpx2.Response:
        path = unquote(str(request.url.raw_path.decode()))
        self.asked.append((request.method, path, json.loads(request.content or b"null")))
        assert request.headers["authorization"] == "Bearer at_env"
        if path not in self.answers:
            return httpx2.Response(404, json={"detail": f"Nobody has {path}."})
        status, document = self.answers[path]
        if self.sequence:
            document = self.sequence.pop(0)
        return httpx2.Response(status, json=document)


@pytest.fixture
def api(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Api:
    made = Api()
    transport = httpx2.MockTransport(made)
    monkeypatch.setenv("KITH_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setattr(policy_choice, "_POLL_S", 0.0)
    monkeypatch.setenv("KITH_API_TOKENS", "at_env,at_other")
    client = httpx2.Client
    monkeypatch.setattr(httpx2, "Client", lambda **options: client(**{**options, "transport": transport}))
    return made


def kith(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(build(), ["identity", *arguments])
    if isinstance(result.exception, KithError):
        return 1, str(result.exception)
    return result.exit_code, result.output


def test_decisions_are_posted_with_their_reason(api: Api) -> None:
    api.answers = {f"/v1/identity/{kind}": (202, {"decision_id": "d-1"}) for kind in ("link", "split", "release")}
    code, output = kith("link", "user_id:u1", "email:j@x.fr", "--reason", "she called")
    assert (code, "d-1" in output) == (0, True)
    assert kith("split", "user_id:u2", "email:k@x.fr", "--from", "user_id:u1", "--reason", "her son")[0] == 0
    assert kith("release", "phone:+331", "--reason", "new owner")[0] == 0
    u1, u2 = {"type": "user_id", "value": "u1"}, {"type": "user_id", "value": "u2"}
    assert [body for _, _, body in api.asked] == [
        {"a": u1, "b": {"type": "email", "value": "j@x.fr"}, "reason": "she called"},
        {"identifiers": [u2, {"type": "email", "value": "k@x.fr"}], "from": u1, "reason": "her son"},
        {"identifier": {"type": "phone", "value": "+331"}, "reason": "new owner"},
    ]


def test_a_refusal_is_the_apis_sentence_and_a_key_needs_a_type(api: Api) -> None:
    api.answers["/v1/identity/link"] = (422, {"detail": "`b`: device_id is weak and joins nobody."})
    assert kith("link", "user_id:u1", "device_id:d", "--reason", "r") == (1, "`b`: device_id is weak and joins nobody.")
    code, output = kith("link", "u1", "user_id:u2", "--reason", "r")
    assert (code, "type:value" in output) == (1, True)
    assert kith("link", "user_id:u1", "user_id:u2")[0] == 2


def test_explain_one_a_pair_and_two_people(api: Api) -> None:
    pair = {"a": {"type": "user_id", "value": "u1"}, "b": {"type": "email", "value": "j@x.fr"}}
    at = "2026-01-01T10:00:00.000Z"
    link = pair | {"rule": "pair", "at": at, "event_ids": ["e-1"], "decision_id": None}
    known = {"profile_id": "p1", "identifiers": list(pair.values())}
    api.answers = {
        "/v1/profiles/user_id:u1": (200, known),
        "/v1/profiles/email:j@x.fr": (200, known),
        "/v1/profiles/user_id:u2": (200, {"profile_id": "p2", "identifiers": [{"type": "user_id", "value": "u2"}]}),
        "/v1/profiles/user_id:u1/explain": (200, {"profile_id": "p1", "links": [link], "refusals": []}),
        "/v1/profiles/user_id:u2/explain": (200, {"profile_id": "p2", "links": [], "refusals": []}),
        "/v1/profiles/user_id:u1/explain?a=user_id:u1&b=email:j@x.fr": (200, {"path": [link]}),
    }
    code, output = kith("explain", "user_id:u1")
    assert code == 0
    assert "Account u1 and e-mail j@x.fr came in one event, 2026-01-01 10:00:00 UTC (event e-1)." in output
    code, output = kith("explain", "user_id:u1", "email:j@x.fr")
    assert (code, "are one person, profile p1" in output) == (0, True)
    code, output = kith("explain", "user_id:u1", "user_id:u2")
    assert (code, "are two people" in output) == (0, True)
    code, output = kith("explain", "user_id:nobody")
    assert (code, output.startswith("Nobody has")) == (1, True)
    code, output = kith("explain", "user_id:u1", "user_id:nobody")
    assert (code, output) == (1, "Nobody has the identifier user_id:nobody.")
    sixth = {"type": "email", "value": "sixth@x.fr"}
    refusal = {**link, "b": sixth, "rule": "limit:email", "decision_id": "d", "message": "m"}
    api.answers["/v1/profiles/user_id:u1/explain"] = (200, {"profile_id": "p1", "links": [], "refusals": [refusal]})
    for keys in (("user_id:u1", "email:Sixth@x.fr"), ("email:sixth@x.fr", "user_id:u1")):
        code, output = kith("explain", *keys)
        assert code == 0
        assert "has no activity of its own" in output
        assert "more than one person may have of: e-mail" in output


def test_policy_check(api: Api, tmp_path: Path) -> None:
    path = tmp_path / "policy.yaml"
    path.write_text("limits:\n  email: 2\n")
    code, output = kith("policy", "check", str(path))
    assert (code, "limits.email: 5 becomes 2" in output) == (0, True)
    path.write_text("limits:\n  mail: 2\n")
    code, output = kith("policy", "check", str(path))
    assert (code, f"{path}, line 2: `limits` names 'mail'" in output) == (1, True)
    path.write_bytes(b"limits:\n  email: 2 # \xff\n")
    assert "line 2: this is not UTF-8" in kith("policy", "check", str(path))[1]
    assert "cannot be read" in kith("policy", "check", str(tmp_path / "none.yaml"))[1]
    assert not api.asked


def states(decision: str, *found: tuple[str, str | None, str]) -> list[Any]:
    """Return what the API answers one after the other: (applied, wanted, state)."""
    return [
        {
            "applied": {"policy": document_of(Policy.default()), "decision_id": applied, "reason": "r", "at": None},
            "wanted": None if wanted is None else {"policy": {}, "decision_id": wanted, "reason": "w", "at": None},
            "state": state,
            "progress": 0.5,
        }
        for applied, wanted, state in found
    ]


def test_apply_follows_its_decision_until_it_is_in_force(api: Api, tmp_path: Path) -> None:
    path = tmp_path / "policy.yaml"
    path.write_text("limits: {email: 2}\n")
    api.answers["/v1/identity/policy"] = (200, None)
    answers = states(
        "d", ("old", None, "live"), ("old", "d", "refolding"), ("d", None, "publishing"), ("d", None, "live")
    )
    api.sequence = [{"decision_id": "d"}, *answers]
    code, output = kith("apply", "--policy", str(path), "--reason", "stricter")
    assert (code, "is in force" in output) == (0, True)
    assert api.asked[0][2]["reason"] == "stricter"
    assert api.asked[0][2]["policy"]["limits"]["email"] == 2
    assert len(api.asked) == 5


def test_apply_says_when_another_decision_goes_before(api: Api, tmp_path: Path) -> None:
    path = tmp_path / "policy.yaml"
    path.write_text("")
    api.answers["/v1/identity/policy"] = (200, None)
    api.sequence = [{"decision_id": "d"}, *states("d", ("old", "d", "refolding"), ("old", "newer", "clearing"))]
    code, output = kith("apply", "--policy", str(path))
    assert (code, "Another policy was decided meanwhile" in output) == (1, True)
    code, output = kith("apply", "--reason", "r")
    assert (code, "--policy FILE" in output) == (1, True)


def test_policy_show(api: Api) -> None:
    api.answers["/v1/identity/policy"] = (200, states("d", ("old", "d", "refolding"))[0])
    code, output = kith("policy", "show")
    assert code == 0
    assert "On its way (refolding, 50%): decision d: w" in output
    assert parse_policy(output) == Policy.default()


def test_a_plan_in_lines_and_as_a_document() -> None:
    u1, u2, address = ("user_id", "u1"), ("user_id", "u2"), ("email", "a@x.fr")
    plan = Plan(
        {u1: [u1, u2]}, {u1: [address, u1]}, {}, 2, 1, [Example(u1, [u2], ["Why."])], [Example(u1, [address], [])]
    )
    lines = planning.describe(plan, ["limits.email: 5 becomes 1"], 7)
    assert "        2 people would be joined into 1" in lines
    assert "        1 people would be split into 2" in lines
    assert "        3 profiles and 7 orders are touched" in lines
    assert lines[-6:] == [
        "Joined, for example:",
        "  account u1 with account u2",
        "    - Why.",
        "",
        "Split, for example:",
        "  account u1 from e-mail a@x.fr",
    ]
    document = planning.as_json(plan, [], 7)
    assert (document["profiles"], document["orders"], document["split"]) == (3, 7, {"people": 1, "into": 2})
    nothing = planning.describe(Plan({}, {}, {}, 0, 0, [], []), [], 0)
    assert nothing[-1].startswith("It would change nobody")
