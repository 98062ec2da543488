"""Our presigned addresses and signed headers are those of boto3, to the letter."""

from __future__ import annotations

from datetime import UTC, datetime
from urllib.parse import parse_qsl, urlsplit

import boto3
import pytest
import time_machine
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials
from hypothesis import given
from hypothesis import strategies as st

from curation.storage.sigv4 import Signer

ENDPOINT, ACCESS, SECRET, REGION = "http://127.0.0.1:8333", "AKTEST", "not/so+secret", "eu-west-3"
NOW = datetime(2026, 11, 23, 4, 5, 6, tzinfo=UTC)
SIGNER = Signer(ENDPOINT, ACCESS, SECRET, REGION)
CLIENT = boto3.client(
    "s3",
    endpoint_url=ENDPOINT,
    aws_access_key_id=ACCESS,
    aws_secret_access_key=SECRET,
    region_name=REGION,
    config=Config(
        signature_version="s3v4", s3={"addressing_style": "path"}, request_checksum_calculation="when_required"
    ),
)
TEXT = st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"]), min_size=1, max_size=40)


def parts(url: str) -> tuple[str, dict[str, str]]:
    return url.partition("?")[0], dict(parse_qsl(urlsplit(url).query))


@given(name=TEXT, seconds=st.integers(1, 3600))
def test_a_link_is_the_one_that_boto3_would_make(name: str, seconds: int) -> None:
    disposition = f"attachment; filename*=UTF-8''{name}"
    with time_machine.travel(NOW, tick=False):
        theirs = CLIENT.generate_presigned_url(
            "get_object",
            Params={"Bucket": "pyro", "Key": "media/00ff.jpg", "ResponseContentDisposition": disposition},
            ExpiresIn=seconds,
        )
    query = {"response-content-disposition": disposition}
    ours = SIGNER.presign("GET", "/pyro/media/00ff.jpg", now=NOW, seconds=seconds, query=query)
    assert parts(ours) == parts(theirs)


def test_a_signed_header_is_part_of_the_signature() -> None:
    with time_machine.travel(NOW, tick=False):
        theirs = CLIENT.generate_presigned_url(
            "put_object", Params={"Bucket": "pyro", "Key": "media/a.jpg", "ContentType": "image/jpeg"}, ExpiresIn=60
        )
    ours = SIGNER.presign("PUT", "/pyro/media/a.jpg", now=NOW, seconds=60, headers={"content-type": "image/jpeg"})
    assert parts(ours) == parts(theirs)


def test_the_headers_of_a_put_are_the_ones_that_boto3_would_send() -> None:
    path, headers = "/pyro/media/00ff.jpg", {"content-type": "image/jpeg", "x-amz-checksum-sha256": "abc="}
    theirs = AWSRequest("PUT", f"https://s3.example.org{path}", data=b"x", headers=headers)
    checksum = {"request_algorithm": {"in": "header", "name": "x-amz-checksum-sha256"}}
    theirs.context = {"has_streaming_input": True, "checksum": checksum}  # then boto3 does not sign the body either
    with time_machine.travel(NOW, tick=False):
        S3SigV4Auth(Credentials(ACCESS, SECRET), "s3", REGION).add_auth(theirs)
    ours = Signer("https://s3.example.org", ACCESS, SECRET, REGION).authorized("PUT", path, now=NOW, headers=headers)
    assert ours == {name.lower(): value for name, value in theirs.headers.items()}


@pytest.mark.parametrize("change", ["method", "path", "seconds", "secret"])
def test_anything_else_that_is_signed_gives_another_signature(change: str) -> None:
    def signature(method: str = "GET", path: str = "/pyro/a", seconds: int = 60, secret: str = SECRET) -> str:
        signer = Signer(ENDPOINT, ACCESS, secret, REGION)
        return parts(signer.presign(method, path, now=NOW, seconds=seconds))[1]["X-Amz-Signature"]

    other = {"method": "PUT", "path": "/pyro/b", "seconds": 61, "secret": "other"}
    assert signature() != signature(**{change: other[change]})  # type: ignore[arg-type]
