"""Whatever a file is, it is read or refused, within the promised time and memory."""

import io
import multiprocessing
import resource
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from itertools import islice
from pathlib import Path
from tempfile import TemporaryFile
from typing import BinaryIO
from zoneinfo import ZoneInfo

from uploads.encodings import UnreadableFile
from uploads.reader import rewrite_as_utf8, understand, wide_encoding
from uploads.records import read_blocks
from uploads.rows import RowReader
from uploads.tests.hostile import hostile_files
from uploads.workbooks.child import MOST_MEMORY
from uploads.workbooks.conversion import is_workbook, write_rows

INDIA = ZoneInfo("Asia/Kolkata")
COUNT = 400
PROCESSES = 2
MOST_SECONDS = 10
MOST_MEGABYTES = 300


def test_hostile_files_are_read_or_refused_in_time_and_memory():
    # A process for each core: together they take a minute and a half of one.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(PROCESSES, mp_context=context) as pool:
        outcomes = sum(pool.map(try_share, range(PROCESSES)), Counter())

    assert MOST_MEMORY <= MOST_MEGABYTES << 20  # what the kernel allows the child
    assert outcomes.total() == COUNT
    assert min(outcomes["read"], outcomes["refused"]) > COUNT / 10


def try_share(number: int) -> Counter[str]:
    """Try every file of one process; return how many were read, and refused."""
    outcomes: Counter[str] = Counter()
    files = hostile_files(seed=20261122, count=COUNT)
    for name, data in islice(files, number, None, PROCESSES):
        forget_peak()
        memory, seconds = megabytes("VmRSS"), cpu_seconds()
        try:
            read_whole(data)
        except UnreadableFile as refused:
            outcomes["refused"] += bool(str(refused))
        else:
            outcomes["read"] += 1

        assert cpu_seconds() - seconds <= MOST_SECONDS, name
        assert megabytes("VmHWM") - memory <= MOST_MEGABYTES / 2, name
    return outcomes


def read_whole(data: bytes) -> None:
    """Read a file as workers do, down to the values that would be loaded."""
    with TemporaryFile() as rows_file:
        file, sheet = io.BytesIO(data), ""
        if is_workbook(file):
            sheet = write_rows(file, rows_file).name
        elif encoding := wide_encoding(file):
            rewrite_as_utf8(file, encoding, rows_file)
        else:
            rows_file.write(data)
        rows_file.seek(0)
        read_rows(rows_file, sheet)


def read_rows(file: BinaryIO, sheet: str) -> None:
    understood = understand(file, sheet=sheet)
    layout = understood.layout
    reader = RowReader(layout, region="IN", zone=INDIA, national_id_key=b"key")
    for part in understood.parts:
        row_count = 0
        for block in read_blocks(
            file,
            layout.shape(),
            start=part.start,
            end=part.end,
            first_line=part.first_line,
        ):
            entries, issues = reader.read(block.rows)
            bad_lines = {issue.line for issue in issues}
            assert len(entries) + len(bad_lines) == len(block.rows)
            assert all(issue.code and issue.message for issue in issues)
            assert all(fault.code and fault.message for fault in block.faults)
            row_count += len(block.rows) + len(block.faults)
        assert row_count == part.row_count


def cpu_seconds() -> float:
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime


def forget_peak() -> None:
    """Have the kernel count this process's largest memory anew."""
    Path("/proc/self/clear_refs").write_text("5")


def megabytes(name: str) -> float:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1]) / 1024
    raise LookupError(name)
