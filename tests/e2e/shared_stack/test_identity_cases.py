"""The identity cases of the design and its bad input, row by row, through the running system: all sent, then all asked.

Each case has people of its own on the shared stack. What arrives later arrives after a first look.
"""

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2
import pytest

from schemas.identifier import Identifier, seed_of
from tests.e2e.identity_shop import Shop
from tests.e2e.local_stack import LocalStack

pytestmark = pytest.mark.e2e
FRANCE = {"location": {"country": "FR"}}


class Case(Shop):
    """One row: events in its notation, then questions."""

    def heard(self, t: float, message: str | None = None, **fields: Any) -> dict[str, Any]:
        """Return a message of second `t`; `e`, `u`, `a` are identifiers of this case's own, `order` an order id."""
        own = {name: self.own(fields.pop(name)) for name in ("u", "a", "e") if name in fields}
        traits = {"email": own["e"]} if "e" in own else {}
        if "p" in fields:
            traits["phone"] = fields.pop("p")
        order = fields.pop("order", None)
        found: dict[str, Any] = {"type": "track", "event": "Seen", "properties": {}}
        if order is not None:
            found["event"] = "Order Completed"
            found["properties"] = {"order_id": self.own(order), "total": "10.00", "currency": "EUR"}
        context = {"traits": traits, **fields.pop("context", {})}
        at = datetime(2026, 1, 1, 10, tzinfo=UTC) + timedelta(seconds=t)
        ids = {key: own[name] for name, key in (("u", "userId"), ("a", "anonymousId")) if name in own}
        stamp = at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
        name = message or f"{self.suffix}-{t}-{sorted(own.items())}-{traits}"[:90]
        return {**found, **ids, "context": context, "timestamp": stamp, "messageId": name, **fields}

    def identifiers(self, type_: str, value: str) -> set[str]:
        """Return the identifiers of somebody's profile without this case's suffix."""
        listed = self.profile(type_, value)["identifiers"]
        return {each["value"].replace(f"-{self.suffix}", "") for each in listed}

    def is_one(self, *keys: tuple[str, str]) -> bool:
        return len({self.profile(*key)["profile_id"] for key in keys}) == 1

    def explain(self, *key: str) -> dict[str, Any]:
        found: dict[str, Any] = self.get(f"/v1/profiles/{key[0]}:{self.own(key[1])}/explain").json()
        return found


@pytest.fixture
def cases(stack: LocalStack) -> Any:
    made: dict[str, Case] = {}

    def case(name: str) -> Case:
        return made.setdefault(name, Case(stack))

    return case


