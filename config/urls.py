"""Every address of the product."""

from django.contrib import admin
from django.urls import URLPattern, URLResolver, include, path
from django.views.generic import RedirectView

from config.admin_addresses import search_page, view_on_site
from config.verify.page import verify_page

urlpatterns: list[URLPattern | URLResolver] = [
    path("", RedirectView.as_view(pattern_name="admin:index")),
    path("admin/verify/", admin.site.admin_view(verify_page), name="verify"),
    path("admin/search/", admin.site.admin_view(search_page)),
    path("admin/r/<path:rest>", view_on_site),
    path("admin/", admin.site.urls),
    path("api/", include("config.api_urls")),
    path("", include("messaging.urls")),
]

handler400 = "config.error_pages.bad_request"
handler500 = "config.error_pages.server_error"
