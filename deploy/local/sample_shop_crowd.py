"""The sample shop's other customers: some hundred people with plausible habits, drawn from a seed.

Pure and reproducible on every Python: of the random generator only `random()` is used, whose sequence is guaranteed.
"""

from collections.abc import Sequence
from random import Random
from typing import TypeVar

from deploy.local.sample_shop_catalogue import PRODUCTS, Line, Product
from deploy.local.sample_shop_diary import DAY, HOUR, MINUTE, SECOND, Diary, Sample

PEOPLE = 240
DAYS = 45
_FIRST = (
    "Anna",
    "Ben",
    "Clara",
    "David",
    "Emma",
    "Felix",
    "Greta",
    "Hugo",
    "Ida",
    "Jan",
    "Klara",
    "Leo",
    "Mia",
    "Noah",
)
_LAST = ("Bauer", "Claes", "Durand", "Evans", "Fischer", "Garnier", "Hansen", "Janssens", "Keller", "Lefevre", "Moreau")
_COUNTRIES = (("FR", "EUR"), ("FR", "EUR"), ("DE", "EUR"), ("BE", "EUR"), ("GB", "GBP"))
_CAMPAIGNS = (
    {"name": "spring", "source": "google", "medium": "cpc"},
    {"name": "newsletter-12", "source": "newsletter", "medium": "email"},
    {"name": "influencers", "source": "instagram", "medium": "social"},
    None,
    None,
)
_AFTERWARDS = ("fulfilled", "delivered", "delivered", "delivered")
Item = TypeVar("Item")


def crowd(base: int, people: int = PEOPLE, seed: int = 1) -> list[Sample]:
    """Return what `people` customers did in the weeks before `base` (milliseconds since 1970)."""
    return [sample for number in range(people) for sample in _Customer(number, Random(f"{seed}/{number}")).live(base)]


class _Customer:
    def __init__(self, number: int, random: Random) -> None:
        self._random = random
        self._number = number
        self._first, self._last = self._pick(_FIRST), self._pick(_LAST)
        self._country, currency = self._pick(_COUNTRIES)
        self._diary = Diary(f"c{number:03d}", f"cookie-c{number:03d}-0")
        self._diary.currency = currency
        # Half of the visitors never say who they are; the others do on one of their visits.
        self._joins_at = 1 + int(random.random() * 3) if random.random() < 0.55 else None
        self._visits = 1 + int(random.random() ** 2 * 10)
        self._orders = 0

    def live(self, base: int) -> list[Sample]:
        days = sorted(self._random.random() * DAYS for _ in range(self._visits))
        for number, day in enumerate(reversed(days)):
            self._visit(number, base - HOUR - int(day * DAY), base)
        return [sample for sample in self._diary.samples if sample.at <= base]

    def _visit(self, number: int, at: int, base: int) -> None:
        diary = self._diary
        if number and self._random.random() < 0.25:
            diary.anonymous_id = f"cookie-{diary.name}-{number}"
            diary.user_id = None
        campaign = self._pick(_CAMPAIGNS)
        diary.context = {"campaign": campaign} if campaign else {}
        diary.page(at, "Home")
        diary.context = {}
        if self._joins_at is not None and number >= self._joins_at - 1:
            at = self._after(at, MINUTE)
            self._log_in(at)
        cart: list[Line] = []
        for _ in range(1 + int(self._random.random() * 5)):
            at = self._after(at, 2 * MINUTE)
            product = self._look(at)
            if self._random.random() < 0.3:
                at = self._after(at, MINUTE)
                quantity = 2 if product.cents < 3000 else 1
                diary.add(at, product, quantity)
                cart.append(product.line(quantity))
        if cart and diary.user_id is not None and self._random.random() < 0.6:
            self._buy(self._after(at, 5 * MINUTE), cart, base)
        elif self._random.random() < 0.06:
            self._ask(self._after(at, 10 * MINUTE))

    def _look(self, at: int) -> Product:
        product = self._pick(PRODUCTS)
        if self._random.random() < 0.4:
            self._diary.listing(at - 20 * SECOND, product.category)
        self._diary.view(at, product)
        return product

    def _log_in(self, at: int) -> None:
        traits = {
            "email": f"{self._first}.{self._last}.{self._number}@mail.example".lower(),
            "first_name": self._first,
            "last_name": self._last,
            "country": self._country,
        }
        if self._random.random() < 0.5:
            granted = self._random.random() < 0.7
            self._diary.context = {"consent": {"categoryPreferences": {"email_marketing": granted}}}
        self._diary.login(at, f"u-{self._number:03d}", traits)
        self._diary.context = {}

    def _buy(self, at: int, cart: list[Line], base: int) -> None:
        diary = self._diary
        diary.checkout(at, cart)
        self._orders += 1
        order_id = f"S-{2000 + self._number}-{self._orders}"
        diary.order(self._after(at, 4 * MINUTE), order_id, cart)
        luck = self._random.random()
        if luck < 0.05:
            diary.cancel(self._after(at, 6 * HOUR), order_id)
            return
        later = self._after(at + DAY, 3 * DAY)
        if later < base:
            diary.progress(later, order_id, self._pick(_AFTERWARDS))
        if luck < 0.15:
            diary.refund(self._after(later, 5 * DAY), order_id, cart[:1])

    def _ask(self, at: int) -> None:
        handle = f"{self._first}{self._number}".lower() if self._random.random() < 0.5 else None
        contact = f"ic-{1000 + self._number}"
        self._diary.chat(at, contact, instagram=handle)
        self._diary.chat(at + 3 * MINUTE, contact, sent=False)
        if handle is not None:
            self._diary.social(self._after(at, 2 * DAY), self._pick(("Post Commented", "Account Followed")), handle)

    def _pick(self, items: Sequence[Item]) -> Item:
        return items[int(self._random.random() * len(items))]

    def _after(self, at: int, about: int) -> int:
        """Return a time after `at`, `about` later on average, in whole seconds."""
        return at + SECOND + int(self._random.random() * 2 * about / SECOND) * SECOND
