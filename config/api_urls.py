"""The addresses of the API, below /api/."""

from typing import Any

from django.http import Http404
from django.urls import path, re_path
from drf_spectacular.utils import extend_schema
from drf_spectacular.views import SpectacularJSONAPIView, SpectacularSwaggerSplitView
from rest_framework.request import Request
from rest_framework.views import APIView

from config import api_schema as api_schema  # it says how tokens are sent
from contacts.api import ContactDetail, ContactList, read_digits
from customers.api import CustomerDetail, CustomerList
from messaging.api import MessageList
from uploads.api import (
    ACTS,
    DoAct,
    IssueList,
    RejectedRows,
    UploadDetail,
    UploadList,
)
from uploads.mapping_api import UploadMapping


@extend_schema(exclude=True)
class NothingHere(APIView):
    """Answers in the API's way where there is no address, whoever asks."""

    permission_classes = ()

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        raise Http404


urlpatterns = [
    path("v1/contacts/", ContactList.as_view(), name="api-contacts"),
    path("v1/contacts/<int:contact_id>/", ContactDetail.as_view(), name="api-contact"),
    path(
        "v1/contacts/<int:contact_id>/messages/",
        MessageList.as_view(),
        name="api-messages",
    ),
    path(
        "v1/customers/",
        CustomerList.as_view(read_digits=read_digits),
        name="api-customers",
    ),
    path(
        "v1/customers/<uuid:customer_id>/",
        CustomerDetail.as_view(),
        name="api-customer",
    ),
    path("v1/uploads/", UploadList.as_view(), name="api-uploads"),
    path("v1/uploads/<int:upload_id>/", UploadDetail.as_view(), name="api-upload"),
    path("v1/uploads/<int:upload_id>/issues/", IssueList.as_view(), name="api-issues"),
    path(
        "v1/uploads/<int:upload_id>/rejected/",
        RejectedRows.as_view(),
        name="api-rejected",
    ),
    path(
        "v1/uploads/<int:upload_id>/mapping/",
        UploadMapping.as_view(),
        name="api-upload-mapping",
    ),
    *(
        path(
            f"v1/uploads/<int:upload_id>/{act}/",
            DoAct.as_view(act=act),
            name=f"api-upload-{act}",
        )
        for act in ACTS
    ),
    path("v1/schema/", SpectacularJSONAPIView.as_view(), name="api-schema"),
    path(
        "v1/docs/",
        SpectacularSwaggerSplitView.as_view(url_name="api-schema"),
        name="api-docs",
    ),
    # Also without a slash at the end: a redirect would turn a POST into a GET.
    re_path("", NothingHere.as_view()),
]
