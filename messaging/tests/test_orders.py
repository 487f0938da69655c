"""Orders and product enquiries, as the conversation shows them."""

from typing import Any

import pytest
from django.urls import reverse

from contacts.models import Contact
from messaging.orders import MOST_LINES, order_of, product_asked_about
from messaging.tests.bodies import message, message_body
from messaging.tests.pages import MARKUP
from messaging.tests.posting import deliver

TEA: dict[str, Any] = {
    "product_retailer_id": "ASSAM-250",
    "quantity": 2,
    "item_price": 125000,
    "currency": "INR",
}
CUP = {
    "product_retailer_id": "CUP", "quantity": 1, "item_price": 7.99, "currency": "INR",
}  # fmt: skip


def ordered(*items: Any) -> dict[str, Any]:
    return {"order": {"catalog_id": "1", "product_items": list(items)}}


@pytest.mark.parametrize(
    ("items", "lines", "total"),
    [
        ([TEA], ["2 × ASSAM-250, ₹1,25,000 each"], "₹2,50,000"),
        (
            [TEA, CUP],
            ["2 × ASSAM-250, ₹1,25,000 each", "1 × CUP, ₹7.99 each"],
            "₹2,50,007.99",
        ),
        (
            [TEA | {"currency": "USD", "item_price": 1234567.5}],
            ["2 × ASSAM-250, USD 1,234,567.50 each"],
            "USD 2,469,135.00",
        ),
        ([TEA | {"currency": None}], ["2 × ASSAM-250, 125,000.00 each"], "250,000.00"),
        ([TEA | {"item_price": "99.50"}], ["2 × ASSAM-250, ₹99.50 each"], "₹199"),
        ([TEA | {"quantity": "3"}], ["3 × ASSAM-250, ₹1,25,000 each"], "₹3,75,000"),
        ([TEA | {"quantity": 10}], ["10 × ASSAM-250, ₹1,25,000 each"], "₹12,50,000"),
        ([TEA | {"item_price": 0.005}], ["2 × ASSAM-250, ₹0.01 each"], "₹0.01"),
        # Currencies are not added up, nor is what has no price.
        (
            [TEA, CUP | {"currency": "USD"}],
            ["2 × ASSAM-250, ₹1,25,000 each", "1 × CUP, USD 7.99 each"],
            "",
        ),
        ([TEA | {"item_price": None}], ["2 × ASSAM-250, without a price"], ""),
        ([TEA | {"item_price": "free"}], ["2 × ASSAM-250, without a price"], ""),
        ([TEA | {"item_price": True}], ["2 × ASSAM-250, without a price"], ""),
        ([TEA | {"item_price": 1e300}], ["2 × ASSAM-250, without a price"], ""),
        ([TEA | {"item_price": 10**4000}], ["2 × ASSAM-250, without a price"], ""),
        ([TEA | {"item_price": {}}], ["2 × ASSAM-250, without a price"], ""),
        ([TEA | {"quantity": "many"}], ["ASSAM-250, ₹1,25,000 each"], ""),
        ([{}], ["a product without an id, without a price"], ""),
        (
            [TEA | {"product_retailer_id": "A\u202eB\n C"}],
            ["2 × AB C, ₹1,25,000 each"],
            "₹2,50,000",
        ),
    ],
)
def test_an_order_is_told_line_by_line(
    items: list[Any], lines: list[str], total: str
) -> None:
    order = order_of(ordered(*items))

    assert order is not None
    assert (list(order.lines), order.more_count, order.total) == (lines, 0, total)


def test_a_thousand_items_are_counted_and_a_few_shown() -> None:
    order = order_of(ordered(*[TEA] * 1000))

    assert order is not None
    assert (len(order.lines), order.more_count) == (MOST_LINES, 1000 - MOST_LINES)
    assert order.total == "₹25,00,00,000"


@pytest.mark.parametrize(
    "payload",
    [
        {},
        {"order": None},
        {"order": []},
        {"order": {"product_items": None}},
        {"order": {"product_items": "tea"}},
        {"order": {"product_items": {"0": TEA}}},
        {"order": {"product_items": [None, 1, "tea", [TEA]]}},
    ],
    ids=str,
)
def test_what_orders_nothing_is_no_order(payload: dict[str, Any]) -> None:
    assert order_of(payload) is None


@pytest.mark.parametrize(
    ("payload", "product"),
    [
        ({"context": {"referred_product": {"product_retailer_id": "CUP"}}}, "CUP"),
        ({"context": {"referred_product": {"product_retailer_id": 12}}}, "12"),
        ({"interactive": {"product": {"product_retailer_id": "CUP"}}}, "CUP"),
        ({"context": {"referred_product": "CUP"}}, ""),
        ({"context": None, "interactive": []}, ""),
        ({}, ""),
    ],
)
def test_the_product_asked_about_is_named(
    payload: dict[str, Any], product: str
) -> None:
    assert product_asked_about(payload) == product


@pytest.mark.django_db
def test_the_conversation_shows_what_is_ordered_and_escapes_it(client, owner, number):
    hostile = TEA | {"product_retailer_id": MARKUP, "item_price": "a lot"}
    order = ordered(TEA, hostile, *[CUP] * 999, None)["order"] | {"text": "As a gift"}
    asks = {"referred_product": {"catalog_id": "1", "product_retailer_id": "CUP-RED"}}
    deliver(
        message_body(
            message("wamid.1", type="order", text=None, order=order),
            message("wamid.2", context=asks),
        )
    )

    page = reverse("admin:contacts_contact_change", args=[Contact.objects.get().pk])
    html = client.get(page).content.decode()

    assert "2 × ASSAM-250, ₹1,25,000 each" in html
    assert "2 × &lt;script&gt;" in html
    assert MARKUP not in html
    assert "and 991 more" in html
    assert "As a gift" in html
    assert "Total" not in html
    assert "About the product <bdi>CUP-RED</bdi>" in html
