"""What is done with a file because of its path: taken as a picture, as a label, or left alone. Pure."""

from __future__ import annotations

import re
from enum import StrEnum

PICTURES = ("jpg", "jpeg", "png", "webp", "gif", "tif", "tiff", "mp4", "mov", "mkv", "webm", "avi")
LABELS = {"txt", "json", "xml"}
SEVERAL = {"csv", "jsonl", "ndjson", "parquet"}
PICTURES_BESIDE = {  # folder of labels -> folder of its pictures
    "labels": "images",
    "labels_ground_truth": "images",
    "labels_predictions": "images",
    "annotations": "images",
    "Annotations": "JPEGImages",
}
SYSTEM = {"thumbs.db", "desktop.ini", ".ds_store"}
DESCRIPTIONS = re.compile(r"(?:readme|license|licence|changelog|notice|classes|sources)(?:\..*)?", re.IGNORECASE)
DESCRIBING = {"yaml", "yml", "md", "rst", "cache", "names", "html", "ini", "cfg", "toml", "log", "sha256", "md5"}
SEVERAL_PICTURES = "It describes several pictures; import it as annotations."
OF_THE_SYSTEM = "A file of the system that made the folder, not a picture."
A_DESCRIPTION = "A description of the collection, not a picture."


class Kind(StrEnum):
    PICTURE = "picture"
    LABEL = "label"
    SKIPPED = "skipped"


def kind_of(path: str) -> tuple[Kind, str]:
    """What to do with the file at `path`, and why it is skipped ("" when it is not)."""
    *folders, name = path.split("/")
    extension = _extension(name)
    if name.lower() in SYSTEM or name.startswith("._") or "__MACOSX" in folders:
        return Kind.SKIPPED, OF_THE_SYSTEM
    if any(folder.startswith(".") for folder in folders) or name.startswith(".git"):
        return Kind.SKIPPED, "A hidden file."
    if DESCRIPTIONS.fullmatch(name) or extension in DESCRIBING:
        return Kind.SKIPPED, A_DESCRIPTION
    if extension in SEVERAL:
        return Kind.SKIPPED, SEVERAL_PICTURES
    return (Kind.LABEL if extension in LABELS else Kind.PICTURE), ""


def _extension(name: str) -> str:
    return name.rpartition(".")[2].lower() if "." in name else ""


def is_in_labels(path: str) -> bool:
    """Whether the folder says that a file is a label, so that its picture is missed."""
    return bool(set(path.split("/")[:-1]) & set(PICTURES_BESIDE))


def pictures_of(path: str) -> list[list[str]]:
    """Where the picture of the label at `path` may lie: likely paths first, then all the others."""
    folder, _, name = path.rpartition("/")
    stem = name.rpartition(".")[0]
    stems = [f"{each}/{stem}" if each else stem for each in _folders(folder)]
    likely = [f"{each}.{extension}" for each in stems for extension in ("jpg", "JPG")]
    others = [f"{each}.{kind}" for each in stems for extension in PICTURES for kind in (extension, extension.upper())]
    return [likely, [path for path in others if path not in likely]]


def _folders(folder: str) -> list[str]:
    """The folder itself, and the one of its pictures beside it."""
    parts = folder.split("/")
    for place in reversed(range(len(parts))):
        if parts[place] in PICTURES_BESIDE:
            beside = [*parts[:place], PICTURES_BESIDE[parts[place]], *parts[place + 1 :]]
            return ["/".join(beside), folder]
    return [folder]


# A COCO file names its pictures in a list of its own.
PICTURES_LISTED = re.compile(rb'"images"\s*:\s*\[')
BOXES_LISTED = re.compile(rb'"(?:annotations|categories)"\s*:\s*\[')


def describes_several(content: bytes) -> bool:
    """Whether (part of) a JSON file looks like COCO, which is about several pictures."""
    return bool(PICTURES_LISTED.search(content)) and bool(BOXES_LISTED.search(content))
