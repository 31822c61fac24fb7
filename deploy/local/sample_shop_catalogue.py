"""What the sample shop sells."""

from dataclasses import dataclass
from typing import Any

Line = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Product:
    """One product; `cents` is the price of one piece."""

    id: str
    name: str
    category: str
    brand: str
    cents: int

    def line(self, quantity: int = 1) -> Line:
        """Return the product as Segment's e-commerce events list it."""
        return {
            "product_id": self.id,
            "name": self.name,
            "category": self.category,
            "brand": self.brand,
            "price": amount(self.cents),
            "quantity": quantity,
        }


def amount(cents: int) -> str:
    """Return an amount as decimal text."""
    return f"{cents // 100}.{cents % 100:02d}"


def cents_of(lines: list[Line]) -> int:
    """Return what order lines cost together."""
    return sum(int(line["price"].replace(".", "")) * int(line["quantity"]) for line in lines)


PRODUCTS: tuple[Product, ...] = (
    Product("sh-101", "Trail Runner", "shoes", "Alpina", 11990),
    Product("sh-102", "City Sneaker", "shoes", "Norda", 8950),
    Product("sh-103", "Rain Boot", "shoes", "Norda", 6490),
    Product("sh-104", "Leather Loafer", "shoes", "Carrel", 13900),
    Product("ja-201", "Down Jacket", "jackets", "Alpina", 24900),
    Product("ja-202", "Wind Shell", "jackets", "Alpina", 12900),
    Product("ja-203", "Wool Coat", "jackets", "Carrel", 29900),
    Product("ba-301", "Day Pack 20 L", "bags", "Norda", 7990),
    Product("ba-302", "Weekender", "bags", "Carrel", 15900),
    Product("ac-401", "Merino Socks", "accessories", "Alpina", 1690),
    Product("ac-402", "Cotton Cap", "accessories", "Norda", 2490),
    Product("ac-403", "Leather Belt", "accessories", "Carrel", 4590),
)
