import pytest

from tenants.row_ids import row_id_of


@pytest.mark.parametrize(
    ("text", "row_id"),
    [
        ("0", 0),
        ("17", 17),
        ("9" * 18, 10**18 - 1),
        ("9" * 19, None),
        ("9" * 5000, None),
        ("", None),
        ("-1", None),
        ("+1", None),
        ("1.0", None),
        (" 1", None),
        ("१७", None),
        ("²", None),
    ],
)
def test_only_what_a_row_may_have_is_an_id(text: str, row_id: int | None) -> None:
    assert row_id_of(text) == row_id
