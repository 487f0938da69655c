"""An identifier is what its cell's number format shows; an amount is its number."""

import pytest

from customers.models import Customer
from uploads.models import RowIssue
from uploads.tests.factories import load
from uploads.tests.workbooks import row, workbook
from uploads.workbooks.number_formats import parse_format

_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"


def styles(*codes: str) -> str:
    """Return styles by place: plain, then one of each format."""
    formats = "".join(
        f'<numFmt numFmtId="{170 + number}" formatCode="{code}"/>'
        for number, code in enumerate(codes)
    )
    cells = "".join(f'<xf numFmtId="{170 + number}"/>' for number in range(len(codes)))
    return (
        f'<styleSheet xmlns="{_MAIN}"><numFmts>{formats}</numFmts><cellXfs>'
        f'<xf numFmtId="0"/>{cells}</cellXfs></styleSheet>'
    )


def styled(style: int, value: object) -> str:
    return f'<c s="{style}"><v>{value}</v></c>'


@pytest.mark.parametrize(
    ("code", "number", "shown"),
    [
        ("0000000000", "1234567", "0001234567"),
        ("0000000000", "12345678901", "12345678901"),
        ('"HL"000000', "4711", "HL004711"),
        (r"\H\L000000", "4711", "HL004711"),
        ("000-0000-000", "120034567", "012-0034-567"),
        (r"000\-0000\-000", "120034567", "012-0034-567"),
        ("0000 0000 0000", "234123412346", "2341 2341 2346"),
        ("000-0000-000", "9120034567123", "912003-4567-123"),
        ("###-####", "5551234", "555-1234"),
        ("###-####", "1234", "-1234"),
        ("???-0000", "1234", "-1234"),
        ("[Red]0000", "7", "0007"),
        ("[$-4009]0000", "7", "0007"),
        ("[$LN-4009]0000", "7", "LN0007"),
        ("00000_);(00000)", "7", "00007"),
        ('"LN-"General', "4711", "LN-4711"),
        ('"LN-"@', "4711", "LN-4711"),
        ('0000;-0000;"none";@', "7", "0007"),
        ('0000;-0000;"N"0;@', "0", "N0"),
        ("[<=9999999]###-####;(###) ###-####", "5551234", "555-1234"),
        ("[<=9999999]###-####;(###) ###-####", "9876543210", "(987) 654-3210"),
        (r"00\/00\/0000", "4102026", "04/10/2026"),
        ("00000*-", "7", "00007"),
        ('[=0]"";"HL"000000', "4711", "HL004711"),
        ('[<=0]"none";"HL"000000', "4711", "HL004711"),
        ('[>0]"HL"000000;"none"', "4711", "HL004711"),
        ('0" Cr"', "5", "5 Cr"),
    ],
)
def test_a_number_is_shown_as_its_format_has_it(code: str, number: str, shown: str):
    shown_as = parse_format(code)

    assert shown_as is not None
    assert shown_as.show_number(number) == shown


@pytest.mark.parametrize(
    "code",
    [
        "General", "@", "0", "#", "#,##0", "#,##0.00", "0.00", "0%", "0.00E+00",
        "# ?/?", "0,", "_(* #,##0_);_(* (#,##0)", "LN0000", "0_)", ";;;", "",
        r"[>=100000]##\,##\,##0;0", '"unclosed', "[unclosed", "0" * 300, "_", "\\",
    ],
)  # fmt: skip
def test_what_only_adorns_a_number_is_left_out(code: str) -> None:
    shown_as = parse_format(code)

    assert shown_as is None or shown_as.show_number("1234567") in ("", "1234567")


@pytest.mark.django_db
def test_identifiers_come_as_shown_and_amounts_as_numbers() -> None:
    padded, lettered, money = '<c s="1"><v>{}</v></c>', '<c s="2"><v>{}</v></c>', 3
    load(
        workbook(
            row(1, "Name", "Mobile", "Loan No", "Outstanding", "DPD", "PIN"),
            row(
                2,
                "Asha",
                '<c s="4"><v>9876543210</v></c>',
                lettered.format(4711),
                f'<c s="{money}"><v>1250</v></c>',
                '<c s="5"><v>45</v></c>',
                padded.format(56001),
            ),
            members={
                "xl/styles.xml": styles(
                    "000000", "&quot;HL&quot;000000", "&quot;Rs &quot;0",
                    "&quot;+91 &quot;00000 00000", "000&quot; late&quot;",
                )
            },
        )
    )  # fmt: skip

    entry = Customer.objects.get()
    assert entry.loan_number == "HL004711"
    assert entry.primary_phone == "+919876543210"
    assert entry.outstanding_amount == 1250
    assert entry.days_past_due == 45
    assert entry.extra == {"PIN": "056001"}


@pytest.mark.django_db
def test_a_text_is_shown_with_what_its_format_adds() -> None:
    strings = "<si><t>Loan No</t></si><si><t>4711</t></si>"
    load(
        workbook(
            row(1, "Name", "Mobile", '<c s="1" t="s"><v>0</v></c>'),
            row(2, "Asha", 9876543210, '<c s="1" t="s"><v>1</v></c>'),
            row(3, "Ravi", 9876543211, '<c s="1" t="str"><v>0042</v></c>'),
            strings=strings,
            members={"xl/styles.xml": styles("0;-0;0;&quot;HL-&quot;@")},
        )
    )

    numbers = set(Customer.objects.values_list("loan_number", flat=True))
    assert numbers == {"HL-4711", "HL-0042"}


