import factory
from django.core.files.base import ContentFile
from django.utils import timezone

from tenants.models import Tenant
from tenants.tests.factories import TenantFactory
from uploads.models import FileUpload
from uploads.processing import finish_upload, load_next_part
from uploads.reading import read_upload
from uploads.services import create_upload

TWO_ROWS = "Name,Mobile,Loan Amount\nAsha,9876543210,500\nVikram,9876543211,600\n"


class FileUploadFactory(factory.django.DjangoModelFactory[FileUpload]):
    """An upload as a row only; `make_upload` sends a file in."""

    class Meta:
        model = FileUpload

    tenant = factory.SubFactory(TenantFactory)
    original_name = factory.Sequence(lambda n: f"overdue-{n}.csv")


def make_upload(
    data: bytes | str = TWO_ROWS,
    *,
    tenant: Tenant | None = None,
    name: str = "overdue.csv",
    queue: bool = False,
    review: FileUpload.Review = FileUpload.Review.NEVER,
    again: bool = True,
) -> FileUpload:
    """Send a file in, be it again or not; nobody works on it yet."""
    return create_upload(
        tenant=tenant or TenantFactory.create(),
        file=ContentFile(data.encode() if isinstance(data, str) else data),
        name=name,
        uploaded_by=None,
        now=timezone.now(),
        queue=queue,
        review=review,
        again=again,
    )


def work_off(upload: FileUpload) -> FileUpload:
    """Do what a worker does, to the end."""
    now = timezone.now()
    read_upload(upload_id=upload.pk, now=now)
    while load_next_part(now=now, upload_id=upload.pk):
        pass
    finish_upload(upload_id=upload.pk, now=now)
    upload.refresh_from_db()
    return upload


def load(data: bytes | str = TWO_ROWS, **sent: object) -> FileUpload:
    """Send a file in and see it loaded."""
    return work_off(make_upload(data, **sent))
