"""Every route. The same views answer at / (old clients) and at /api/v1/ (new ones)."""

from django.contrib import admin
from django.urls import include, path
from django.views.decorators.csrf import csrf_exempt

from accounts import urls as accounts_urls
from accounts.rest.routes import both
from curation import urls as curation_urls
from curation.storage.serve import serve_file
from curation.storage.take import take_file
from pyrostorage_site import answers, docs, home, probes

# Routes are tried from the top: what devices call for each picture comes first.
api = [*curation_urls.urlpatterns, *accounts_urls.urlpatterns]

urlpatterns = [
    path("", home.home, name="home"),
    *both("healthz", probes.healthz, "healthz"),
    *both("readyz", probes.readyz, "readyz"),
    path("", include(api)),
    *both("docs", docs.docs, "docs"),
    *both("redoc", docs.redoc, "redoc"),
    path("openapi.json", docs.openapi, name="openapi"),
    path(".well-known/security.txt", home.security_txt, name="security-txt"),
    path("files/<path:key>", csrf_exempt(serve_file), name="file"),
    path("incoming/<path:name>", csrf_exempt(take_file), name="incoming"),
    path("admin/", admin.site.urls),
    path("api/v1/", include((api, "v1"))),
]

handler400 = answers.bad_request
handler403 = answers.forbidden
handler404 = answers.not_found
handler500 = answers.bug
