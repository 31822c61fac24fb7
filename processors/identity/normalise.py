"""One identifier, one spelling: the normal form of every identifier type.

`normalise` is the only way from what a sender wrote to an `Identifier`. It is built in and fixed, because seeds are
made from normal forms; what an operator may change (the policy) acts in the identity fold only. The collector,
webhooks, imports, the API's look-ups and the identity fold call the same functions.
"""

import math
import re
import unicodedata
from functools import lru_cache
from typing import Any, Final

import idna
import phonenumbers

from schemas.identifier import PLACE, SCOPED_FAMILIES, Identifier

BLOCKED: Final = frozenset(
    {
        "",
        "null",
        "none",
        "nil",
        "undefined",
        "nan",
        "true",
        "false",
        "anonymous",
        "guest",
        "unknown",
        "invalid",
        "test",
        "id",
        "distinct_id",
        "not_authenticated",
        "[object object]",
        "0",
        "-1",
    }
)
_QUOTES = "\"'`“”‘’«»"
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_ASCII_EMAIL = re.compile(r"[^\s@]+@[a-z0-9_](?:[a-z0-9._-]*[a-z0-9_])?")
# Folded by `fold_provider`: mailboxes where dots and a "+tag" name the same inbox.
_GMAIL = frozenset({"gmail.com", "googlemail.com"})


def normalise(type_: str, value: Any, country: str | None = None) -> Identifier | None:
    """Return the identifier that `value` names, or None where it names nobody.

    `value` is JSON: text, or a number for those who keep their ids as numbers (123 and 123.0 are "123"). `country` is
    an ISO 3166 code, the region of phone numbers without a country code. None comes back for an unknown type, a type
    that lacks its account (`shopify`), a blocked value, an e-mail address or a phone number that cannot be one.
    Idempotent: normalising a normal form gives it back.
    """
    family, _, account = type_.partition(":")
    if family not in PLACE or (family in SCOPED_FAMILIES and not account):
        return None
    text = text_of(value)
    if text is None or is_blocked(text):
        return None
    if family == "email":
        text = email(text)
    elif family == "phone":
        text = phone(text, country)
    return Identifier(type_, text) if text else None


def text_of(value: Any) -> str | None:
    """Return an id as trimmed text without control characters; None for what is neither text nor a number."""
    if isinstance(value, str):
        return value.strip() if value.isprintable() else _CONTROL.sub("", value).strip()
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float) and math.isfinite(value):
        return str(int(value)) if value.is_integer() else repr(value)
    return None


def is_blocked(text: str) -> bool:
    """Tell whether `text` is what software writes when it knows no id: in any letter case, and also in quotes."""
    bare = text.strip(_QUOTES + " ").lower()
    return bare in BLOCKED or not bare.strip("0-")


@lru_cache(maxsize=16_384)
def email(text: str) -> str | None:
    """Return the address in NFKC, trimmed, lower case, with an IDNA domain; None where it is no address."""
    address = text.strip().lower()
    if address.isascii():
        return address if _ASCII_EMAIL.fullmatch(address) else None
    address = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", address).lower()).strip()
    local, at, domain = address.rpartition("@")
    if not at or not local or "@" in local or any(character.isspace() for character in local):
        return None
    if not domain.isascii():
        try:
            domain = idna.encode(domain, uts46=True).decode()
        except (idna.IDNAError, UnicodeError):
            return None
    return f"{local}@{domain}" if _ASCII_EMAIL.fullmatch(f"a@{domain}") else None


@lru_cache(maxsize=16_384)
def phone(text: str, country: str | None = None) -> str | None:
    """Return the number in E.164, or None where no number of that length can exist.

    `country` is the region of numbers without a country code; None leaves only international spellings.
    """
    spelling = text.strip()
    number = _number(spelling, region_of(country))
    # "00" is how most of the world writes "+", also where the local exit code is another one.
    return number if number or not spelling.startswith("00") else _number(f"+{spelling[2:]}", None)


def _number(text: str, region: str | None) -> str | None:
    try:
        number = phonenumbers.parse(text, region)
    except phonenumbers.NumberParseException:
        return None
    # "Possible" goes by length: numbering plans grow faster than releases of the library.
    if phonenumbers.is_possible_number_with_reason(number) != phonenumbers.ValidationResult.IS_POSSIBLE:
        return None
    written: str = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    return written


def region_of(country: Any) -> str | None:
    """Return the ISO 3166 code that `country` is, in upper case; None for what is none (`France`, `Mars`)."""
    if not isinstance(country, str):
        return None
    code = country.strip().upper()
    code = "GB" if code == "UK" else code
    return code if code in phonenumbers.SUPPORTED_REGIONS else None


def fold_provider(address: str) -> str:
    """Return a normal-form address with its provider's aliases folded: `j.doe+shop@gmail.com` is `jdoe@gmail.com`.

    Off by default everywhere: whether two spellings are one person is the operator's policy, and acts in the identity
    fold only.
    """
    local, _, domain = address.rpartition("@")
    local = local.partition("+")[0] or local
    if domain in _GMAIL:
        local, domain = local.replace(".", "") or local, "gmail.com"
    return f"{local}@{domain}"
