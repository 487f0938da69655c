"""Customer files to fill in: our columns and two rows of examples. Pure.

The workbook is written by hand: a sheet of texts needs five small members, and no
library. Its columns of digits are formatted as text, down to the last row, so that
Excel leaves what is typed there alone.
"""

import csv
import io
import zipfile
from xml.sax.saxutils import escape

from uploads.columns import LABELS, letter
from uploads.guide import read_cell, template_rows
from uploads.layout import MONEY_FIELDS

# The first day that a zip archive can name.
_DAY = (1980, 1, 1, 0, 0, 0)
_NS = "http://schemas.openxmlformats.org"
_XML = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml"
_RELATION = f"{_NS}/officeDocument/2006/relationships"
_PACKAGE = f"{_NS}/package/2006"

_MEMBERS = {
    "[Content_Types].xml": (
        f'<Types xmlns="{_PACKAGE}/content-types">'
        '<Default Extension="rels"'
        ' ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        '<Default Extension="xml" ContentType="application/xml"/>'
        f'<Override PartName="/xl/workbook.xml" ContentType="{_TYPE}.sheet.main+xml"/>'
        '<Override PartName="/xl/worksheets/sheet1.xml"'
        f' ContentType="{_TYPE}.worksheet+xml"/>'
        f'<Override PartName="/xl/styles.xml" ContentType="{_TYPE}.styles+xml"/>'
        "</Types>"
    ),
    "_rels/.rels": (
        f'<Relationships xmlns="{_PACKAGE}/relationships"><Relationship Id="rId1"'
        f' Type="{_RELATION}/officeDocument" Target="xl/workbook.xml"/></Relationships>'
    ),
    "xl/workbook.xml": (
        f'<workbook xmlns="{_NS}/spreadsheetml/2006/main" xmlns:r="{_RELATION}">'
        '<sheets><sheet name="Customers" sheetId="1" r:id="rId1"/></sheets></workbook>'
    ),
    "xl/_rels/workbook.xml.rels": (
        f'<Relationships xmlns="{_PACKAGE}/relationships"><Relationship Id="rId1"'
        f' Type="{_RELATION}/worksheet" Target="worksheets/sheet1.xml"/>'
        f'<Relationship Id="rId2" Type="{_RELATION}/styles" Target="styles.xml"/>'
        "</Relationships>"
    ),
    # Style 1 is text, which Excel knows as number format 49; style 2 a bold header.
    "xl/styles.xml": (
        f'<styleSheet xmlns="{_NS}/spreadsheetml/2006/main"><fonts count="2">'
        '<font><sz val="11"/><name val="Calibri"/></font>'
        '<font><b/><sz val="11"/><name val="Calibri"/></font></fonts>'
        '<fills count="2"><fill><patternFill patternType="none"/></fill>'
        '<fill><patternFill patternType="gray125"/></fill></fills>'
        '<borders count="1"><border/></borders>'
        '<cellStyleXfs count="1"><xf/></cellStyleXfs><cellXfs count="3">'
        '<xf xfId="0"/><xf xfId="0" numFmtId="49" applyNumberFormat="1"/>'
        '<xf xfId="0" fontId="1" applyFont="1"/></cellXfs></styleSheet>'
    ),
}
_TEXT, _HEADER = 1, 2
_STYLE_OF_TEXT = f' style="{_TEXT}"'
# Excel may reckon with these; all else it must leave as it is typed.
_NUMBERS = frozenset([*MONEY_FIELDS, "days_past_due"])


def csv_template() -> bytes:
    """Return the template as CSV, with the mark by which Excel knows UTF-8."""
    text = io.StringIO(newline="")
    csv.writer(text, quoting=csv.QUOTE_ALL).writerows(template_rows())
    return text.getvalue().encode("utf-8-sig")


def xlsx_template() -> bytes:
    """Return the template as a workbook."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in {**_MEMBERS, "xl/worksheets/sheet1.xml": _sheet()}.items():
            member = zipfile.ZipInfo(name, _DAY)
            member.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(member, _XML + text)
    return file.getvalue()


def _sheet() -> str:
    header, *rows = template_rows()
    columns = "".join(
        f'<col min="{number}" max="{number}" width="20" customWidth="1"'
        f"{'' if field in _NUMBERS else _STYLE_OF_TEXT}/>"
        for number, field in enumerate(LABELS, start=1)
    )
    lines = [_line(1, [_cell(text, _HEADER) for text in header])]
    for number, row in enumerate(rows, start=2):
        cells = [
            _number(read_cell(field, text)[0])
            if field in _NUMBERS
            else _cell(text, _TEXT)
            for field, text in zip(LABELS, row, strict=True)
        ]
        lines.append(_line(number, cells))
    return (
        f'<worksheet xmlns="{_NS}/spreadsheetml/2006/main">'
        f"<cols>{columns}</cols><sheetData>{''.join(lines)}</sheetData></worksheet>"
    )


def _line(number: int, cells: list[str]) -> str:
    placed = (
        cell.replace("<c", f'<c r="{letter(place)}{number}"', 1)
        for place, cell in enumerate(cells)
    )
    return f'<row r="{number}">{"".join(placed)}</row>'


def _cell(text: str, style: int) -> str:
    return f'<c s="{style}" t="inlineStr"><is><t>{escape(text)}</t></is></c>'


def _number(text: str) -> str:
    return f"<c><v>{text}</v></c>"
