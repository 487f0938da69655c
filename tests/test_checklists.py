"""Every line of the owner's two checklists has its test, in this folder.

A: test_checklist_contacts.py and, from A13, test_checklist_watching.py; A3 in
test_start.py with real processes.
B: test_checklist_uploads.py; B9 stands in test_browser.py as well.
Here: what concerns the whole, A15.
"""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.core.management import call_command
from django.db import connection

from config.verify.schema import OUR_APPS, our_models
from tests.checklists import sql

LINES = [f"a{line}" for line in range(1, 22)] + [f"b{line}" for line in range(1, 14)]


@pytest.fixture
def come_back() -> Iterator[None]:
    yield
    call_command("migrate", verbosity=0)


def test_every_line_of_both_checklists_has_a_test_that_names_it() -> None:
    source = "".join(
        path.read_text() for path in Path(__file__).parent.glob("test_*.py")
    )

    named = set(re.findall(r"^def test_([ab]\d+)_", source, re.MULTILINE))

    assert named == set(LINES)


@pytest.mark.django_db(transaction=True)
def test_a15_every_app_goes_back_to_nothing_and_forward_again(come_back: None) -> None:
    tables = {model._meta.db_table for model in our_models()}

    for app in reversed(OUR_APPS):
        call_command("migrate", app, "zero", verbosity=0)
    assert not tables & set(connection.introspection.table_names())

    call_command("migrate", verbosity=0)
    assert tables <= set(connection.introspection.table_names())
    assert sql("SELECT id, name FROM tenants") == [(1, "Default Tenant")]
