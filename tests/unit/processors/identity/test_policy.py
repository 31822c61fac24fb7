"""The policy file: what it may say, and what it is told when it says something else."""

import pytest

from processors.identity.policy import LIMITS, Policy
from processors.identity.policy_file import PolicyError, changes_of, document_of, parse_policy, policy_of


def test_an_empty_file_is_the_default() -> None:
    assert parse_policy("") == parse_policy("# nothing\n") == Policy.default()


def test_every_key() -> None:
    policy = parse_policy(
        """
        ranks:
          - user_id
          - email
          - [shopify, stripe, woocommerce, magento, loyalty_id]
          - [phone, intercom, zendesk, chatwoot, crisp, facebook, instagram, x, whatsapp]
        limits: {email: 2, phone: null}
        blocked: [Support@Shop.example, "phone:+33100000000", "0042"]
        shared_threshold: 10
        fold_email_providers: true
        """
    )
    assert policy.rank["user_id"] < policy.rank["email"] < policy.rank["shopify:a"] == policy.rank["loyalty_id"]
    assert policy.rank["x"] < policy.rank["anonymous_id"] < policy.rank["device_id"]
    assert (policy.limit["email"], policy.limit["phone"], policy.limit["user_id"]) == (2, None, 1)
    assert policy.is_blocked(("email", "support@shop.example"))
    assert policy.is_blocked(("phone", "+33100000000"))
    assert not policy.is_blocked(("user_id", "+33100000000"))
    assert policy.is_blocked(("loyalty_id", "0042"))
    assert (policy.shared_threshold, policy.fold_email_providers) == (10, True)


def test_defaults_are_the_designs() -> None:
    policy = Policy.default()
    assert [policy.limit[t] for t in ("user_id", "shopify:s", "stripe:a", "loyalty_id", "email", "phone", "x")] == [
        *[1] * 4,
        *[5] * 3,
    ]
    assert policy.shared_threshold == 1000
    assert not policy.fold_email_providers
    assert policy.rank["shopify:s"] == policy.rank["stripe:a"]


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("limits: [", "not valid YAML"),
        ("- a\n- b", "must be a mapping"),
        ("limit: {}", "Unknown key 'limit'"),
        ("limits: 5", "must map types to numbers"),
        ("limits: {mail: 5}", "'mail', which is no type"),
        ("limits: {email: 0}", "limits.email is 0"),
        ("limits: {email: true}", "limits.email is True"),
        ("limits: {email: many}", "limits.email is 'many'"),
        ("limits: {'shopify:a': 1}", "without account"),
        ("limits: {anonymous_id: 3}", "weak"),
        ("ranks: user_id", "must be a list"),
        ("ranks: [user_id, email]", "missing: shopify"),
        ("ranks: [user_id, user_id]", "user_id twice"),
        ("ranks: [device_id]", "weak"),
        ("ranks: [[7]]", "7, which is no type"),
        ("blocked: test@x.fr", "must be a list"),
        ("blocked: [42]", "in quotes"),
        ("blocked: ['']", "write text"),
        ("shared_threshold: 0", "shared_threshold is 0"),
        ("shared_threshold: '10'", "shared_threshold is '10'"),
        ("fold_email_providers: 1", "write true or false"),
        (f"shared_threshold: {10**30}", f"shared_threshold is {10**30}"),
        (f"limits: {{email: {10**10}}}", "limits.email is 10000000000"),
        (f"blocked: [{'x' * 300_000}]", "more than 256,000 characters"),
        ('blocked: ["half \\ud800"]', "half of a surrogate pair"),
    ],
)
def test_what_it_cannot_say_gets_a_clear_error(text: str, complaint: str) -> None:
    with pytest.raises(PolicyError, match=r".") as error:
        parse_policy(text)
    assert complaint in str(error.value)


def test_accounts_from_events_do_not_pile_up() -> None:
    policy = Policy.default()
    for number in range(20_000):
        assert policy.limit[f"shopify:{number}"] == LIMITS["shopify"]
    assert len(policy.limit) <= 10_000
    with pytest.raises(KeyError):
        policy.rank["no-such-type"]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("# ours\nlimits:\n  email: 5\n  phone: many\n", 4),
        ("limits: {email: 5}\nlimit: {}\n", 2),
        ("blocked:\n  - a@x.fr\n  - 42\n", 3),
        ("ranks:\n- user_id\n- [email, {a: b}]\n", 3),
        ("shared_threshold: 10\nshared_threshold: 20\n", 2),
        ("limits:\n  email: 1\n  email: 2\n", 3),
        ("limits:\n  email: [\n", 3),
    ],
)
def test_an_error_names_its_line(text: str, line: int) -> None:
    with pytest.raises(PolicyError, match=rf"^line {line}: "):
        parse_policy(text)


@pytest.mark.parametrize("text", ["\x00", "[" * 100_000, "limits: {email: 2026-02-31}", "&a [*a]", "ranks: &a [*a]"])
def test_what_is_hardly_yaml_is_refused_in_a_sentence(text: str) -> None:
    with pytest.raises(PolicyError, match=r"policy|ranks"):
        parse_policy(text)


def test_a_policy_is_its_document() -> None:
    text = "limits: {email: 2, phone: null}\nblocked: [Info@X.fr]\nshared_threshold: 7\nfold_email_providers: true\n"
    for policy in (Policy.default(), parse_policy(text)):
        assert policy_of(document_of(policy)) == policy
    assert document_of(parse_policy("limits: {phone: 5}")) == document_of(Policy.default())


def test_what_a_policy_changes_in_words() -> None:
    after = parse_policy("limits: {email: 2, phone: null}\nblocked: [a@x.fr]\nfold_email_providers: true\n")
    assert changes_of(Policy.default(), after) == [
        "limits.email: 5 becomes 2",
        "limits.phone: 5 becomes no limit",
        "blocked: a@x.fr is blocked",
        "fold_email_providers: switched on",
    ]
    assert changes_of(after, Policy.default())[-2:] == [
        "blocked: a@x.fr is blocked no longer",
        "fold_email_providers: switched off",
    ]
    assert changes_of(after, after) == []
