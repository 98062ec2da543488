"""Files in forms: spooled while they arrive, and when one is refused the form still comes back whole."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

from django import forms
from django.core.files.uploadedfile import UploadedFile
from django.core.files.uploadhandler import SkipFile
from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt

from accounts.admin.base import Page
from accounts.refusals import Refusal
from curation.actions.refusing import store_errors
from curation.storage.receive import ReceivedFile, SpoolingHandler, TwoFiles
from curation.storage.spool import Spooled, ensure_room

if TYPE_CHECKING:
    AnyFile = UploadedFile[Any]
else:
    AnyFile = UploadedFile

ROOM_CHECKED_FROM = 1024 * 1024  # bytes; smaller bodies wait in memory


class RefusedFile(AnyFile):
    """A part of which nothing was kept, and why."""

    def __init__(self, refusal: Refusal, name: str) -> None:
        super().__init__(None, name=name, size=1)
        self.refusal = refusal


class FormHandler(SpoolingHandler):
    """Reads on to the end of the form when a file is refused, keeping nothing of the file.

    So the other fields come back as they were typed, with the reason beside the file.
    """

    refusal: Refusal | None = None

    def handle_raw_input(
        self,
        input_data: Any,
        META: Any,  # noqa: N803  # Django's name
        content_length: int,
        boundary: Any,
        encoding: str | None = None,
    ) -> None:
        if content_length > ROOM_CHECKED_FROM:
            self._keep_going(ensure_room, content_length)

    def new_file(self, *args: Any, **kwargs: Any) -> None:
        try:
            super().new_file(*args, **kwargs)
        except TwoFiles as error:  # the first one counts
            raise SkipFile from error

    def receive_data_chunk(self, raw_data: bytes, start: int) -> bytes | None:
        if self.refusal is None:
            self._keep_going(super().receive_data_chunk, raw_data, start)
        return None

    def file_complete(self, file_size: int) -> Any:
        received = None if self.refusal else self._keep_going(super().file_complete, file_size)
        if self.refusal is not None:
            return RefusedFile(self.refusal, self.file_name or "file")
        return received

    def _keep_going(self, step: Any, *args: Any) -> Any:
        try:
            with store_errors():
                return step(*args)
        except Refusal as refusal:
            self.refusal = refusal
            return None


class UploadField(forms.FileField):
    """A file that arrived through a FormHandler; cleans to a ReceivedFile, or None."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(allow_empty_file=True, widget=forms.FileInput, **kwargs)

    def clean(self, data: Any, initial: Any = None) -> Any:
        if isinstance(data, RefusedFile):
            raise forms.ValidationError(str(data.refusal))
        received = super().clean(data, initial)
        return received if isinstance(received, ReceivedFile) else None


def spooled_of(form: Any) -> Spooled | None:
    """What was uploaded with a valid form."""
    received: ReceivedFile | None = form.cleaned_data.get("upload")
    return received.spooled if received else None


class UploadPage(Page):
    """A page whose forms have an `upload`."""

    def largest(self) -> int:
        """The largest file, in bytes."""
        raise NotImplementedError

    # Looking for the CSRF token reads the body, which must not happen before the handler is in its place.
    # `changeform_view`, to which both go on, looks for it.
    @csrf_exempt
    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        self._receive(request)
        return super().add_view(request, form_url, extra_context)

    @csrf_exempt
    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        self._receive(request)
        return super().change_view(request, object_id, form_url, extra_context)

    def _receive(self, request: HttpRequest) -> None:
        with suppress(AttributeError):  # a form without files is read by then
            request.upload_handlers = [FormHandler(request, limits={"upload": self.largest()})]
