"""Direct uploads into an S3 bucket: presigned PUTs, multipart uploads, and copies that the store makes itself."""

from __future__ import annotations

import base64
import hashlib
from abc import abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, suppress
from datetime import UTC, datetime
from http import HTTPStatus
from typing import TYPE_CHECKING

from botocore.config import Config
from urllib3 import HTTPConnectionPool

from curation.storage.base import ObjectStore
from curation.storage.direct import MIB, Part, PutLink, Tick
from curation.storage.errors import ChecksumRefused, ObjectMissing, StoreError, UploadGone
from curation.storage.keys import content_type_of, is_incoming, safe_content_type
from curation.storage.links import LONGEST
from curation.storage.s3 import ERROR_CODE, Unexplained404, answers, meaning
from curation.storage.sigv4 import Signer

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import CompletedPartTypeDef, CopySourceTypeDef

COPIED = 64 * MIB  # bytes that one call copies, so that each ends well within its time
PATIENT = Config(read_timeout=60)  # seconds; a store that copies says nothing before it is done


class BucketDirect(ObjectStore):
    """The part of BucketStore that clients write through."""

    bucket_name: str
    _signer: Signer
    _public_signer: Signer
    _pool: HTTPConnectionPool

    if TYPE_CHECKING:

        @property
        def _s3(self) -> S3Client: ...

    @abstractmethod
    def _call(self) -> AbstractContextManager[None]: ...

    @abstractmethod
    def _with(self, purpose: str, config: Config) -> S3Client: ...

    @abstractmethod
    def _learn_whether_it_verifies(self) -> bool: ...

    @abstractmethod
    def _complete(self, key: str, upload: str, parts: list[CompletedPartTypeDef], size: int) -> None: ...

    # --- Links -------------------------------------------------------------------------------------

    def binds_content(self) -> bool:
        return self._learn_whether_it_verifies()

    def keeps_in_place(self) -> bool:
        return self.binds_content()

    def put_link(self, key: str, *, size: int, sha256: str, seconds: int) -> PutLink:
        """The length is signed as well; HTTP clients send it by themselves. So is the type of what is to stay."""
        headers = {"x-amz-checksum-sha256": base64.b64encode(bytes.fromhex(sha256)).decode()}
        if not is_incoming(key):
            headers["content-type"] = content_type_of(key)
        return PutLink(self._presigned(key, {}, {"content-length": str(size), **headers}, seconds), headers)

    def part_link(self, key: str, upload: str, number: int, *, size: int, seconds: int) -> PutLink:
        return PutLink(self._presigned(key, {"partNumber": str(number), "uploadId": upload}, {}, seconds), {})

    def _presigned(self, key: str, query: dict[str, str], headers: dict[str, str], seconds: int) -> str:
        if not 1 <= seconds <= LONGEST:
            raise ValueError(f"A link lives from 1 to {LONGEST} seconds.")
        path, now = f"/{self.bucket_name}/{self.check_key(key)}", datetime.now(UTC)
        return self._public_signer.presign("PUT", path, now=now, seconds=seconds, query=query, headers=headers)

    # --- Parts -------------------------------------------------------------------------------------

    def begin_parts(self, key: str) -> str:
        with self._call():
            return self._s3.create_multipart_upload(Bucket=self.bucket_name, Key=self.check_key(key))["UploadId"]

    def parts(self, key: str, upload: str) -> Iterator[Part]:
        asked = {"Bucket": self.bucket_name, "Key": self.check_key(key), "UploadId": upload}
        pages = iter(self._s3.get_paginator("list_parts").paginate(**asked))  # type: ignore[arg-type]
        while True:
            with self._call():
                page = next(pages, None)
            if page is None:
                return
            for part in page.get("Parts", []):
                yield Part(part["PartNumber"], part["Size"], part["ETag"])

    def join_parts(self, key: str, upload: str, parts: Sequence[Part], *, size: int) -> None:
        listed: list[CompletedPartTypeDef] = [{"PartNumber": part.number, "ETag": part.etag} for part in parts]
        with self._call():
            try:
                self._complete(key, upload, listed, size)
            except (ObjectMissing, Unexplained404) as error:
                raise UploadGone("The upload was ended by somebody else.") from error

    def drop_parts(self, key: str, upload: str) -> None:
        with suppress(UploadGone, ObjectMissing), self._call():
            self._s3.abort_multipart_upload(Bucket=self.bucket_name, Key=self.check_key(key), UploadId=upload)

    def read_small(self, key: str, most: int) -> bytes:
        """One signed GET over a kept connection: a fifth of what boto3's get_object costs."""
        path = f"/{self.bucket_name}/{self.check_key(key)}"
        signed = self._signer.authorized("GET", path, now=datetime.now(UTC), headers={"range": f"bytes=0-{most}"})
        with self._call():
            answer = self._pool.urlopen("GET", path, headers=signed, redirect=False, decode_content=False)
        if answer.status in {HTTPStatus.OK, HTTPStatus.PARTIAL_CONTENT}:
            return answer.data[: most + 1]
        code = ERROR_CODE.search(answer.data)
        if code and code[1] == b"InvalidRange":  # an empty object has no first byte
            return b""
        raise meaning(code[1].decode() if code else "", answer.status)

    # --- Copies ------------------------------------------------------------------------------------

    def copy(self, source: str, target: str, *, size: int, sha256: str, content_type: str, tick: Tick) -> None:
        """In ranges: a whole video would keep one call waiting too long. S3 makes no SHA-256 of it: read back."""
        self.check_key(target)
        stat = self.stat(source)
        if stat is None or stat.size != size:
            raise ObjectMissing("The object is not in the store.")
        with self._call():
            begun = self._s3.create_multipart_upload(
                Bucket=self.bucket_name, Key=target, ContentType=safe_content_type(content_type)
            )
        try:
            parts = [self._copy_range(source, stat.etag, target, begun["UploadId"], n, size, tick)
                     for n in range(1, -(-size // COPIED) + 1)]  # fmt: skip
            with self._call():
                self._complete(target, begun["UploadId"], parts, size)
        except BaseException:
            with suppress(StoreError):  # if this fails too, the collector finds the upload
                self.drop_parts(target, begun["UploadId"])
            raise
        self._read_back(target, sha256, tick)

    def _copy_range(
        self, source: str, etag: str, target: str, upload: str, number: int, size: int, tick: Tick
    ) -> CompletedPartTypeDef:
        tick()
        start = (number - 1) * COPIED
        place: CopySourceTypeDef = {"Bucket": self.bucket_name, "Key": source}
        with self._call(), answers():
            answer = self._with("patient", PATIENT).upload_part_copy(
                Bucket=self.bucket_name,
                Key=target,
                UploadId=upload,
                PartNumber=number,
                CopySource=place,
                CopySourceRange=f"bytes={start}-{min(size, start + COPIED) - 1}",
                CopySourceIfMatch=f'"{etag}"',
            )
        return {"PartNumber": number, "ETag": answer["CopyPartResult"]["ETag"]}

    def _read_back(self, key: str, sha256: str, tick: Tick) -> None:
        sha = hashlib.sha256()
        for chunk in self.read_chunks(key):
            sha.update(chunk)
            tick()
        if sha.hexdigest() != sha256:
            raise ChecksumRefused("The bytes in the store are not those that were received.")
