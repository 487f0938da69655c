"""Workbooks to the letter: what a test says of a cell is what its XML says."""

import io
from zipfile import ZIP_DEFLATED, ZIP_STORED, ZipFile

_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_DOCUMENT = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"

# Styles by place: plain, a day, a percentage, a duration, a day and time, 1,250.00,
# a format of the program's own.
STYLES = (
    f'<styleSheet xmlns="{_MAIN}"><numFmts count="2">'
    '<numFmt numFmtId="164" formatCode="[$-4009]dd\\-mmm\\-yy;@"/>'
    '<numFmt numFmtId="165" formatCode="&quot;days &quot;#,##0.00"/></numFmts>'
    '<cellStyleXfs count="1"><xf numFmtId="14"/></cellStyleXfs>'
    '<cellXfs count="7"><xf numFmtId="0"/><xf numFmtId="164"/><xf numFmtId="10"/>'
    '<xf numFmtId="46"/><xf numFmtId="22"/><xf numFmtId="4"/><xf numFmtId="165"/>'
    "</cellXfs></styleSheet>"
)


def row(number: int, *cells: object) -> str:
    """Return a row's XML: numbers, texts, and cells that are XML already."""
    written = []
    for place, cell in enumerate(cells):
        reference = f"{chr(ord('A') + place)}{number}"
        if isinstance(cell, str) and cell.startswith("<c"):
            written.append(cell.replace("<c", f'<c r="{reference}"', 1))
        elif isinstance(cell, str):
            written.append(
                f'<c r="{reference}" t="inlineStr"><is><t>{cell}</t></is></c>'
            )
        else:
            written.append(f'<c r="{reference}"><v>{cell}</v></c>')
    return f'<row r="{number}">{"".join(written)}</row>'


def worksheet(*rows: str) -> str:
    return (
        '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
        f'<worksheet xmlns="{_MAIN}"><sheetData>{"".join(rows)}</sheetData></worksheet>'
    )


def workbook(
    *rows: str,
    sheets: str = '<sheet name="Dues" sheetId="1" r:id="rId1"/>',
    settings: str = "",
    strings: str = "",
    members: dict[str, bytes | str | None] | None = None,
    pack: bool = True,
) -> bytes:
    """Return a workbook whose first sheet has these rows; `members` has the last word.

    A member that is None is left out.
    """
    relation = f'<Relationship Type="{_DOCUMENT}/'
    parts: dict[str, bytes | str | None] = {
        "[Content_Types].xml": (
            f'<Types xmlns="{_PACKAGE}/content-types"><Override '
            f'PartName="/xl/workbook.xml" ContentType="{_TYPE}"/></Types>'
        ),
        "_rels/.rels": (
            f'<Relationships xmlns="{_PACKAGE}/relationships">{relation}officeDocument"'
            ' Id="rId1" Target="xl/workbook.xml"/></Relationships>'
        ),
        "xl/workbook.xml": (
            f'<workbook xmlns="{_MAIN}" xmlns:r="{_DOCUMENT}">{settings}'
            f"<sheets>{sheets}</sheets></workbook>"
        ),
        "xl/_rels/workbook.xml.rels": (
            f'<Relationships xmlns="{_PACKAGE}/relationships">'
            f'{relation}worksheet" Id="rId1" Target="worksheets/sheet1.xml"/>'
            f'{relation}worksheet" Id="rId2" Target="worksheets/sheet2.xml"/>'
            f'{relation}chartsheet" Id="rId3" Target="chartsheets/sheet1.xml"/>'
            f'{relation}sharedStrings" Id="rId4" Target="sharedStrings.xml"/>'
            f'{relation}styles" Id="rId5" Target="/xl/styles.xml"/></Relationships>'
        ),
        "xl/styles.xml": STYLES,
        "xl/sharedStrings.xml": f'<sst xmlns="{_MAIN}">{strings}</sst>',
        "xl/worksheets/sheet1.xml": worksheet(*rows),
        **(members or {}),
    }
    file = io.BytesIO()
    with ZipFile(file, "w", ZIP_DEFLATED if pack else ZIP_STORED) as archive:
        for name, content in parts.items():
            if content is not None:
                archive.writestr(name, content)
    return file.getvalue()
