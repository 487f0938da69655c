"""Every regular expression of the project, found by looking for them."""

import ast
import functools
import importlib
import pkgutil
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any, NamedTuple

from django.core.validators import RegexValidator
from django.db.models import Field
from django.forms import Field as FormField
from django.urls import URLPattern, URLResolver, get_resolver

APPS = ("config", "contacts", "customers", "messaging", "tenants", "uploads")
# They meet no foreign text, and some do something when they are imported.
_PASSED_OVER = {"tests", "migrations", "__main__"}
_FUNCTIONS = {
    "compile", "match", "search", "fullmatch", "sub", "subn", "split", "findall",
    "finditer",
}  # fmt: skip
# Classes whose instances are looked into, besides the project's own.
_OF_DJANGO = (Field, FormField, RegexValidator)


class Found(NamedTuple):
    """A pattern and where it stands."""

    name: str
    pattern: str | bytes
    flags: int


class Call(NamedTuple):
    """A call of `re` in the source, by the function in which it stands."""

    function: str  # blank at the level of a module
    pattern: str | bytes | None  # None where it is made while the program runs


def project_modules() -> Iterator[ModuleType]:
    """Import and yield every module of the apps, but for their tests."""
    for app in APPS:
        package = importlib.import_module(app)
        yield package
        for found in pkgutil.walk_packages(package.__path__, f"{app}."):
            if _PASSED_OVER.isdisjoint(found.name.split(".")):
                yield importlib.import_module(found.name)


def held_patterns(modules: Iterable[ModuleType]) -> Iterator[Found]:
    """Yield the patterns that modules hold: in names, classes and containers."""
    seen: set[int] = set()
    for module in modules:
        for name, value in vars(module).items():
            yield from _within(value, f"{module.__name__}.{name}", seen)


def address_patterns(resolver: URLResolver | None = None) -> Iterator[Found]:
    """Yield the patterns of the addresses that are served, but for Django's own."""
    resolver = resolver or get_resolver()
    for one in resolver.url_patterns:
        if isinstance(one, URLPattern) and not _is_ours(one.callback.__module__):
            continue
        regex = one.pattern.regex
        yield Found(f"address {one.pattern}", regex.pattern, regex.flags)
        if isinstance(one, URLResolver):
            yield from address_patterns(one)


def calls_in_source(modules: Iterable[ModuleType]) -> Iterator[Call]:
    """Yield the calls of functions of `re`."""
    for module in modules:
        tree = ast.parse(Path(module.__file__ or "").read_text("utf-8"))
        yield from _calls(tree, module.__name__, within_function=False)


def _calls(node: ast.AST, name: str, *, within_function: bool) -> Iterator[Call]:
    for child in ast.iter_child_nodes(node):
        inner, is_within = name, within_function
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            inner = f"{name}.{child.name}"
            is_within |= not isinstance(child, ast.ClassDef)
        elif isinstance(child, ast.Lambda):
            is_within = True
        yield from _calls(child, inner, within_function=is_within)
        if isinstance(child, ast.Call) and _is_of_re(child.func):
            first = child.args[0] if child.args else None
            constant = first.value if isinstance(first, ast.Constant) else None
            pattern = constant if isinstance(constant, str | bytes) else None
            yield Call(name if within_function else "", pattern)


def _is_of_re(called: ast.expr) -> bool:
    return (
        isinstance(called, ast.Attribute)
        and isinstance(called.value, ast.Name)
        and called.value.id == "re"
        and called.attr in _FUNCTIONS
    )


def _within(value: Any, where: str, seen: set[int]) -> Iterator[Found]:
    owner = getattr(value, "__self__", None)  # of a pattern's method
    if isinstance(owner, re.Pattern):
        value = owner
    if id(value) in seen:
        return
    seen.add(id(value))
    if isinstance(value, re.Pattern):
        yield Found(where, value.pattern, value.flags)
        return
    for key, part in _parts(value):
        yield from _within(part, f"{where}.{key}", seen)


def _parts(value: Any) -> Iterable[tuple[Any, Any]]:
    """Return what a value holds that may hold a pattern."""
    if isinstance(value, dict):
        return enumerate([*value.keys(), *value.values()])
    if isinstance(value, list | tuple | set | frozenset):
        return enumerate(value)
    if isinstance(value, functools.partial):
        return enumerate([value.func, *value.args, *value.keywords.values()])
    if isinstance(value, type) and _is_ours(value.__module__):
        meta = getattr(value, "_meta", None)
        fields = [*meta.get_fields()] if hasattr(meta, "get_fields") else []
        return [*vars(value).items(), *enumerate(fields)]
    if isinstance(value, FunctionType) and _is_ours(value.__module__):
        cells = [cell.cell_contents for cell in value.__closure__ or ()]
        return enumerate([*cells, *(value.__defaults__ or ()), vars(value)])
    if isinstance(value, _OF_DJANGO):
        return [*vars(value).items(), *enumerate(getattr(value, "validators", ()))]
    if not isinstance(value, type) and _is_ours(type(value).__module__):
        slots = getattr(type(value), "__slots__", ())
        return [
            *getattr(value, "__dict__", {}).items(),
            *((slot, getattr(value, slot, None)) for slot in slots),
        ]
    return ()


def _is_ours(module: str | None) -> bool:
    return (module or "").partition(".")[0] in APPS
