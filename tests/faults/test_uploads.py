"""Workers, Redis and PostgreSQL die amid an upload; its result is as if none had."""

import random
from pathlib import Path
from typing import Any

import pytest

from tests.faults.system import Faults, System, running, shuffled, wait_a_while_for
from tests.processes import wait_until

SEED = 20261122
# In which a sweep finds what stands still.
_PATIENCE_SECONDS = 25.0
_TO_THE_END = 180  # sweeps and all, on a busy machine

SEND = """
from django.core.files import File
from django.utils import timezone
from tenants.models import Tenant
from uploads.services import create_upload
with open(sys.argv[1], "rb") as file:
    print(create_upload(tenant=Tenant.objects.get(pk=1), file=File(file),
        name="dues.csv", uploaded_by=None, now=timezone.now(), again=True).pk)
"""
CONTENT = """
SELECT count(*), count(DISTINCT fingerprint), md5(string_agg(md5((to_jsonb(entry)
  - '{id,upload_id,fingerprint,created_at,updated_at}'::text[])::text), ''
  ORDER BY row_number))
FROM customers entry WHERE upload_id = %s
"""
ISSUES = """
SELECT count(*), md5(string_agg(concat_ws('|', line, column_name, value_masked, code,
  message), ';' ORDER BY line, column_name, code))
FROM upload_row_issues WHERE upload_id = %s
"""
COUNTS = """
SELECT status, error, total_rows, succeeded_rows, failed_rows
FROM file_uploads WHERE id = %s
"""


def write_file(path: Path, *, rows: int) -> None:
    """Write a lender's file of which one row in twenty-five is bad."""
    dice = random.Random(SEED)
    with path.open("w") as file:
        file.write("Name,Mobile,Aadhaar,Loan No,EMI,Due Date,State,DPD,Remark\n")
        for number in range(rows):
            phone = f"98{dice.randrange(10**8):08}" if number % 25 else "9.19E+11"
            file.write(
                f'Asha {number},{phone},,LN{number:08},"1,{dice.randrange(100, 999)}",'
                f"{dice.randrange(1, 29)}/11/2024,Goa,{dice.randrange(90)},"
                f'"note {number}"\n'
            )


def send(system: System, path: Path) -> int:
    return int(system.script(SEND, str(path)))


def result(system: System, upload: int) -> list[tuple[Any, ...]]:
    """What an upload made: no ids, no fingerprints, no times."""
    return [system.rows(sql, upload)[0] for sql in (COUNTS, CONTENT, ISSUES)]


def is_over(system: System, upload: int) -> bool:
    status, *_ = system.rows(COUNTS, upload)[0]
    return status not in ("pending", "processing")


def claims(system: System, upload: int) -> int:
    """How often anybody has taken up something of an upload."""
    ((count,),) = system.rows(
        "SELECT attempts + (SELECT coalesce(sum(attempts), 0) FROM upload_parts"
        " WHERE upload_id = upload.id) FROM file_uploads upload WHERE id = %s",
        upload,
    )
    return int(count)


def upload_through(
    system: System,
    path: Path,
    faults: Faults,
    dice: random.Random,
    *,
    patience: float,
) -> list[int]:
    """Disturb an upload; with what faults are left when it ends, the next one.

    Each strikes when work has begun again after the one before, or patience ended.
    """
    uploads = [send(system, path)]
    seen = 0
    for what in faults:
        upload = uploads[-1]

        def begun(upload: int = upload, seen: int = seen) -> bool:
            return claims(system, upload) > seen or is_over(system, upload)

        wait_a_while_for(begun, seconds=patience)
        if is_over(system, upload):
            uploads.append(send(system, path))
            upload, seen = uploads[-1], 0
            wait_a_while_for(
                lambda upload=upload: claims(system, upload), seconds=patience
            )
        wait_a_while_for(lambda: False, seconds=dice.uniform(0, 0.6))
        seen = claims(system, upload)
        system.disturb(what, dice)
    for upload in uploads:
        wait_until(
            lambda upload=upload: is_over(system, upload),
            what="over",
            seconds=_TO_THE_END,
        )
    return uploads


def check(
    tmp_path: Path, *, rows: int, faults: Faults, seed: int, patience: float
) -> None:
    path, dice = tmp_path / "dues.csv", random.Random(seed)
    write_file(path, rows=rows)
    with running("files") as system:
        undisturbed = send(system, path)
        wait_until(
            lambda: is_over(system, undisturbed), what="over", seconds=_TO_THE_END
        )
        expected = result(system, undisturbed)
        assert expected[0] == ("completed", "", rows, rows - rows // 25, rows // 25)

        for upload in upload_through(system, path, faults, dice, patience=patience):
            assert result(system, upload) == expected, f"seed {seed}"


def test_an_upload_ends_the_same_whatever_is_killed_amid_it(tmp_path: Path) -> None:
    faults = ["postgresql", "redis", "files", "files"]

    check(tmp_path, rows=20_000, faults=faults, seed=SEED, patience=2)


@pytest.mark.faults
@pytest.mark.parametrize("seed", [1, 2])
def test_a_hundred_thousand_rows_through_twenty_eight_deaths(
    tmp_path: Path, seed: int
) -> None:
    faults = shuffled(random.Random(seed), files=20, redis=5, postgresql=3)

    check(tmp_path, rows=100_000, faults=faults, seed=seed, patience=_PATIENCE_SECONDS)
