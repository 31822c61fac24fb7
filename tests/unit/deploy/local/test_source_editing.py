"""Edits of the sources file keep what is there, and never leave a file that is wrong."""

import stat
import threading
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from deploy.local.source_editing import SourceEditor, new_secret
from deploy.local.source_entry import Wanted, entry_of
from schemas.errors import KithError
from schemas.source import parse_sources

FILE = """\
# Our sources.
sources:
  web-shop: {kind: tracking, write_keys: [wk_1], channel: web, origins: ["https://shop.example"]}  # the shop
  # Shopify's own secret.
  shop-a:
    kind: shopify   # EU
    secrets: ["${SHOP_A}"]
  till:     {kind: generic, url_secret: s, channel: order, mapping: {type: track, event: "Order Completed"}}
"""


def editor(folder: Path, text: str = FILE) -> tuple[SourceEditor, Path]:
    path = folder / "sources.yaml"
    path.write_text(text)
    return SourceEditor(path), path


def test_a_new_file_is_its_owners_alone(tmp_path: Path) -> None:
    path = tmp_path / "new" / "sources.yaml"
    SourceEditor(path).add({"web": {"kind": "tracking", "write_keys": ["wk_1"]}})
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert parse_sources(path.read_text())["web"].write_keys == ("wk_1",)
    assert path.read_text().startswith("# Sources of the collector")


def test_adding_changes_nothing_else(tmp_path: Path) -> None:
    edit, path = editor(tmp_path)
    path.chmod(0o640)
    edit.add({"pay": {"kind": "stripe", "secrets": ["${STRIPE}"]}})
    text = path.read_text()
    for line in FILE.splitlines():
        assert line.split("  #")[0].split("{")[0].rstrip() in text
    assert "# Shopify's own secret." in text
    assert "# the shop" in text
    assert '["${SHOP_A}"]' in text
    assert yaml.safe_load(text)["sources"]["pay"] == {"kind": "stripe", "secrets": ["${STRIPE}"]}
    assert stat.S_IMODE(path.stat().st_mode) == 0o640, "the file's mode is its owner's business"


def test_rotation_keeps_the_one_before(tmp_path: Path) -> None:
    edit, path = editor(tmp_path)
    edit.rotate("shop-a", "new")
    assert yaml.safe_load(path.read_text())["sources"]["shop-a"]["secrets"] == ["new", "${SHOP_A}"]
    edit.rotate("shop-a", "newer")
    assert yaml.safe_load(path.read_text())["sources"]["shop-a"]["secrets"] == ["newer", "new"]
    assert edit.finish("shop-a") == 1
    assert edit.finish("shop-a") == 0
    assert yaml.safe_load(path.read_text())["sources"]["shop-a"]["secrets"] == ["newer"]
    assert edit.rotate("web-shop", "wk_2") == "write_keys"
    assert edit.sources()["web-shop"].write_keys == ("wk_2", "wk_1")
    assert edit.rotate("till", "t") == "url_secret"
    assert edit.finish("till") == 0


def test_one_value_where_a_list_may_stand_is_rotated_too(tmp_path: Path) -> None:
    edit, path = editor(tmp_path, "sources: {a: {kind: shopify, secrets: one}}")
    edit.rotate("a", "two")
    assert yaml.safe_load(path.read_text())["sources"]["a"]["secrets"] == ["two", "one"]


def test_off_and_on(tmp_path: Path) -> None:
    edit, path = editor(tmp_path)
    edit.disable("till", True)
    assert edit.sources()["till"].disabled
    edit.disable("till", False)
    assert not edit.sources()["till"].disabled
    assert path.read_text().count("disabled") == 0


@pytest.mark.parametrize(
    ("name", "entry", "told"),
    [
        ("shop-a", {"kind": "shopify", "secrets": ["s"]}, "already"),
        ("default", {"kind": "tracking", "write_keys": ["k"]}, "KITH_WRITE_KEYS"),
        ("a b", {"kind": "tracking", "write_keys": ["k"]}, "names are letters"),
        ("new", {"kind": "fax"}, "new: kind"),
        ("new", {"kind": "tracking", "write_keys": ["wk_1"]}, "the same write key"),
        ("new", {"kind": "stripe", "secrets": ["s"], "pull": {"url": "https://x"}}, "pull is for"),
        ("new", {"kind": "magento", "url_secret": "s", "pull": {"url": "https://x"}}, "needs token"),
        ("new", {"kind": "magento", "public_key": "s", "pull": {"url": "https://x", "token": "t"}}, "instead of"),
        ("new", {"kind": "woocommerce", "secrets": "s", "pull": {"url": "https://x", "key": "k"}}, "key and secret"),
    ],
)
def test_what_would_be_wrong_is_not_written(tmp_path: Path, name: str, entry: dict[str, object], told: str) -> None:
    edit, path = editor(tmp_path)
    with pytest.raises(KithError, match=told):
        edit.add({name: entry})
    assert path.read_text() == FILE


