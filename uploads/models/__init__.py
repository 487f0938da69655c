"""Customer files on their way in: the file, its parts, what was wrong in it."""

from uploads.models.acts import UploadAct
from uploads.models.issues import RowIssue
from uploads.models.mappings import ColumnMapping
from uploads.models.parts import UploadPart
from uploads.models.upload import FileUpload, kept_path
from uploads.models.work import UploadWork

__all__ = [
    "ColumnMapping",
    "FileUpload",
    "RowIssue",
    "UploadAct",
    "UploadPart",
    "UploadWork",
    "kept_path",
]
