"""Objects in an S3 bucket: AWS, SeaweedFS, MinIO, Garage, and what else speaks S3.

Every call has time limits, at most three tries and a place in the bulkhead. SHA-256 goes along with every
byte that is written; ETags are never compared with anything, since they are MD5 sums only sometimes.
"""

from __future__ import annotations

import base64
import hashlib
import io
import secrets
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from datetime import UTC, datetime
from functools import partial
from http import HTTPStatus
from itertools import count
from typing import IO, TYPE_CHECKING, Any

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError
from storages.backends.s3 import S3Storage

from curation.storage import slots
from curation.storage.base import PIECE, Incomplete, Stat
from curation.storage.breaker import Breaker
from curation.storage.bucket_direct import BucketDirect
from curation.storage.disk import disk
from curation.storage.errors import (
    BucketIsPublic,
    ChecksumRefused,
    ObjectMissing,
    StoreError,
    StoreUnavailable,
    UploadGone,
)
from curation.storage.headers import content_disposition
from curation.storage.keys import INLINE, UNKNOWN, media_key, safe_content_type
from curation.storage.links import LONGEST
from curation.storage.s3 import (
    CLIENT,
    ERROR_CODE,
    Unexplained404,
    answers,
    connection_pool,
    error_code,
    meaning,
)
from curation.storage.sigv4 import Signer
from curation.storage.spool import temporary_file

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import CompletedPartTypeDef, HeadObjectOutputTypeDef, ObjectTypeDef

MIB = 1024 * 1024
PART_SIZE = 16 * MIB  # bytes; up to this in a single PUT, above it in parts of this size
MOST_PARTS = 10_000  # S3's limit: 160 GB at this size