def test_every_row(cases: Any, stack: LocalStack) -> None:
    number = str(int(cases("phone").suffix, 16) % 10**6).zfill(6)
    one, two = f"+33612{number}", f"+33613{number}"
    c = cases("anonymous")
    c.send(c.heard(1, a="a1"), c.heard(2, a="a1"), c.heard(3, u="u1", a="a1", e="jane@x.fr"))
    c = cases("devices")
    c.send(c.heard(1, a="A1"), *(c.heard(n, u="u1", a=f"A{n - 1}") for n in (2, 3, 4)))
    for name, order in (("accounts", (1, 2)), ("accounts the other way", (2, 1))):
        c = cases(name)
        for t in order:
            c.send(c.heard(t, u=f"u{t}", e="j@x.fr"))
    c = cases("junk")
    junk = [("null", "a@x.fr"), ("undefined", "b@x.fr"), ("[object Object]", "c@x.fr")]
    c.send(*(c.heard(n, userId=user, e=address) for n, (user, address) in enumerate(junk)))
    c.send(c.heard(5, userId="", a="z"), c.heard(6, message=f"junk-{c.suffix}", userId="NaN", anonymousId="'0'"))
    c = cases("spelling")
    c.send(c.heard(1, u="u1", e=" Jane.Doe@X.FR "), c.heard(2, e="jane.doe@x.fr", order="o1"))
    c = cases("phone")
    c.send(c.heard(1, u="u1", p=f"06 12 {number}", context=FRANCE), c.heard(2, p=one, order="o1"))
    c.send(c.heard(3, p=f"0033 6 12 {number}", order="o2"), c.heard(4, u="u2", p="12", context=FRANCE))
    c = cases("numbers")
    base = int(c.suffix, 16)
    c.send(*(c.heard(n, message=f"{c.suffix}-{n}", userId=u) for n, u in enumerate((base, str(base), float(base)))))
    c.send(c.heard(3, message=f"{c.suffix}-3", userId=f"0{base}"))
    c = cases("stores")
    for t, type_, address in ((1, "shopify:shop-a", "a@x.fr"), (2, "woocommerce:site-b", "b@x.fr")):
        c.send(c.heard(t, e=address, context={"externalIds": [{"type": type_, "id": c.own("777")}]}))
    c = cases("guest")
    c.send(c.heard(1, e="k@x.fr", order="o1"), c.heard(3, u="u9", e="k@x.fr", a="a7"))
    c.send(c.heard(2, e="k@x.fr", context={"externalIds": [{"type": "shopify:s", "id": c.own("9")}]}))
    c = cases("bridge")
    c.send(c.heard(10, a="a1", e="x@x.fr"), c.heard(11, a="a2", p=two))
    c = cases("chain")
    third, fourth = f"+33614{number}", c.heard(4, u="u2", e="e2@x.fr")
    c.send(fourth, c.heard(3, p=third, e="e2@x.fr"), c.heard(2, e="e1@x.fr", p=third), c.heard(1, u="u1", e="e1@x.fr"))
    c = cases("duplicates")
    twice = c.heard(1, u="u1", message=f"{c.suffix}-m")
    c.send(twice, twice)
    c.send({**twice, "event": "Another"})
    c = cases("back again")
    c.send(
        *(c.heard(t, u=f"u{u}", a="a1") for t, u in ((1, 1), (2, 2), (3, 1))), c.heard(4, a="a1"), c.heard(2.5, a="a1")
    )
    c = cases("late login")
    c.send(c.heard(1, u="u1", a="a1"), c.heard(3, u="u1", a="a1"), c.heard(4, a="a1"))
    stack.kith("wait", "--timeout", "60")

    assert cases("anonymous").identifiers("user_id", "u1") == {"u1", "a1", "jane@x.fr"}
    assert cases("anonymous").profile("user_id", "u1")["activity"]["events"] == 3
    assert cases("devices").identifiers("user_id", "u1") == {"u1", "A1", "A2", "A3"}
    for name in ("accounts", "accounts the other way"):
        c = cases(name)
        assert (c.identifiers("user_id", "u1"), c.identifiers("user_id", "u2")) == ({"u1", "j@x.fr"}, {"u2"})
        assert [refusal["rule"] for refusal in c.explain("user_id", "u2")["refusals"]] == ["limit:user_id"]
    c = cases("junk")
    assert [c.identifiers("email", address) for _, address in junk] == [{address} for _, address in junk]
    assert c.identifiers("anonymous_id", "z") == {"z"}
    letters = c.get("/v1/dead-letters", limit="200").json()["items"]
    mine = [letter for letter in letters if f"junk-{c.suffix}" in letter["payload"]]
    assert [letter["reason"] for letter in mine] == ["no_usable_identifier"]
    assert cases("spelling").profile("user_id", "u1")["orders"]["count"] == 1
    c = cases("phone")
    assert c.identifiers("user_id", "u1") == {"u1", one}
    assert (c.profile("user_id", "u1")["orders"]["count"], c.identifiers("user_id", "u2")) == (2, {"u2"})
    assert cases("numbers").get(f"/v1/profiles/user_id:{base}").json()["activity"]["events"] == 3
    assert cases("numbers").get(f"/v1/profiles/user_id:0{base}").json()["activity"]["events"] == 1
    assert not cases("stores").is_one(("email", "a@x.fr"), ("email", "b@x.fr"))
    c = cases("guest")
    assert c.identifiers("user_id", "u9") == {"u9", "9", "k@x.fr", "a7"}
    assert c.profile("shopify:s", "9")["orders"]["count"] == 1
    c = cases("bridge")
    earlier = c.get(f"/v1/profiles/phone:{two}").json()["profile_id"]
    assert earlier != c.profile("email", "x@x.fr")["profile_id"]
    c = cases("chain")
    assert not c.is_one(("user_id", "u1"), ("user_id", "u2"))
    [refusal] = c.explain("user_id", "u1")["refusals"]
    assert {refusal["a"]["value"], refusal["b"]["value"]} == {third, c.own("e2@x.fr")}
    c = cases("duplicates")
    assert c.profile("user_id", "u1")["activity"]["events"] == 1
    letters = c.get("/v1/dead-letters", limit="200").json()["items"]
    assert "conflicting_duplicate" in {letter["reason"] for letter in letters if f"{c.suffix}-m" in letter["payload"]}
    c = cases("back again")
    assert [c.profile("user_id", u)["activity"]["events"] for u in ("u1", "u2")] == [3, 2]
    assert cases("late login").profile("user_id", "u1")["activity"]["events"] == 3

    c = cases("bridge")
    c.send(c.heard(86_400, e="x@x.fr", p=two))
    c = cases("late login")
    c.send(c.heard(2, u="u2", a="a1"), c.heard(2.5, a="a1"))
    stack.kith("wait", "--timeout", "60")
    c = cases("bridge")
    assert (
        c.get(f"/v1/profiles/profile_id:{earlier}").json()["profile_id"] == c.profile("email", "x@x.fr")["profile_id"]
    )
    assert c.identifiers("email", "x@x.fr") == {"x@x.fr", two, "a1", "a2"}
    c = cases("late login")
    assert [c.profile("user_id", u)["activity"]["events"] for u in ("u1", "u2")] == [3, 2]


