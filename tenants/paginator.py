"""Counting rows of a list without counting them all."""

from typing import Any

from django.core.paginator import Paginator
from django.utils.functional import cached_property

# Nobody turns to page 400. Beyond it, a count of five million rows costs a quarter of
# a second on every page, and a deep OFFSET three quarters.
CEILING = 10_000


class BoundedPaginator(Paginator):  # type: ignore[type-arg] # not generic at run time
    """Counts up to `CEILING` rows and one; more are said to be "more than" it."""

    template_name = "tenants/pagination.html"
    ceiling = CEILING

    @cached_property
    def counted(self) -> int:
        rows: Any = self.object_list
        return int(rows.order_by()[: self.ceiling + 1].count())

    @property
    def more(self) -> bool:
        """Whether there are rows that no page shows."""
        return self.counted > self.ceiling

    @property
    def count(self) -> int:
        return min(self.counted, self.ceiling)
