"""What the tests of the two checklists share."""

import io
from typing import Any

from django.core.management import call_command
from django.db import connection

PHONE = "919876543210"
PHONE_NUMBER_ID = "114620538274910"
CHECKLIST_CUSTOMER = (
    "full_name,primary_phone,loan_number,outstanding_amount,due_date\n"
    "Ravi Kumar,+919876543210,LN001,{amount},{due}\n"
)


def sql(query: str, *params: object) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(query, params)
        return cursor.fetchall() if cursor.description else []


def command(*arguments: str) -> str:
    out = io.StringIO()
    call_command(*arguments, stdout=out)
    return out.getvalue()
