"""What is wrong with the rows of a block, in bounded number. Pure."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from uploads.rows import Issue

# Of one row: a wide sheet of #REF! would have a sentence per cell. All fields of a
# customer have room, so that their issues are counted to the last.
MOST_ISSUES = 20

MORE_ISSUES = "more_issues"
_MORE_ISSUES = f"Of a row with many refused cells the first {MOST_ISSUES} are listed."


class RowIssues:
    """Collects issues by the places of their rows in the block."""

    def __init__(self) -> None:
        self._kept: dict[int, list[Issue]] = {}
        self._more: dict[int, int] = {}  # how many are not kept, where any are not

    def add(self, index: int, issue: "Issue") -> None:
        issues = self._kept.setdefault(index, [])
        if len(issues) < MOST_ISSUES:
            issues.append(issue)
        else:
            self._more[index] = self._more.get(index, 0) + 1

    def rows(self) -> list[int]:
        """Return the places of the rows that have issues, in order."""
        return sorted(self._kept)

    def of_row(self, index: int) -> "list[Issue]":
        """Return the issues of a row; the last says how many there are besides."""
        issues = self._kept[index]
        if not (count := self._more.get(index)):
            return issues
        last = issues[-1]._replace(
            column="",
            value="1 more cell" if count == 1 else f"{count} more cells",
            code=MORE_ISSUES,
            message=_MORE_ISSUES,
        )
        return [*issues, last]
