"""The identity writer is killed, as is whoever takes over, also while another policy comes into force."""

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.e2e.identity_shop import Shop
from tests.e2e.local_stack import LocalStack, eventually

pytestmark = pytest.mark.e2e


def test_the_identity_writer_dies_and_another_worker_takes_over(tmp_path: Path) -> None:
    own = LocalStack(tmp_path / "writers")
    own.kith("up", "--detach", "--workers", "2")
    try:
        shop = Shop(own)
        for second in range(1, 40):
            shop.send(shop.event(second, u=f"u{second % 7}", a=f"a{second % 7}"))
            if second in (10, 25):
                own.kill(f"worker-{1 if second == 10 else 2}")
        eventually(own.is_ready)
        shop.wait()
        events = [shop.profile("user_id", f"u{n}")["activity"]["events"] for n in range(7)]
        assert sum(events) == 39
        assert all(len(shop.profile("user_id", f"u{n}")["identifiers"]) == 2 for n in range(7))
        _another_policy_through_kills(own, shop, tmp_path / "one-address.yaml")
    finally:
        own.kith("down", check=False)


def _another_policy_through_kills(own: LocalStack, shop: Shop, file: Path) -> None:
    """Planned, applied while both workers are killed and more evidence comes, it ends as if it had always been so."""
    shop.send(*(shop.event(40 + n, u="u1", e=f"e{n}@x.fr") for n in range(3)))
    shop.send(*(shop.event(43 + n, e=f"e{n}@x.fr") for n in range(3)), shop.event(46, e="f1@x.fr"))
    shop.wait()
    assert len(shop.profile("user_id", "u1")["identifiers"]) == 5
    file.write_text("limits: {email: 1}\n")
    plan = json.loads(own.kith("identity", "plan", "--policy", str(file), "--json").stdout)
    assert (plan["split"], plan["identifiers"]) == ({"people": 1, "into": 3}, 2)
    assert "more than one person may have of: e-mail" in plan["examples"]["split"][0]["reasons"][0]
    assert len(shop.profile("user_id", "u1")["identifiers"]) == 5, "a plan changes nothing"
    arguments = ("identity", "apply", "--policy", str(file), "--reason", "one address each")
    command = (sys.executable, "-m", "deploy.local.cli", *arguments)
    with subprocess.Popen(
        command, env=own.environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as applying:
        for number in (1, 2):
            time.sleep(0.4)
            own.kill(f"worker-{number}")
            shop.send(shop.event(49 + number, u="u2", e=f"f{number - 1}@x.fr"))
        assert applying.wait(120) == 0
    shop.wait()
    for person, kept, lost in (("u1", "e0@x.fr", ("e1@x.fr", "e2@x.fr")), ("u2", "f0@x.fr", ("f1@x.fr",))):
        assert shop.profile("email", kept)["profile_id"] == shop.profile("user_id", person)["profile_id"]
        for address in lost:
            assert [each["value"] for each in shop.profile("email", address)["identifiers"]] == [shop.own(address)]
    assert shop.profile("user_id", "u1")["activity"]["events"] == 10
    assert "one address each" in own.kith("identity", "policy", "show").stdout
