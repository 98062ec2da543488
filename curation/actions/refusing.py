"""What the store raises, in the words of our refusals."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from accounts import refusals
from curation.storage import errors

log = logging.getLogger(__name__)


@contextmanager
def store_errors() -> Iterator[None]:
    """Turn storage errors into refusals. An outage is Busy, never "not found"."""
    try:
        yield
    except errors.TooLarge as error:
        raise refusals.TooLarge(str(error)) from error
    except errors.DigestMismatch as error:
        raise refusals.Invalid(str(error), "body", "sha256", kind="value_error.sha256") from error
    except errors.DiskFull as error:
        log.error("The disk is full.", exc_info=error)
        raise refusals.Full(str(error)) from error
    except (errors.StoreUnavailable, errors.ChecksumRefused) as error:
        log.error("The store failed: %s", error, exc_info=error)
        raise refusals.Busy("The store does not answer; try again.") from error