class BucketStore(BucketDirect, S3Storage):  # type: ignore[misc]  # django-storages has no types
    """Keeps objects in one bucket.

    Options, besides those of django-storages (bucket_name, access_key, secret_key, region_name,
    endpoint_url, verify): `public_endpoint_url`, where browsers reach the same bucket ("" = endpoint_url),
    `client_config`, a botocore Config whose entries win over ours, and `allow_public`, for a bucket that
    is meant to be open to everybody.
    """

    def __init__(
        self,
        *,
        public_endpoint_url: str = "",
        client_config: Config | None = None,
        allow_public: bool = False,
        **options: Any,
    ) -> None:
        config = CLIENT.merge(client_config) if client_config else CLIENT
        options["endpoint_url"] = options.get("endpoint_url") or None
        options["region_name"] = options.get("region_name") or "us-east-1"
        super().__init__(client_config=config, **options)
        self.public_endpoint_url = public_endpoint_url or self.endpoint_url
        self._allow_public = allow_public
        self._lock = threading.Lock()  # clients are safe to share between threads, making them is not
        self._clients: dict[str, S3Client] = {}
        self._verifies: bool | None = None  # not known before the first write
        self._breaker = Breaker()

        self._signer = self._signer_for(self.endpoint_url)
        self._public_signer = self._signer_for(self.public_endpoint_url)
        self._pool = connection_pool(self._signer.endpoint, self.verify, config)

    def _signer_for(self, endpoint: str | None) -> Signer:
        endpoint = endpoint or f"https://s3.{self.region_name}.amazonaws.com"
        return Signer(endpoint.rstrip("/"), self.access_key, self.secret_key, self.region_name)

    # --- Clients -----------------------------------------------------------------------------------

    @property
    def _s3(self) -> S3Client:
        return self._client("store", self.endpoint_url, self.client_config)

    def _client(self, purpose: str, endpoint: str | None, config: Config) -> S3Client:
        """One client for each purpose, made when first needed, so that a command without objects pays nothing."""
        with self._lock:
            if purpose not in self._clients:
                session: boto3.Session = self._create_session()
                self._clients[purpose] = session.client(
                    "s3", endpoint_url=endpoint, region_name=self.region_name, verify=self.verify, config=config
                )
            return self._clients[purpose]

    def _hasty(self, timeout: float = 2.0) -> S3Client:
        """A client that gives up after `timeout` seconds and does not try again."""
        half = Config(
            connect_timeout=timeout / 2, read_timeout=timeout / 2, retries={"total_max_attempts": 1, "mode": "standard"}
        )
        return self._with(f"hasty {timeout}", half)

    def _with(self, purpose: str, config: Config) -> S3Client:
        """A client with other limits than the usual ones."""
        return self._client(purpose, self.endpoint_url, self.client_config.merge(config))

    # --- Readiness ---------------------------------------------------------------------------------

    def ping(self, timeout: float = 2.0) -> None:
        """Outside the bulkhead: a probe must not starve when transfers hang."""
        self._require_bucket(self._hasty(timeout))
        self._breaker.works()

    def prepare(self) -> None:
        """See that the bucket is there, may be written, and whether the store verifies checksums.

        Raises BucketIsPublic when strangers may list or read it.
        """
        with self._call():
            self._require_bucket(self._s3)
        self._learn_whether_it_verifies()
        if not self._allow_public:
            self._require_privacy()

    def _require_privacy(self) -> None:
        """Ask as a stranger does, without a signature: for the list, and for an object where pictures lie."""
        if self._shows("?list-type=2&max-keys=1"):
            raise BucketIsPublic("The bucket shows the names of its objects to everybody.")
        content = secrets.token_bytes(16)
        key = media_key(hashlib.sha256(content).hexdigest(), "bin")
        with self._call():
            self._put_at_once(key, content, checksum=_base64(content), content_type=UNKNOWN)
        try:
            if self._shows(f"/{key}"):
                raise BucketIsPublic("The bucket shows its objects to everybody.")
        finally:
            self.remove(key)

    def _shows(self, what: str) -> bool:
        """Whether an unsigned GET succeeds. A store that is out of order has said neither yes nor no."""
        with self._call():
            answer = self._pool.request("GET", f"{self._signer.endpoint}/{self.bucket_name}{what}", redirect=False)
            if answer.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
                raise meaning("", answer.status)
            return answer.status < HTTPStatus.MULTIPLE_CHOICES

    def _learn_whether_it_verifies(self) -> bool:
        """Send a wrong checksum once per process; a store that takes it is read back after every write."""
        if self._verifies is None:
            key = f"incoming/probe-{secrets.token_hex(8)}"
            try:
                with self._call():
                    self._put_at_once(key, b"right", checksum=_base64(b"wrong"), content_type=UNKNOWN)
                self.remove(key)
                self._verifies = False
            except ChecksumRefused:
                self._verifies = True
        return self._verifies

    # --- Writing -----------------------------------------------------------------------------------

    def put(self, key: str, file: IO[bytes], *, size: int, sha256: str, content_type: str) -> None:
        """As ObjectStore.put(). Sent a second time when the store says that the bytes were altered on the way."""
        self.check_key(key)
        write = partial(self._write, key, file, size=size, sha256=sha256, content_type=content_type)
        try:
            write()
        except ChecksumRefused:
            write()

    def _write(self, key: str, file: IO[bytes], *, size: int, sha256: str, content_type: str) -> None:
        verifies = self._learn_whether_it_verifies()
        if file.seek(0, io.SEEK_END) != size:
            raise ChecksumRefused("The bytes to be stored are not those that were received.")
        file.seek(0)
        with self._call():
            if size <= PART_SIZE:
                checksum = base64.b64encode(bytes.fromhex(sha256)).decode()
                self._put_at_once(key, file.read(), checksum=checksum, content_type=safe_content_type(content_type))
            else:
                self._put_in_parts(key, file, size=size, sha256=sha256, content_type=content_type)
        if not verifies and self.digest(key) != (sha256, size):
            raise ChecksumRefused("The bytes in the store are not those that were received.")

    def _put_at_once(self, key: str, body: bytes, *, checksum: str, content_type: str) -> None:
        """One signed PUT over a kept connection: a fifth of what boto3's put_object costs."""
        path = f"/{self.bucket_name}/{key}"
        headers = {"content-type": content_type, "x-amz-checksum-sha256": checksum}
        signed = self._signer.authorized("PUT", path, now=datetime.now(UTC), headers=headers)
        answer = self._pool.urlopen("PUT", path, body=body, headers=signed, redirect=False)
        if answer.status != HTTPStatus.OK:
            code = ERROR_CODE.search(answer.data)
            raise meaning(code[1].decode() if code else "", answer.status)

    def _put_in_parts(self, key: str, file: IO[bytes], *, size: int, sha256: str, content_type: str) -> None:
        """The store checks each part; that the parts are the file is checked here, before they become an object."""
        begun = self._s3.create_multipart_upload(
            Bucket=self.bucket_name, Key=key, ContentType=safe_content_type(content_type), ChecksumAlgorithm="SHA256"
        )
        upload = begun["UploadId"]
        try:
            parts = self._send_parts(key, upload, file, size, sha256)
            self._complete(key, upload, parts, size)
        except BaseException:
            with suppress(StoreError), answers():  # if this fails too, the collector finds the upload
                self._hasty().abort_multipart_upload(Bucket=self.bucket_name, Key=key, UploadId=upload)
            raise

    def _send_parts(self, key: str, upload: str, file: IO[bytes], size: int, sha256: str) -> list[CompletedPartTypeDef]:
        """Send every part, one in memory at a time; return what completes them."""
        parts: list[CompletedPartTypeDef] = []
        whole, length = hashlib.sha256(), 0
        for number in count(1):
            part = file.read(_part_size(size))
            if not part:
                break
            checksum = _base64(part)
            answer = self._s3.upload_part(
                Bucket=self.bucket_name,
                Key=key,
                UploadId=upload,
                PartNumber=number,
                Body=part,
                ChecksumSHA256=checksum,
            )
            parts.append({"PartNumber": number, "ETag": answer["ETag"], "ChecksumSHA256": checksum})
            whole.update(part)
            length += len(part)
        if (whole.hexdigest(), length) != (sha256, size):
            raise ChecksumRefused("The bytes to be stored are not those that were received.")
        return parts

    def _complete(self, key: str, upload: str, parts: list[CompletedPartTypeDef], size: int) -> None:
        """Make the parts an object. After a lost answer the next try finds the upload gone, and the object there."""
        try:
            with answers():
                self._s3.complete_multipart_upload(
                    Bucket=self.bucket_name, Key=key, UploadId=upload, MultipartUpload={"Parts": parts}
                )
        except UploadGone:
            with answers():
                found = self._s3.head_object(Bucket=self.bucket_name, Key=key)
            if found["ContentLength"] != size:
                raise

    def remove(self, key: str) -> None:
        with suppress(ObjectMissing), self._call():
            self._s3.delete_object(Bucket=self.bucket_name, Key=self.check_key(key))

    # --- Reading -----------------------------------------------------------------------------------

    def stat(self, key: str) -> Stat | None:
        self.check_key(key)
        try:
            with self._call():
                return _stat_of_head(key, self._s3.head_object(Bucket=self.bucket_name, Key=key))
        except (ObjectMissing, Unexplained404):
            with self._call():  # HEAD says 404 for a bucket that is gone as well
                self._require_bucket(self._s3)
            return None

    def read_chunks(self, key: str, start: int = 0, end: int | None = None) -> Iterator[bytes]:
        self.check_key(key)
        if end is not None and end <= start:
            self.size(key)  # nothing to read, but an absent object is still told
            return
        with self._call():
            yield from self._chunks(key, start, end)

    def _chunks(self, key: str, start: int, end: int | None) -> Iterator[bytes]:
        """The pieces of one answer; a connection that ends early is an error, never a short file."""
        asked = {"Range": f"bytes={start}-{'' if end is None else end - 1}"} if start or end is not None else {}
        try:
            answer = self._s3.get_object(Bucket=self.bucket_name, Key=key, **asked)  # type: ignore[arg-type]
        except ClientError as error:
            if error_code(error) == "InvalidRange":  # `start` lies behind the end
                return
            raise
        with closing(answer["Body"]) as body:
            yield from body.iter_chunks(PIECE)

    def fetch(self, key: str) -> IO[bytes]:
        """As ObjectStore.fetch(); spooled on this machine, so that it can be read in any order."""
        file = temporary_file()
        try:
            for chunk in self.read_chunks(key):
                with disk():
                    file.write(chunk)
            with disk():
                file.seek(0)
        except BaseException:
            with suppress(OSError):
                file.close()
            raise
        return file

    def walk(self, prefix: str = "", after: str = "") -> Iterator[Stat]:
        pages = iter(
            self._s3.get_paginator("list_objects_v2").paginate(Bucket=self.bucket_name, Prefix=prefix, StartAfter=after)
        )
        while True:
            with self._call():
                page = next(pages, None)
            if page is None:
                return
            yield from map(_stat_of_entry, page.get("Contents", []))

    # --- Writes that were cut short ----------------------------------------------------------------

    def incomplete(self) -> Iterator[Incomplete]:
        """Open multipart uploads, those of living writers included."""
        pages = iter(self._s3.get_paginator("list_multipart_uploads").paginate(Bucket=self.bucket_name))
        while True:
            with self._call():
                page = next(pages, None)
            if page is None:
                return
            for upload in page.get("Uploads", []):
                yield Incomplete(upload["Key"], upload["UploadId"], upload["Initiated"])

    def abort(self, incomplete: Incomplete) -> None:
        with suppress(UploadGone, ObjectMissing), self._call():
            self._s3.abort_multipart_upload(Bucket=self.bucket_name, Key=incomplete.key, UploadId=incomplete.upload_id)

    # --- Links -------------------------------------------------------------------------------------

    def signed(self, key: str, *, seconds: int, name: str, content_type: str) -> str:
        """Presigned for the address that browsers use; computed here, the store is not asked."""
        if not 1 <= seconds <= LONGEST:
            raise ValueError(f"A link lives from 1 to {LONGEST} seconds.")
        asked = {
            "response-content-type": content_type,
            "response-content-disposition": content_disposition(name, content_type in INLINE),
        }
        signer, path = self._public_signer, f"/{self.bucket_name}/{key}"
        return signer.presign("GET", path, now=datetime.now(UTC), seconds=seconds, query=asked)

    # --- Calls -------------------------------------------------------------------------------------

    @contextmanager
    def _call(self) -> Iterator[None]:
        """One call, or one transfer: a closed breaker, a place in the bulkhead, and our errors for theirs."""
        self._breaker.admit()
        with slots.shared().one(), self._breaker.watched(), answers():
            yield

    def _require_bucket(self, client: S3Client) -> None:
        try:
            with answers():
                client.head_bucket(Bucket=self.bucket_name)
        except Unexplained404 as error:
            raise StoreUnavailable("The bucket does not exist.") from error


def _base64(data: bytes) -> str:
    """The SHA-256 of `data`, as S3 writes it."""
    return base64.b64encode(hashlib.sha256(data).digest()).decode()


def _part_size(size: int) -> int:
    """PART_SIZE, or more where that would need too many parts."""
    return max(PART_SIZE, -(-size // MOST_PARTS))


def _stat_of_head(key: str, head: HeadObjectOutputTypeDef) -> Stat:
    return Stat(key, head["ContentLength"], head["LastModified"], head["ETag"].strip('"'))


def _stat_of_entry(entry: ObjectTypeDef) -> Stat:
    return Stat(entry["Key"], entry["Size"], entry["LastModified"], entry.get("ETag", "").strip('"'))