@pytest.mark.django_db
@pytest.mark.parametrize(
    "written",
    [
        "4052108700123456",
        "4.052108700123E+15",
        "1E+15",
        "1000000000000000.0",
        "1E+300",
        "1e300",
        "1e22",
        "-1234567890123456",
        "1234567890123456789012345678901234",
    ],
)
@pytest.mark.parametrize("style", ["0", "1"])
def test_a_number_of_more_digits_than_a_cell_keeps_is_no_loan_number(
    written: str, style: str
) -> None:
    upload = load(
        workbook(
            row(1, "Name", "Mobile", "Loan No", "UTR"),
            row(2, "Asha", 9876543210, f'<c s="{style}"><v>{written}</v></c>'),
            row(3, "Ravi", 9876543211, "4052108700123456", 4052108700123456),
            row(4, "Uma", 9876543212, 405210870012345, 1),
            members={"xl/styles.xml": styles("0000000000000000")},
        )
    )

    assert (upload.succeeded_rows, upload.failed_rows) == (2, 1)
    assert RowIssue.objects.get().code == "loan_number_exponent"
    # As text it is whole; what is only kept is kept as it was written.
    ravi = Customer.objects.get(full_name="Ravi")
    assert ravi.loan_number == "4052108700123456"
    assert ravi.extra == {"UTR": "4052108700123456"}


@pytest.mark.django_db
def test_marks_within_texts_mark_nothing() -> None:
    load(
        workbook(
            row(1, "Name", "Mobile", "Loan No", "Remark"),
            row(2, "\ufdd0Asha", 9876543210, "A\ufdd1B\ufdd2", "\ufdd0x\ufdd1\ufdd2y"),
        )
    )

    entry = Customer.objects.get()
    assert (entry.full_name, entry.loan_number) == ("Asha", "AB")
    assert entry.extra == {"Remark": "xy"}


@pytest.mark.parametrize(
    ("code", "unit"),
    [
        ('0.00" lakh"', "lakh"),
        ('#,##0.00" Lakhs"', "Lakhs"),
        (r"0.0\ \L", "L"),
        ('0" Cr."', "Cr"),
        ('"₹ "0.00" crore"', "crore"),
        ('General" lakh"', "lakh"),
        ('0.00" lakh";-0.00" lakh"', "lakh"),
        ('0"K"', "K"),
        ('0"000"', "000"),
        (r"0\.\5\0", ".50"),
        ('0.0,"K"', ""),
        ('0.00,,"M"', ""),
        ('0" days"', ""),
        ('"L"0000', ""),
        ('0.00" Cr";0.00" Dr"', ""),
        ("0.00", ""),
    ],
)
def test_a_unit_behind_the_digits_is_known(code: str, unit: str) -> None:
    shown_as = parse_format(code)

    assert (shown_as.unit if shown_as else "") == unit


@pytest.mark.django_db
def test_an_amount_is_in_the_unit_that_its_format_shows() -> None:
    upload = load(
        workbook(
            row(1, "Name", "Mobile", "Loan No", "Outstanding", "Note"),
            row(2, "Asha", 9876543210, styled(2, 4711), styled(1, 1.25), styled(1, 2)),
            row(3, "Uma", 9876543211, styled(2, 1), styled(3, 12), ""),
            row(4, "Ravi", 9876543212, "x", styled(4, 1250), ""),
            members={
                "xl/styles.xml": styles(
                    "0.00&quot; lakh&quot;", "0&quot;L&quot;", "0&quot; K&quot;",
                    "0&quot; Cr&quot;",
                )
            },
        )
    )  # fmt: skip

    entry = Customer.objects.get()
    assert (entry.outstanding_amount, entry.loan_number) == (125_000, "4711L")
    assert entry.extra == {"Note": "2 lakh"}
    assert upload.failed_rows == 2
    refused = RowIssue.objects.order_by("line").values_list("value_masked", flat=True)
    assert list(refused) == ["12 K", "1250 Cr"]


@pytest.mark.django_db
@pytest.mark.parametrize("between", ["&#9;", "&#10;", "&#13;"])
def test_a_tab_or_line_end_in_a_format_moves_no_cell(between: str) -> None:
    upload = load(
        workbook(
            row(1, "Name", "Mobile", "Loan No", "Outstanding", "EMI"),
            row(2, "Asha", 9876543210, styled(1, 4711), styled(1, 5000), 100),
            row(3, "Uma", 9876543211, '<c s="2" t="str"><v>5</v></c>', 6000, 200),
            members={
                "xl/styles.xml": styles(
                    f"000&quot;{between}&quot;000", f"0;-0;0;&quot;a{between}&quot;@"
                )
            },
        )
    )

    entries = Customer.objects.order_by("row_number").values_list(
        "row_number", "loan_number", "outstanding_amount", "emi_amount"
    )
    assert list(entries) == [(2, "004 711", 5000, 100), (3, "a 5", 6000, 200)]
    assert upload.failed_rows == 0
