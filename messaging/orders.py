"""What a message orders or asks about, in words. Pure.

Everything here was typed by somebody's program: what cannot be read is left out.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal

from customers.rupees import rupees
from messaging.whatsapp.values import (
    JsonObject,
    id_at,
    name_of,
    object_at,
    objects_at,
    text_at,
)

MOST_LINES = 10
_PAISE = Decimal("0.01")
_CURRENCY = re.compile(r"[A-Z]{3}")
_NUMBER = re.compile(r"-?\d{1,12}(?:\.\d{1,9})?", re.ASCII)
_LARGEST = 10**12


@dataclass(frozen=True, slots=True)
class Order:
    """The lines of an order; `total` is "" when one of them cannot be counted."""

    lines: Sequence[str]
    more_count: int
    total: str


@dataclass(frozen=True, slots=True)
class _Item:
    product: str
    quantity: Decimal | None
    price: Decimal | None
    currency: str

    def __str__(self) -> str:
        what = self.product or "a product without an id"
        if self.quantity is not None:
            what = f"{self.quantity.normalize():f} × {what}"
        if self.price is None:
            return f"{what}, without a price"
        return f"{what}, {_money(self.price, self.currency)} each"


def order_of(payload: JsonObject) -> Order | None:
    """Return what an order message lists; None for a message that orders nothing."""
    items = [
        _Item(
            product=_product(item),
            quantity=_number(item.get("quantity")),
            price=_number(item.get("item_price")),
            currency=_currency(item),
        )
        for item in objects_at(object_at(payload, "order"), "product_items")
    ]
    if not items:
        return None
    return Order(
        lines=[str(item) for item in items[:MOST_LINES]],
        more_count=max(len(items) - MOST_LINES, 0),
        total=_total(items),
    )


def product_asked_about(payload: JsonObject) -> str:
    """Return the id of the product that somebody asks about, "" where it is none."""
    interactive = object_at(payload, "interactive")
    return _product(
        object_at(object_at(payload, "context"), "referred_product")
    ) or _product(object_at(interactive, "product"))


def _total(items: Sequence[_Item]) -> str:
    currencies = {item.currency for item in items}
    if len(currencies) > 1:
        return ""
    total = Decimal(0)
    for item in items:
        if item.quantity is None or item.price is None:
            return ""
        total += item.quantity * item.price
    return _money(total, currencies.pop())


def _money(amount: Decimal, currency: str) -> str:
    amount = amount.quantize(_PAISE, ROUND_HALF_UP)
    if currency == "INR":
        return rupees(amount) or ""
    return f"{currency} {amount:,.2f}".strip()


def _currency(item: JsonObject) -> str:
    code = text_at(item, "currency").strip().upper()
    return code if _CURRENCY.fullmatch(code) else ""


def _product(parent: JsonObject) -> str:
    return name_of(id_at(parent, "product_retailer_id"))


def _number(value: object) -> Decimal | None:
    if type(value) is int or type(value) is float:
        return Decimal(str(value)) if abs(value) < _LARGEST else None
    if isinstance(value, str) and _NUMBER.fullmatch(value.strip()):
        return Decimal(value.strip())
    return None