@pytest.mark.parametrize(
    "text", ["sources: [1]", "sources: {a: {kind: fax}}", "a: [", "sources: {a: {kind: x, b: *c}}"]
)
def test_a_wrong_file_is_left_alone(tmp_path: Path, text: str) -> None:
    edit, path = editor(tmp_path, text)
    with pytest.raises(KithError):
        edit.add({"new": {"kind": "tracking", "write_keys": ["k"]}})
    assert path.read_text() == text


def test_nobody_of_that_name(tmp_path: Path) -> None:
    edit, _ = editor(tmp_path)
    for change in (lambda: edit.rotate("x", "s"), lambda: edit.finish("x"), lambda: edit.disable("x", True)):
        with pytest.raises(KithError, match="there are: web-shop, shop-a, till"):
            change()


def test_edits_at_once_are_all_kept(tmp_path: Path) -> None:
    path = tmp_path / "sources.yaml"

    def add(number: int) -> None:
        SourceEditor(path).add({f"s{number}": {"kind": "tracking", "write_keys": [f"wk_{number}"]}})

    threads = [threading.Thread(target=add, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert SourceEditor(path).sources().keys() == {f"s{number}" for number in range(8)}


@given(
    st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs")), min_size=1).filter(lambda s: "$" not in s)
)
def test_any_secret_comes_back_as_the_text_it_is(tmp_path_factory: pytest.TempPathFactory, secret: str) -> None:
    path = tmp_path_factory.mktemp("secrets") / "sources.yaml"
    edit = SourceEditor(path)
    edit.add({"a": {"kind": "shopify", "secrets": [secret]}})
    edit.rotate("a", secret + "0")
    found = [each.get_secret_value() for each in parse_sources(path.read_text())["a"].secrets]
    assert found == [secret + "0", secret]


@pytest.mark.parametrize("secret", ["off", "0123", "1_000", "12:30:00", "1e5", "~", "null", "${A}", "- a", "#", "a: b"])
def test_secrets_that_yaml_reads_otherwise(tmp_path: Path, secret: str) -> None:
    edit, _ = editor(tmp_path)
    edit.add({"b": {"kind": "shopify", "secrets": [secret]}})
    assert edit.sources()["b"].secrets[0].get_secret_value() == secret


def made(wanted: Wanted) -> tuple[dict[str, object], dict[str, str]]:
    return entry_of(wanted, iter(["s1", "s2"]).__next__)


@pytest.mark.parametrize(
    ("wanted", "entry", "shown"),
    [
        (Wanted("tracking"), {"write_keys": ["s1"]}, {"write_keys": "s1"}),
        (Wanted("tracking", secrets=("mine",)), {"write_keys": ["mine"]}, {}),
        (Wanted("shopify"), {"secrets": ["s1"]}, {"secrets": "s1"}),
        (Wanted("shopify", secrets=("${S}",)), {"secrets": ["${S}"]}, {}),
        (Wanted("chatwoot"), {"url_secret": "s1"}, {"url_secret": "s1"}),
        (Wanted("chatwoot", secrets=("c",)), {"secrets": ["c"]}, {}),
        (Wanted("meta"), {"secrets": ["s1"], "verify_token": "s2"}, {"secrets": "s1", "verify_token": "s2"}),
        (Wanted("magento", public_key="PEM"), {"public_key": "PEM"}, {}),
        (
            Wanted("magento", pull={"url": "u", "token": "t"}),
            {"url_secret": "s1", "pull": {"url": "u", "token": "t"}},
            {"url_secret": "s1"},
        ),
    ],
)
def test_the_entry_of_each_kind(wanted: Wanted, entry: dict[str, object], shown: dict[str, str]) -> None:
    assert made(wanted) == ({"kind": wanted.kind, **entry}, shown)


def test_everything_that_may_be_said() -> None:
    wanted = Wanted("generic", "order", "s", "fr", "reject", ("https://a",), mapping="{type: track, event: E}")
    assert made(wanted)[0] == {
        "kind": "generic",
        "url_secret": "s1",
        "channel": "order",
        "store": "s",
        "country": "fr",
        "plan": "reject",
        "origins": ["https://a"],
        "mapping": {"type": "track", "event": "E"},
    }
    with pytest.raises(KithError, match="mapping"):
        made(Wanted("generic", mapping="[1]"))


def test_secrets_are_long_and_never_twice() -> None:
    assert len({new_secret("tracking") for _ in range(100)} | {new_secret("meta") for _ in range(100)}) == 200
    assert new_secret("tracking").startswith("wk_")
    assert len(new_secret("shopify")) >= 32
