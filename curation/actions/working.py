"""What an action that runs as a job is handed, and how it ends.

It returns: done. It raises a `Refusal` other than `Busy`: failed, the sentence is kept. It raises `Busy` or any
other exception: tried again later. It may be run twice, and must then leave what one run would have left.
"""

from __future__ import annotations

from typing import Any, Protocol


class Stopped(BaseException):
    """The job was cancelled, or another worker holds it: clean up and let this pass.

    Not an Exception, so that no `except Exception` on the way keeps it.
    """


class Work(Protocol):
    """One attempt at one job."""

    payload: dict[str, Any]

    def progress(self, done: int, total: int | None = None) -> None:
        """Note so much of so much (None: as said before), and live on: called often, it costs little.

        Raises Stopped when the job was cancelled or taken over.
        """
