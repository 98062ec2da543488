"""What can go wrong with bytes. Every message is a sentence that may be shown to anybody.

None holds a key, a path, an address or a secret; the cause is chained, for the log.
"""

from __future__ import annotations


class StoreError(Exception):
    """The root of everything that this room raises on purpose."""


class StoreUnavailable(StoreError):
    """The store does not answer, or refuses to: an outage, which says nothing about any object."""


class UploadGone(StoreUnavailable):
    """The store no longer knows these parts: they were dropped, or joined by an unheard try."""


class BucketIsPublic(StoreError):
    """The store shows pictures, or their names, to whoever asks."""


class ObjectMissing(StoreError):
    """The store answered, and says that it has no such object."""


class ChecksumRefused(StoreError):
    """The bytes that arrived in the store are not those that were announced."""


class DiskFull(StoreError):
    """No room left, on this machine or in the store."""


class TooLarge(StoreError):
    """More bytes than the limit allows."""


class DigestMismatch(StoreError):
    """The bytes received are not those whose SHA-256 the sender declared."""


class LinkRefused(Exception):
    """A signed link was altered or has expired; the message says which."""
