"""Every address there is, asked by everybody with what has broken pages elsewhere.

A new page is asked without being listed: the resolver knows it, and its parameters are
found in its source. A seeded part of the poisons is used; `most=None` uses all.
"""

import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from config.tests import walk
from config.tests.addresses import every_address
from config.tests.world import World, make_world

pytestmark = pytest.mark.django_db


@pytest.fixture
def world(kept_files: Path) -> Iterator[World]:
    made = make_world()
    yield made
    assert not made.failures, f"{len(made.failures)}:\n" + "\n".join(made.failures)


@pytest.fixture
def dice() -> random.Random:
    return random.Random(12)


def test_addresses_are_found() -> None:
    routes = {address.route for address in every_address()}

    assert {
        "admin/login/",
        "admin/contacts/contact/<path:object_id>/change/",
        "admin/uploads/fileupload/<int:upload_id>/compare/",
        "admin/uploads/fileupload/template.<str:kind>",
        "api/v1/customers/<uuid:customer_id>/",
        "webhooks/whatsapp/",
        "message-media/<int:media_id>/",
    } <= routes


def test_parameters_are_found_in_the_source_of_pages() -> None:
    taken = {address.route: address.parameters for address in every_address()}

    assert taken["api/v1/contacts/"] >= {"phone", "updated_since", "cursor", "limit"}
    assert taken["api/v1/customers/"] >= {"phone", "loan_number", "upload"}
    assert taken["admin/customers/customer/phone/"] >= {"number", "after", "tenant"}
    assert taken["admin/uploads/fileupload/add/"] >= {"parent"}
    assert taken["admin/contacts/contact/<int:contact_id>/merge/"] >= {"with", "q"}
    assert taken["admin/uploads/fileupload/<int:upload_id>/compare/"] >= {
        "with",
        "outcome",
        "from",
    }


def test_every_address_answers_everybody_whatever_the_method(
    world: World, dice: random.Random
) -> None:
    walk.ask_by_everybody(world, dice)


def test_no_part_of_a_path_breaks_a_page(world: World, dice: random.Random) -> None:
    walk.ask_paths(world, dice, most=12)


def test_no_parameter_breaks_a_page(world: World, dice: random.Random) -> None:
    walk.ask_parameters(world, dice, most=1)


def test_nothing_sent_in_a_form_breaks_a_page(
    world: World, dice: random.Random
) -> None:
    walk.send_forms(world, dice, most=1)


def test_no_header_breaks_a_page(world: World, dice: random.Random) -> None:
    walk.send_headers(world, dice, most=4)


def test_nothing_sent_to_the_api_breaks_it(world: World, dice: random.Random) -> None:
    walk.send_bodies(world, dice, most=4)


def test_no_row_breaks_a_page(world: World, dice: random.Random) -> None:
    walk.show_rows(world, dice, most=1)


@pytest.mark.faults
def test_nothing_at_all_breaks_a_page(world: World, dice: random.Random) -> None:
    walk.ask_paths(world, dice, most=None)
    walk.ask_parameters(world, dice, most=None)
    walk.send_forms(world, dice, most=None)
    walk.send_headers(world, dice, most=None)
    walk.send_bodies(world, dice, most=None)
    walk.show_rows(world, dice, most=None)
