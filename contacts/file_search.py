"""Whom a search means by what files say: an upper app registers how to ask them.

register_file_search(find_phones)        # in the app's AppConfig.ready
"""

from collections.abc import Callable

from tenants.access import Visitor

# Returns (tenant, phone in E.164) of whom a text means, as this visitor may see them.
FilePhones = Callable[[str, Visitor], set[tuple[int, str]]]

_searches: list[FilePhones] = []


def register_file_search(find_phones: FilePhones) -> None:
    """Have contacts found by their phones in files as well."""
    if find_phones not in _searches:
        _searches.append(find_phones)


def phones_in_files(text: str, *, user: Visitor) -> set[tuple[int, str]]:
    """Return (tenant, phone in E.164) of whom a text means in the files of `user`."""
    return {phone for find_phones in _searches for phone in find_phones(text, user)}
