"""Lists of class names, as commands are told."""

from __future__ import annotations

from pathlib import Path

from accounts.refusals import Invalid
from curation.actions.meaning.asked import class_names
from curation.formats.classnames import read_names
from curation.formats.refusals import Refused


def classes(text: str) -> dict[int, str] | None:
    """Names with commas between, or of a file; None for an empty text. Raises Invalid."""
    path = Path(text)
    if not text or not path.is_file():
        return class_names(text)
    try:
        with path.open("rb") as file:
            return read_names(file)
    except (OSError, Refused) as error:
        raise Invalid(f"{text} is no list of classes: {error}", "body", "classes") from error
