"""Parameters of the API's lists: none is left aside because it is not understood."""

import re
from typing import Any

import pytest
from django.test import Client

from config.tests.api_rows import LISTS, at
from tenants.models import Tenant
from tenants.tests.factories import TenantFactory
from tenants.tests.programs import program_of

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("kept_files")]

OF_A_ROW = ["contacts/{}/messages/", "uploads/{}/issues/"]
FILTERS = {
    "contacts/": ["phone", "updated_since"],
    "customers/": ["phone", "loan_number", "upload"],
    "uploads/": [],
    "contacts/{}/messages/": ["updated_since"],
    "uploads/{}/issues/": [],
}
PAGE = ["cursor", "limit"]


def address_of(path: str, tenant: Tenant) -> str:
    if path in LISTS:
        LISTS[path](tenant)
        return at(path)
    return at(path, LISTS[f"{path.split('/')[0]}/"](tenant).pk)


@pytest.mark.parametrize("path", [*LISTS, *OF_A_ROW])
@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("fone=9876543210", "fone: no parameter of this address."),
        ("Phone=9876543210", "Phone: no parameter of this address."),
        ("phone%20=9876543210", "phone : no parameter of this address."),
        ("page=2", "page: no parameter of this address."),
        ("page_size=1000000000", "page_size: no parameter"),
        ("offset=0", "offset: no parameter of this address."),
        ("format=json", "format: no parameter of this address."),
        ("=1", "(no name): no parameter of this address."),
        ("%00=1", "\ufffd: no parameter of this address."),
        ("x" * 500 + "=1", "x" * 40 + "…: no parameter"),
    ],
)
def test_a_parameter_that_is_none_is_refused_by_its_name(
    path: str, query: str, names: str
) -> None:
    tenant = TenantFactory.create()
    address = address_of(path, tenant)

    answer = program_of(tenant).get(f"{address}?{query}")

    assert answer.status_code == 400
    assert answer.json()["detail"].startswith(names)


@pytest.mark.parametrize(
    ("path", "name"),
    [(path, name) for path in FILTERS for name in FILTERS[path] + PAGE],
)
def test_an_empty_or_repeated_parameter_is_refused(path: str, name: str) -> None:
    tenant = TenantFactory.create()
    program, address = program_of(tenant), address_of(path, tenant)

    def refused(query: str) -> str:
        answer = program.get(f"{address}?{query}")
        assert answer.status_code == 400, (query, answer.content)
        return str(answer.json()["detail"])

    for nothing in (name, f"{name}=", f"{name}=%20", f"{name}=%09%0a", f"{name}=+"):
        assert refused(nothing) == f"{name}: is empty. Fill it in, or leave it out."
    for twice in (f"{name}=1&{name}=2", f"{name}=1&{name}=1", f"{name}=&{name}=1"):
        assert refused(twice) == f"{name}: given 2 times; once is possible."


def test_a_misspelt_parameter_is_told_what_it_may_have_meant() -> None:
    answer = program_of(TenantFactory.create()).get(at("contacts/"), {"fone": "1"})

    assert answer.json()["detail"] == (
        "fone: no parameter of this address. Did you mean phone? "
        "Possible: phone, updated_since, cursor, limit."
    )


def test_a_parameter_of_a_body_in_the_address_is_refused() -> None:
    answer = program_of(TenantFactory.create()).post(f"{at('uploads/')}?parent=5", {})

    assert answer.status_code == 400
    assert answer.json()["detail"] == (
        "parent: no parameter of this address. Possible: none."
    )


def test_a_stranger_learns_nothing_from_a_bad_parameter(client: Client) -> None:
    assert client.get(f"{at('contacts/')}?fone=1").status_code == 401


def test_the_description_names_the_parameters_that_are_taken(client: Client) -> None:
    """What is described and what is taken are the same, at every list."""
    paths: dict[str, Any] = client.get(at("schema/")).json()["paths"]

    described = {
        re.sub(r"\{\w+\}", "{}", path.removeprefix("/api/v1/")): sorted(
            one["name"] for one in methods["get"]["parameters"] if one["in"] == "query"
        )
        for path, methods in paths.items()
        if "cursor" in str(methods.get("get", {}).get("parameters"))
    }

    assert described == {
        path: sorted([*filters, *PAGE]) for path, filters in FILTERS.items()
    }
