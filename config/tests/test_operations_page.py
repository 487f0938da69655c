"""docs/operations.md speaks of what there is, and of all of it."""

import re

import pytest
from django.conf import settings
from django.core.management import get_commands
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from config.verify import CHECKS
from config.verify.schema import OUR_APPS

OUR_COMMANDS = sorted(name for name, app in get_commands().items() if app in OUR_APPS)


def read(name: str) -> str:
    return (settings.BASE_DIR / name).read_text()


def test_every_check_has_its_section_in_the_order_of_verify() -> None:
    page = read("docs/operations.md")

    assert re.findall(r"^### `(.+)`$", page, re.MULTILINE) == list(CHECKS)


@pytest.mark.parametrize("command", OUR_COMMANDS)
def test_every_command_is_explained(command: str) -> None:
    assert f"manage.py {command}" in read("docs/operations.md")


def test_the_readme_lists_every_command() -> None:
    section = read("README.md").partition("## Commands")[2].partition("## ")[0]

    assert sorted(re.findall(r"^\| `(\w+)", section, re.MULTILINE)) == OUR_COMMANDS


def test_the_links_within_the_page_lead_somewhere() -> None:
    page = read("docs/operations.md")
    headings = re.findall(r"^#+ (.+)$", page, re.MULTILINE)
    anchors = {
        re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
        for heading in headings
    }

    assert set(re.findall(r"\]\(#([^)]+)\)", page)) <= anchors


@pytest.mark.django_db
def test_the_way_back_is_named_for_the_newest_migration_of_each_app() -> None:
    graph = MigrationExecutor(connection).loader.graph
    named = re.findall(
        r"`migrate (\w+) (\d{4})`", read("docs/operations.md"), re.MULTILINE
    )

    there = {(app, name[:4]) for app, name in graph.nodes}
    assert set(named) <= there
    newest = [node for node in graph.leaf_nodes() if node[0] in OUR_APPS]
    assert {(app, f"{int(name[:4]) - 1:04}") for app, name in newest} <= set(named)