def test_bad_input_has_an_answer(cases: Any, stack: LocalStack) -> None:
    c = cases("bad")
    long, control = "x" * 10_000, "a\x00b\x1fc"
    c.send(
        c.heard(1, message=f"{c.suffix}-1", userId=c.own(long)),
        c.heard(2, message=f"{c.suffix}-2", userId=c.own(control)),
        c.heard(3, u="ties", e="one@x.fr", message=f"{c.suffix}-b"),
        c.heard(3, u="ties2", e="one@x.fr", message=f"{c.suffix}-a"),
        c.heard(-1_767_261_600, u="epoch", e="old@x.fr"),
        c.heard(4, u="newer", e="old@x.fr"),
        c.heard(
            5,
            u="\N{LATIN SMALL LETTER E WITH ACUTE}t\N{LATIN SMALL LETTER E WITH ACUTE}",
            e="JOS\N{LATIN CAPITAL LETTER E WITH ACUTE}@X.fr",
        ),
        c.heard(6, e="jose\N{COMBINING ACUTE ACCENT}@x.fr", order="o1"),
        c.heard(7, u="linked1", e="l@x.fr"),
        c.heard(8, u="linked2"),
    )
    # As bytes: a JSON writer would not make half a surrogate pair.
    half = b'{"batch": [{"type": "page", "userId": "half-SUFFIX \\ud800", "messageId": "SUFFIX-half"}]}'
    body = half.replace(b"SUFFIX", c.suffix.encode())
    assert httpx2.post(f"{stack.collector}/v1/batch", content=body, auth=(c.key, ""), timeout=20).status_code == 200
    link = {"a": c.named("user_id", "linked1"), "b": c.named("user_id", "linked2"), "reason": "two accounts, one woman"}
    assert c.post("/v1/identity/link", link).status_code == 202
    stack.kith("wait", "--timeout", "60")
    # A key in an address has at most 2,000 characters; the profile's id, which is the seed, finds it.
    seed = seed_of(Identifier("user_id", c.own(long)))
    assert c.get(f"/v1/profiles/profile_id:{seed}").json()["identifiers"][0]["value"] == c.own(long)
    assert c.get(f"/v1/profiles/user_id:{c.own(long)}").status_code == 400
    assert c.identifiers("user_id", "abc") == {"abc"}
    assert c.identifiers("user_id", "ties2") == {"ties2", "one@x.fr"}, (
        "of one instant the smaller message id is earlier"
    )
    assert c.identifiers("user_id", "epoch") == {"epoch", "old@x.fr"}
    assert c.profile("email", "josé@x.fr")["orders"]["count"] == 1
    assert c.get(f"/v1/profiles/user_id:half-{c.suffix} \N{REPLACEMENT CHARACTER}").status_code == 200
    assert c.identifiers("user_id", "linked1") == {"linked1", "linked2", "l@x.fr"}


def test_a_support_agent_asks_on_the_command_line(cases: Any, stack: LocalStack) -> None:
    c = cases("words")
    c.send(c.heard(1, u="u1", e="j@x.fr", a="a1"), c.heard(2, u="u2", e="j@x.fr"), c.heard(3, u="u3"))
    stack.kith("wait", "--timeout", "60")
    u1, u2, u3 = (f"user_id:{c.own(each)}" for each in ("u1", "u2", "u3"))
    said = stack.kith("identity", "explain", f"anonymous_id:{c.own('a1')}", f"email:{c.own('j@x.fr')}").stdout
    assert "are one person" in said
    assert f"Account {c.own('u1')} was in use on browser {c.own('a1')}, 2026-01-01 10:00:01 UTC" in said
    said = stack.kith("identity", "explain", u1, u2).stdout
    assert "are two people" in said
    assert "more than one person may have of: account" in said
    stack.kith("identity", "link", u1, u3, "--reason", "she called")
    stack.kith("wait", "--timeout", "60")
    assert "were linked by an operator" in stack.kith("identity", "explain", u1, u3).stdout
    stack.kith("identity", "split", u3, "--from", u1, "--reason", "her son")
    stack.kith("wait", "--timeout", "60")
    assert "are two people" in stack.kith("identity", "explain", u1, u3).stdout
    wrong = stack.kith("identity", "link", u1, f"device_id:{c.own('d')}", "--reason", "r", check=False)
    assert (wrong.returncode, "weak and joins nobody" in wrong.stderr) == (1, True)
