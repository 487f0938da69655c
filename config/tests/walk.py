"""Asking every address: with what, by whom, and how often."""

import random
from typing import Any

from django.core.files.uploadedfile import SimpleUploadedFile

from config.tests import poison
from config.tests.addresses import Address, every_address
from config.tests.world import World

_METHODS = ["put", "patch", "delete", "options", "trace"]
Dice = random.Random


def some(dice: Dice, values: list[Any], most: int | None) -> list[Any]:
    return values if most is None else dice.sample(values, min(most, len(values)))


def reader_of(address: Address) -> str:
    return "program" if address.route.startswith("api/") else "owner"


def ask_by_everybody(world: World, dice: Dice) -> None:
    for address in every_address():
        first, *others = [address.path(**row) for row in world.rows_at(address)]
        for who in world.clients:
            world.ask(who, "get", first)
        for who in dice.sample(list(world.clients), 2):
            world.ask(who, "post", first)
        for method in ("head", dice.choice(_METHODS)):
            world.ask(reader_of(address), method, first)
        for path in others:
            world.ask(reader_of(address), "get", path)


def ask_paths(world: World, dice: Dice, *, most: int | None) -> None:
    for address in every_address():
        row = world.rows_at(address)[0]
        for name in address.arguments:
            for value in some(dice, poison.PATH, most):
                path = address.path(**{**row, name: value})
                world.ask(reader_of(address), "get", path)
            for value in some(dice, poison.PATH, most and 1):
                path = address.path(**{**row, name: value})
                world.ask("clerk", "post", path)


def ask_parameters(world: World, dice: Dice, *, most: int | None) -> None:
    for address in every_address():
        path = address.path(**world.rows_at(address)[0])
        for name in parameters_of(address, world):
            values = poison.cursors() if name == "cursor" else poison.QUERY
            for value in some(dice, values, most):
                world.ask(reader_of(address), "get", f"{path}?{name}={value}")
        for value in some(dice, poison.QUERY, most):
            query = "&".join(f"{name}={value}" for name in address.other_parameters)
            world.ask(reader_of(address), "get", f"{path}?{query}")
            world.ask("clerk", "get", f"{path}?{value}={value}")


def parameters_of(address: Address, world: World) -> list[str]:
    found = set(address.parameters)
    if address.name.endswith("_changelist"):
        shown = world.ask("owner", "get", address.path())
        for offer in shown.context["cl"].filter_specs:
            found |= set(offer.expected_parameters())
        found |= set(getattr(address.model_admin, "link_filters", ()))
    return sorted(found)


def send_forms(world: World, dice: Dice, *, most: int | None) -> None:
    for address in every_address():
        path = address.path(**world.rows_at(address)[0])
        names = sorted(address.parameters)
        if address.name.endswith("_changelist"):
            send_actions(world, address, dice, most=most)
        elif address.route.startswith("admin/"):
            fields = form_of(world, path)
            for name in some(dice, list(fields), most and 3):
                for value in some(dice, poison.FORM, most and 1):
                    world.ask("owner", "post", path, {**fields, name: value})
            names += fields
        for value in some(dice, poison.FORM, most):
            world.ask("owner", "post", path, dict.fromkeys(names, value))
            world.ask("clerk", "post", path, dict.fromkeys(names, value))


def form_of(world: World, path: str) -> dict[str, str]:
    """Return what the forms of a page would send as they stand."""
    answer = world.ask("owner", "get", path)
    context = getattr(answer, "context", None) or {}
    forms: list[Any] = []
    if "adminform" in context:
        forms.append(context["adminform"].form)
    for name in ("form", "review_form"):
        if name in context:
            forms.append(context[name])
    for inline in context.get("inline_admin_formsets", []):
        forms += [inline.formset.management_form, *inline.formset.forms]
        forms.append(inline.formset.empty_form)
    found = {}
    for form in forms:
        for field in getattr(form, "fields", ()):
            value = form[field].value()
            if value is None:
                value = ""
            found[form.add_prefix(field)] = (
                SimpleUploadedFile("a.csv", b"Name,Mobile\n")
                if field == "file"
                else str(value)
            )
    return found


def send_actions(
    world: World, address: Address, dice: Dice, *, most: int | None
) -> None:
    actions = [*world.actions_of(address), "unknown", "\0"]
    row = address.model_admin.model._base_manager.latest("pk")
    for action in actions:
        for value in some(dice, poison.FORM, most):
            for sent in (
                {"_selected_action": value, "index": "0"},
                {"_selected_action": [row.pk, value], "post": "yes"},
                {"_selected_action": row.pk, "index": value},
                {"_selected_action": row.pk, "select_across": value, "index": "0"},
            ):
                sent = {"action": action, **sent}
                world.ask("owner", "post", address.path(), sent)
        world.ask("clerk", "post", address.path(), {"_selected_action": "\0"})


