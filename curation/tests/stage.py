"""The store of these settings with cues: what a test wants to happen at a certain moment of a transfer."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import IO, Any

from pytest_django import Settings

from curation.storage.base import ObjectStore
from curation.storage.bucket import BucketStore
from curation.storage.folder import FolderStore

Cue = Callable[[str], None]


class OnStage(ObjectStore):
    """A real store that calls its cues with the key, before and after it writes or removes an object."""

    cues: dict[str, Cue] = {}

    def _cue(self, moment: str, key: str) -> None:
        if cue := self.cues.get(moment):
            cue(key)

    def put(self, key: str, file: IO[bytes], **announced: Any) -> None:
        self._cue("before put", key)
        super().put(key, file, **announced)  # type: ignore[safe-super]
        self._cue("after put", key)

    def remove(self, key: str) -> None:
        self._cue("before remove", key)
        super().remove(key)  # type: ignore[safe-super]
        self._cue("after remove", key)

    def read_chunks(self, key: str, start: int = 0, end: int | None = None) -> Iterator[bytes]:
        self._cue("before read", key)
        yield from super().read_chunks(key, start, end)  # type: ignore[safe-super]


class FolderOnStage(OnStage, FolderStore):
    """A folder with cues."""


class BucketOnStage(OnStage, BucketStore):
    """A bucket with cues."""


def on_stage(settings: Settings) -> dict[str, Cue]:
    """Put the store of `settings` on stage; return its cues, to be filled: "before put", "after remove", ..."""
    usual = settings.STORAGES
    kind = BucketOnStage if "Bucket" in usual["default"]["BACKEND"] else FolderOnStage
    kind.cues = {}
    settings.STORAGES = usual | {"default": usual["default"] | {"BACKEND": f"{__name__}.{kind.__name__}"}}
    return kind.cues


def once(act: Cue) -> Cue:
    """A cue that is followed the first time only."""
    done: list[str] = []

    def cue(key: str) -> None:
        if not done:
            done.append(key)
            act(key)

    return cue


def fail(error: BaseException) -> Cue:
    def cue(key: str) -> None:
        raise error

    return cue
