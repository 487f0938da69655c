"""docs/security.md names a test for each thing that was tried."""

import ast
import re

from django.conf import settings

PAGE = settings.BASE_DIR / "docs" / "security.md"
NAMED = re.compile(r"`([a-z_/]+\.py)::(test_[a-z0-9_]+)`")


def test_every_line_names_a_test_and_every_test_exists() -> None:
    rows = [
        line
        for line in PAGE.read_text().splitlines()
        if line.startswith("| ") and not line.startswith("| tried")
    ]
    assert rows
    for row in rows:
        tests = NAMED.findall(row)
        assert tests, row
        for module, name in tests:
            tree = ast.parse((settings.BASE_DIR / module).read_text())
            names = {
                node.name
                for node in ast.walk(tree)
                if isinstance(node, ast.FunctionDef)
            } | {
                node.name
                for node in ast.walk(tree)
                if isinstance(node, ast.AsyncFunctionDef)
            }
            assert name in names, f"{module} has no {name}"