_VALUES = [
    "", "\0", "\xff\xfe", "नाम", "9" * 5000, "x" * 50_000, "%00", "=", ";=;",
    "a=b; a=c",
    '"', "\\", "null", "[]", "Bearer", "Bearer ", "Bearer \0", "Bearer a.b.c",
    "Bearer ....", "Bearer eyJhbGciOiJub25lIn0.e30.", "Basic Og==", "bytes=-",
    "bytes=5-1",
    f"bytes={'9' * 5000}-", "bytes=0-0,2-3", "bytes=-0", "-1", "1e400", "NaN",
    "*/*;q=NaN", "text/html;q=" + "9" * 5000, "en-" + "x" * 600, "en;q=0." + "0" * 600,
    "gzip;q=\xff", "Wed, 99 Foo 99999 99:99:99 GMT", "Sat, 01 Jan 0000 00:00:00 GMT",
    "multipart/form-data", "multipart/form-data; boundary=", "application/json",
    "multipart/form-data; boundary=" + "x" * 5000,
]  # fmt: skip
_HEADERS = [
    "Authorization", "Accept", "Accept-Language", "Accept-Encoding", "Range",
    "If-Range",
    "If-Modified-Since", "If-None-Match", "If-Match", "Referer", "Origin", "User-Agent",
    "X-Requested-With", "X-CSRFToken", "X-Forwarded-For", "X-Forwarded-Proto",
    "X-Hub-Signature-256", "Content-Type", "Content-Length", "Host", "X-Request-Id",
]  # fmt: skip
_COOKIES = ["sessionid", "csrftoken", "messages", "django_language", "x"]
_PATHS = [
    "/", "/admin/", "/admin/login/", "/admin/contacts/contact/", "/api/v1/contacts/",
    "/api/v1/schema/", "/webhooks/whatsapp/", "/nowhere/", "/healthz",
]  # fmt: skip


def send_headers(world: World, dice: Dice, *, most: int | None) -> None:
    media = [a for a in every_address() if "message-media/" in a.route]
    paths = [*_PATHS, *(a.path(**row) for a in media for row in world.rows_at(a))]
    for path in paths:
        for header in _HEADERS:
            for value in some(dice, _VALUES, most and 2):
                if header == "Content-Length" and not value.isascii():
                    continue  # a server refuses it
                for who, method in (("owner", "get"), ("anonymous", "post")):
                    world.ask(who, method, path, headers={header: value})
        for cookie in _COOKIES if path in ("/admin/", "/admin/login/") else ():
            for value in some(dice, _VALUES, most):
                world.ask_with_cookie("owner", path, cookie, value)
                world.ask_with_cookie("anonymous", path, cookie, value)


_BODIES: list[tuple[str, bytes]] = [
    ("application/json", body)
    for body in (
        b"", b"null", b"[]", b'"a"', b"1", b"NaN", b"1e999", b"9" * 5000, b"{", b"\xff",
        b'{"parent": 1e999}', b'{"parent": NaN}', b'{"file": "\\ud800\\u0000"}',
        b"[" * 100_000, b'{"a":' * 50_000, b"\x00", b"\xef\xbb\xbf{}",
    )
] + [
    ("text/plain", b"x"), ("", b"x"), ("application/xml", b"<x/>"),
    ("application/x-www-form-urlencoded", b"parent=%00&file=x"),
    ("application/x-www-form-urlencoded", b"&" * 5000 + b"a=1&" * 2000),
    ("multipart/form-data", b"x"), ("multipart/form-data; boundary=x", b"--x"),
]  # fmt: skip


def part(disposition: str, content: str) -> tuple[str, bytes]:
    text = f"--x\r\nContent-Disposition: form-data; {disposition}\r\n\r\n{content}\r\n"
    return "multipart/form-data; boundary=x", f"{text}--x--\r\n".encode()


_BODIES += [
    part(disposition, "Name,Mobile\nAsha,9876543210\n")
    for disposition in (
        'name="file"', 'name="file"; filename=""', 'name="file"; filename="\0.csv"',
        "name=\"file\"; filename*=bogus''%41.csv",
        'name="file"; filename="a/../\u202e"',
        "name=\"file\"; filename*=unicode_escape''%5Cud800.csv",
        f'name="file"; filename="{"x" * 9000}.csv"', 'name="\0"', "name", "",
    )
]  # fmt: skip
_BODIES += [part('name="parent"', value) for value in poison.FORM]


def send_bodies(world: World, dice: Dice, *, most: int | None) -> None:
    for address in every_address():
        path = address.path(**world.rows_at(address)[0])
        if address.route.startswith("admin/") and most:
            continue  # they read forms, which `send_forms` sends
        bodies = _BODIES if address.name == "api-uploads" else some(dice, _BODIES, most)
        for content_type, body in bodies:
            for method in ("post", "put"):
                who = reader_of(address)
                world.ask(who, method, path, body, content_type=content_type)


def show_rows(world: World, dice: Dice, *, most: int | None) -> None:
    """Fill each column of a row with the most that it takes, and look at all pages.

    All columns at once, and each by itself when `most` is None.
    """
    for row in world.rows.values():
        fields = poison.possible_values(row)
        for turn in range(most or 8):
            for name, values in fields.items():
                poison.put(row, {name: values[turn % len(values)]})
            row.refresh_from_db()
            look_at(world, row)


def look_at(world: World, row: Any) -> None:
    for address in every_address():
        page = address.model_admin
        is_about = page is not None and page.model is type(row)
        if is_about or address.name in ("index", "verify"):
            values = dict.fromkeys(address.arguments, row.pk)
            if "kind" not in values:
                world.ask("owner", "get", address.path(**values))
                world.ask("clerk", "get", address.path(**values))
    for address in every_address():
        if address.route.startswith("api/"):
            for values in world.rows_at(address):
                world.ask("program", "get", address.path(**values))
