"""Every address of the resolver, and what each is known to be asked."""

import ast
import inspect
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from django.contrib.admin import ModelAdmin
from django.urls import URLPattern, URLResolver, get_resolver

_CONVERTER = re.compile(r"<(?:(\w+):)?(\w+)>")
_GROUP = re.compile(r"\(\?P<(\w+)>[^)]*\)")
_ROOT = Path(__file__).resolve().parents[2]

# What frameworks take, by what they call the address; "" of any.
_FRAMEWORKS_TAKE = {
    "changelist": [
        "q", "p", "o", "e", "all", "_popup", "_to_field", "_facets", "id__in", "pk",
        "_changelist_filters",
    ],
    "add": ["_popup", "_to_field", "_changelist_filters", "tenant", "name"],
    "change": ["_popup", "_to_field", "_changelist_filters"],
    "history": ["p"],
    "autocomplete": ["term", "app_label", "model_name", "field_name", "page"],
    "login": ["next"],
    "": ["s", "page", "extended", "limit", "cursor", "format", "hub.mode"],
}  # fmt: skip


@dataclass(frozen=True)
class Address:
    """A pattern of the resolver: its route, and what answers there."""

    route: str
    name: str
    callback: Any

    @property
    def arguments(self) -> list[str]:
        return [name for _, name in _CONVERTER.findall(self.route)]

    def path(self, **values: object) -> str:
        """Return the path with these values, percent-encoded already."""
        return "/" + _CONVERTER.sub(lambda found: str(values[found[2]]), self.route)

    @property
    def view(self) -> Any:
        return inspect.unwrap(self.callback)

    @property
    def model_admin(self) -> Any:
        """Return the ModelAdmin whose view it is, below whatever wraps it."""
        below = self.callback
        while below is not None:
            owner = getattr(below, "__self__", None)
            if isinstance(owner, ModelAdmin):
                return owner
            below = getattr(below, "__wrapped__", None)
        return None

    @property
    def parameters(self) -> set[str]:
        """Names that its source takes out of an address or a form."""
        view = self.view
        owner = (
            getattr(view, "cls", None)
            or getattr(view, "view_class", None)
            or (type(self.model_admin) if self.model_admin else None)
        )
        modules = {getattr(view, "__module__", "")}
        pages = getattr(owner, "pagination_class", None)
        for one in (owner, pages):
            modules |= {base.__module__ for base in (one.__mro__ if one else ())}
        names = set().union(*(names_taken_by(module) for module in modules))
        return names.union(_FRAMEWORKS_TAKE.get(self.name.rpartition("_")[2], ()))

    @property
    def other_parameters(self) -> list[str]:
        """Names that frameworks may take, whatever the address."""
        return _FRAMEWORKS_TAKE[""]


def every_address() -> list[Address]:
    return list(_walk(get_resolver(), ""))


def _walk(resolver: URLResolver, before: str) -> Iterator[Address]:
    for one in resolver.url_patterns:
        pattern = _GROUP.sub(r"<str:\1>", str(one.pattern))
        route = before + pattern.strip("^$").replace(".*", "")
        if isinstance(one, URLPattern):
            yield Address(route, one.name or "", one.callback)
        else:
            yield from _walk(one, route)


@cache
def names_taken_by(module: str) -> frozenset[str]:
    """Return x of each `GET.get("x")`, `…["x"]`, `parameter("x")` in a module of ours.

    And of each `parameter_name = "x"`, which is how list filters name theirs.
    """
    file = Path(getattr(sys.modules.get(module), "__file__", None) or "/")
    if _ROOT not in file.parents or ".venv" in file.parts:
        return frozenset()
    return frozenset(_names_in(ast.parse(file.read_text())))


def _names_in(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        match node:
            case ast.Call(
                func=ast.Attribute(
                    value=ast.Attribute(attr="GET" | "POST" | "query_params"),
                    attr="get" | "getlist",
                ),
                args=[ast.Constant(value=str(name)), *_],
            ):
                yield name
            case ast.Subscript(
                value=ast.Name(id="asked") | ast.Attribute(attr="GET" | "POST"),
                slice=ast.Constant(value=str(name)),
            ):
                yield name
            case ast.Call(
                func=ast.Attribute(attr="parameter"),
                args=[ast.Constant(value=str(name))],
            ):
                yield name
            case ast.Assign(
                targets=[ast.Name(id="parameter_name")],
                value=ast.Constant(value=str(name)),
            ):
                yield name
            case ast.GeneratorExp(
                elt=ast.Call(func=ast.Attribute(attr="parameter")),
                generators=[ast.comprehension(iter=ast.Tuple(elts=elements))],
            ):
                yield from (e.value for e in elements if isinstance(e, ast.Constant))
