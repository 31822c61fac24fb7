"""A few people whose stories show what identity resolution has to get right; pure functions of the base time."""

from deploy.local.sample_shop_catalogue import PRODUCTS
from deploy.local.sample_shop_diary import DAY, HOUR, MINUTE, WEB, Diary, Sample
from schemas.times import to_iso

TRAIL, SNEAKER, _, _, DOWN, SHELL, COAT, PACK, WEEKENDER, SOCKS, CAP, BELT = PRODUCTS
# Whose profile the demo shows.
HEROINE = "email:marie.laurent@shop.example"


def stories(base: int) -> list[Sample]:
    """Return everything that the people of this module did in the month before `base` (milliseconds since 1970)."""
    told = (marie(base), tablet(base), two_accounts(base), guest(base), changed_mind(base), junk(base))
    return [sample for story in told for sample in story]


def marie(base: int) -> list[Sample]:
    """One person on two devices, in the help desk and on Instagram, with a refund and a full cart."""
    her = Diary("marie", "cookie-marie-phone")
    her.context = {
        "campaign": {"name": "spring", "source": "google", "medium": "cpc"},
        "page": {"referrer": "https://www.google.com/", "url": "https://shop.example/"},
    }
    at = base - 30 * DAY
    her.page(at, "Home")
    her.listing(at + MINUTE, "jackets")
    her.view(at + 2 * MINUTE, DOWN)
    her.context = {}
    her.anonymous_id = "cookie-marie-laptop"
    at = base - 28 * DAY
    her.page(at, "Home")
    her.view(at + MINUTE, DOWN)
    her.add(at + 3 * MINUTE, DOWN)
    traits = {"email": "Marie.Laurent@shop.example", "first_name": "Marie", "last_name": "Laurent", "country": "FR"}
    her.context = {"consent": {"categoryPreferences": {"email_marketing": True, "sms": False}}}
    her.login(at + 5 * MINUTE, "u-marie", traits)
    her.context = {}
    lines = [DOWN.line(), SOCKS.line(2)]
    her.checkout(at + 6 * MINUTE, lines)
    her.order(at + 8 * MINUTE, "S-1001", lines)
    her.progress(base - 26 * DAY, "S-1001", "delivered")
    her.refund(base - 24 * DAY, "S-1001", [SOCKS.line(1)])
    her.chat(base - 25 * DAY, "ic-77", instagram="marie.runs")
    her.chat(base - 25 * DAY + 4 * MINUTE, "ic-77", sent=False)
    her.social(base - 20 * DAY, "Post Commented", instagram="marie.runs")
    her.anonymous_id = "cookie-marie-phone"
    at = base - 9 * DAY
    her.login(at, "u-marie", {**traits, "phone": "+33612345678"})
    her.view(at + MINUTE, TRAIL)
    her.order(at + 7 * MINUTE, "S-1002", [TRAIL.line()])
    at = base - 5 * HOUR
    her.page(at, "Home")
    her.view(at + MINUTE, WEEKENDER)
    her.add(at + 2 * MINUTE, WEEKENDER)
    return her.samples


def tablet(base: int) -> list[Sample]:
    """Two people on one tablet, who never log out: what each did after logging in is theirs, and they stay two."""
    it = Diary("tablet", "cookie-family-tablet")
    at = base - 12 * DAY
    it.page(at, "Home")
    it.login(at + MINUTE, "u-paul", {"email": "paul.morel@shop.example", "first_name": "Paul", "country": "FR"})
    it.view(at + 2 * MINUTE, PACK)
    it.order(at + 6 * MINUTE, "S-1101", [PACK.line()])
    at = base - 11 * DAY
    it.user_id = None
    it.page(at, "Home")
    it.login(at + MINUTE, "u-ines", {"email": "ines.morel@shop.example", "first_name": "Ines", "country": "FR"})
    it.view(at + 2 * MINUTE, COAT)
    it.order(at + 9 * MINUTE, "S-1102", [COAT.line()])
    it.user_id = None
    it.page(base - 10 * DAY, "Home")
    return it.samples


def two_accounts(base: int) -> list[Sample]:
    """One e-mail address on two accounts: they are not made one, and the reason is kept."""
    old, new = Diary("sofia-old", "cookie-sofia-1"), Diary("sofia-new", "cookie-sofia-2")
    traits = {"email": "sofia.rossi@shop.example", "first_name": "Sofia", "country": "IT"}
    old.login(base - 22 * DAY, "u-sofia-2019", traits)
    old.order(base - 22 * DAY + HOUR, "S-1201", [SNEAKER.line()])
    new.login(base - 6 * DAY, "u-sofia-2026", traits)
    new.order(base - 6 * DAY + HOUR, "S-1202", [CAP.line(2)])
    return [*old.samples, *new.samples]


def guest(base: int) -> list[Sample]:
    """A guest's order that becomes an account's, once the account names the same e-mail."""
    she = Diary("guest", "cookie-kim")
    she.email = "kim.dubois@shop.example"
    she.order(base - 15 * DAY, "S-1301", [BELT.line(), SOCKS.line()])
    she.page(base - 14 * DAY, "Home")
    she.login(base - 14 * DAY + MINUTE, "u-kim", {"email": she.email, "first_name": "Kim", "country": "BE"})
    return she.samples


def changed_mind(base: int) -> list[Sample]:
    """An order that is cancelled, and one that is given back in whole."""
    he = Diary("tom", "cookie-tom")
    he.login(base - 18 * DAY, "u-tom", {"email": "tom.weber@shop.example", "first_name": "Tom", "country": "DE"})
    he.order(base - 18 * DAY + HOUR, "S-1401", [WEEKENDER.line()])
    he.cancel(base - 18 * DAY + 3 * HOUR, "S-1401")
    he.order(base - 17 * DAY, "S-1402", [SHELL.line()])
    he.refund(base - 13 * DAY, "S-1402", [SHELL.line()])
    return he.samples


def junk(base: int) -> list[Sample]:
    """Two messages that name nobody, as broken pages send them: they become dead letters and cost nothing else."""
    at = base - 2 * DAY
    bad = {"type": "track", "event": "Product Viewed", "timestamp": to_iso(at)}
    return [
        Sample(at, WEB, {**bad, "messageId": "junk-000", "userId": "undefined"}),
        Sample(at, WEB, {**bad, "messageId": "junk-001", "anonymousId": "null", "userId": ""}),
    ]
