"""Make the bucket where there is none, and wait until the store takes objects: `python -m deploy.make_bucket OWNER`.

OWNER is the file owner.json of `deploy.fill_secrets`: the one key that may make buckets. The service never sees it.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from deploy.fill_secrets import OWN

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

PATIENCE = 60.0  # seconds from the start of the store to its first object
PROBE = "probe-of-the-store"
THERE_ALREADY = {"BucketAlreadyOwnedByYou", "BucketAlreadyExists"}
CALM = Config(
    connect_timeout=3,
    read_timeout=8,
    retries={"total_max_attempts": 1},
    s3={"addressing_style": "path"},
    request_checksum_calculation="when_required",
    response_checksum_validation="when_required",
)


def make_bucket(keys: dict[str, str], *, endpoint: str, bucket: str, patience: float = PATIENCE) -> None:
    """Try until the bucket takes an object, for `patience` seconds; then the last error is raised."""
    store = boto3.client(
        "s3",
        endpoint_url=endpoint,
        region_name=OWN["S3_REGION"],
        aws_access_key_id=keys["accessKey"],
        aws_secret_access_key=keys["secretKey"],
        config=CALM,
    )
    deadline = time.monotonic() + patience
    while True:
        try:
            return _make_and_try(store, bucket)
        except (BotoCoreError, ClientError):
            if time.monotonic() > deadline:
                raise
            time.sleep(0.5)


def _make_and_try(store: S3Client, bucket: str) -> None:
    try:
        store.create_bucket(Bucket=bucket)
    except ClientError as error:
        if error.response.get("Error", {}).get("Code") not in THERE_ALREADY:
            raise
    store.put_object(Bucket=bucket, Key=PROBE, Body=b"x")
    store.delete_object(Bucket=bucket, Key=PROBE)


def main() -> None:
    keys = json.loads(Path(sys.argv[1]).read_text())
    try:
        make_bucket(keys, endpoint=OWN["S3_ENDPOINT_URL"], bucket=OWN["BUCKET_NAME"])
    except (BotoCoreError, ClientError) as error:
        sys.exit(f"The bucket {OWN['BUCKET_NAME']} could not be made: {error}")
    sys.stdout.write(f"The bucket {OWN['BUCKET_NAME']} takes objects.\n")


if __name__ == "__main__":
    main()
