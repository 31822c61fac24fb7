"""The file of sources: everything that DESIGN shows is read, everything wrong is named."""

import pytest

from ingest.sources import Sources, default_source
from schemas.errors import KithError
from schemas.source import parse_sources

DESIGN = """
sources:
  web-shop: {kind: tracking, write_keys: [wk_1, wk_2], channel: web, origins: ["https://shop.example"]}
  shop-a:   {kind: shopify, secrets: [current, "${PREVIOUS}"]}
  meta:     {kind: meta, secrets: [s], verify_token: t}
  chat:     {kind: chatwoot, url_secret: s}
  magento:  {kind: magento, public_key: "-----BEGIN PUBLIC KEY-----"}
  till:     {kind: generic, url_secret: s, channel: order, mapping: {type: track, event: "Order Completed",
             message_id: $.receipt_no, occurred_at: $.sold_at, identifiers: {loyalty_id: $.card},
             properties: {total: $.sum}}}
  woo:      {kind: woocommerce, secrets: s, store: site-b, country: fr}
  pay:      {kind: stripe, secrets: [s], disabled: true}
  more:     {kind: tracking, write_keys: wk_3, limits: {event_bytes: 65536, events_per_second: 100}}
"""


def test_everything_is_read() -> None:
    sources = parse_sources(DESIGN, {"PREVIOUS": "former"})
    assert list(sources) == ["web-shop", "shop-a", "meta", "chat", "magento", "till", "woo", "pay", "more"]
    assert [source.name for source in sources.values()] == list(sources)
    assert [secret.get_secret_value() for secret in sources["shop-a"].secrets] == ["current", "former"]
    assert sources["more"].write_keys == ("wk_3",)
    assert (sources["more"].limits.event_bytes, sources["more"].limits.batch_events) == (65536, 2500)
    everyone = Sources(sources)
    assert len(everyone) == 9
    assert [getattr(everyone.by_key(key), "name", None) for key in ("wk_1", "wk_2", "wk_3", "wk_4", "")] == [
        "web-shop",
        "web-shop",
        "more",
        None,
        None,
    ]
    assert "former" not in repr(sources), "secrets do not show"


@pytest.mark.parametrize("text", ["", "# nothing yet", "sources: {}"])
def test_nothing_is_fine(text: str) -> None:
    assert parse_sources(text) == {}
    assert Sources({}).by_key("wk") is None


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("sources:\n  a: [hush", "not valid YAML in line 2"),
        ("sources: \x00", "not valid YAML"),
        ("[]", "one key, `sources`"),
        ("5", "one key, `sources`"),
        ("source: {}", "one key, `sources`"),
        ("sources: [a]", "one key, `sources`"),
        ("{sources: {}, version: 1}", "one key, `sources`"),
        ("sources: {a: 5}", "a: must be a mapping"),
        ("sources: {a: {name: b, kind: tracking}}", "a: must be a mapping"),
        ("sources: {'a b': {kind: tracking, write_keys: [k]}}", "'a b': names are letters"),
        ("sources: {5: {kind: tracking, write_keys: [k]}}", "5: names are letters"),
        ("sources: {off: {kind: tracking, write_keys: [k]}}", "in quotes where YAML reads something else"),
        ("sources: {a: {}}", "a: kind: Field required"),
        ("sources: {a: {kind: fax}}", "a: kind: Input should be 'tracking'"),
        ("sources: {a: {kind: tracking}}", "a: a tracking source needs write_keys"),
        ("sources: {a: {kind: tracking, write_keys: []}}", "a: a tracking source needs write_keys"),
        ("sources: {a: {kind: tracking, write_keys: ['']}}", "a: write_keys must not be empty"),
        ("sources: {a: {kind: tracking, write_keys: ['a:b']}}", "a: write_keys must not be empty"),
        ("sources: {a: {kind: tracking, write_keys: [k], chanel: web}}", "a: chanel: Extra inputs"),
        ("sources: {a: {kind: tracking, write_keys: [k], channel: fax}}", "a: channel: Input should be 'web'"),
        ("sources: {a: {kind: tracking, write_keys: [k], origins: ['shop.example']}}", "a: origin 'shop.example' must"),
        ("sources: {a: {kind: tracking, write_keys: [k], origins: ['https://s/x']}}", "a: origin 'https://s/x' must"),
        ("sources: {a: {kind: tracking, write_keys: [k], country: France}}", "a: country: String should match"),
        ("sources: {a: {kind: tracking, write_keys: [k], limits: {event_bytes: 1}}}", "a: limits.event_bytes: Input"),
        ("sources: {a: {kind: shopify}}", "a: a source of kind shopify needs secrets"),
        ("sources: {a: {kind: shopify, secrets: [s], write_keys: [k]}}", "a: write_keys belong to tracking"),
        ("sources: {a: {kind: magento}}", "a: a source of kind magento needs public_key or url_secret"),
        ("sources: {a: {kind: generic, url_secret: s}}", "a: a generic source needs a mapping"),
        ("sources: {a: {kind: shopify, secrets: ['${NOT_SET}']}}", "a: the variable NOT_SET is not set"),
    ],
)
def test_faults_are_named(text: str, told: str) -> None:
    with pytest.raises(KithError) as fault:
        parse_sources(text, {})
    assert told in str(fault.value)
    assert "hush" not in str(fault.value)


def test_all_faults_at_once_and_no_secrets_in_them() -> None:
    with pytest.raises(KithError) as fault:
        parse_sources("sources: {a: {kind: fax}, b: {kind: x, secrets: {deep: hush}}, c: {kind: stripe}}", {})
    assert all(f"{name}: " in str(fault.value) for name in "abc")
    assert "hush" not in str(fault.value)


def test_two_sources_cannot_share_a_key() -> None:
    twins = "sources: {a: {kind: tracking, write_keys: [k]}, b: {kind: tracking, write_keys: [k]}}"
    with pytest.raises(KithError, match="the same write key") as fault:
        Sources(parse_sources(twins))
    assert "wk" not in str(fault.value)


def test_keys_of_the_environment() -> None:
    assert default_source("") == {} == default_source(" , ")
    assert default_source("a, b,")["default"].write_keys == ("a", "b")
