"""Requests that botocore has signed.

``python -m tests.support.signature_vectors`` writes the file.
"""

import json
import random
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

FILE: Final = Path(__file__).parents[2] / "rust/load/tests/vectors/signatures.json"
COUNT: Final = 96

PATHS: Final = (
    "/",
    "/model/m/converse",
    "/model/anthropic.claude-3-5-sonnet-20241022-v2%3A0/converse-stream",
    "/model/arn%3Aaws%3Abedrock%3Aus-east-1%3A1%3Ainference-profile%2Fa/invoke",
    "/prefix/model/a%20b%2Bc~%C3%A9/invoke-with-response-stream",
    "/model/a b+c(d)*'!@$&=,/converse",
    "/a//b///model/m/converse/",
    "/a/./b/../model/m/../n/converse",
    "/../../converse",
    "/caf\u00e9/\u65e5\u672c",
)
TIMES: Final = (
    datetime(1970, 1, 1, tzinfo=UTC),
    datetime(1999, 12, 31, 23, 59, 59, tzinfo=UTC),
    datetime(2000, 2, 29, 0, 0, 1, tzinfo=UTC),
    datetime(2015, 8, 30, 12, 36, tzinfo=UTC),
    datetime(2024, 2, 29, 23, 59, 59, tzinfo=UTC),
    datetime(2026, 3, 1, tzinfo=UTC),
    datetime(2038, 1, 19, 3, 14, 8, tzinfo=UTC),
    datetime(2100, 3, 1, 4, 5, 6, tzinfo=UTC),
)
CONTENT_TYPES: Final = (
    "application/json",
    "application/json; charset=utf-8",
    "  application/json ;   a=b  c ",
)
HOSTS: Final = (
    "127.0.0.1:4010",
    "bedrock-runtime.us-east-1.amazonaws.com",
    "bedrock-runtime.EU-central-1.example:8443",
)
BODIES: Final = ("", "{}", '{"a":"é"}', "x" * 300, "\x00\n\r\u2028")
TOKENS: Final = (None, "token", "IQoJb3JpZ2luX2VjE/+=" * 3)
KEYS: Final = (
    ("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"),
    ("ASIAX", "+/" * 20),
    ("k", "s" * 80),
)
REGIONS: Final = ("us-east-1", "eu-central-2", "us-gov-west-1")


def vectors() -> Iterator[dict[str, Any]]:
    """Yield what is signed, each with the header that botocore signs it with."""
    chance = random.Random(4)  # noqa: S311  (seeded, no secret)
    for index in range(COUNT):
        stated: dict[str, Any] = {
            # Each of these is there, whatever else chance picks.
            "path": PATHS[index % len(PATHS)],
            "unix": round(TIMES[index % len(TIMES)].timestamp()),
            "content_type": chance.choice(CONTENT_TYPES),
            "host": chance.choice(HOSTS),
            "body": chance.choice(BODIES),
            "token": chance.choice(TOKENS),
            "keys": chance.choice(KEYS),
            "region": chance.choice(REGIONS),
        }
        yield {**stated, "authorization": authorization(stated)}


def authorization(stated: dict[str, Any]) -> str:
    """Return what botocore puts into the header of that name."""
    access_key, secret_key = stated["keys"]
    keys = Credentials(access_key, secret_key, stated["token"])
    signer = SigV4Auth(keys, "bedrock", stated["region"])
    request = AWSRequest(
        method="POST",
        url=f"https://{stated['host']}{stated['path']}",
        data=stated["body"].encode(),
        headers={"content-type": stated["content_type"], "host": stated["host"]},
    )
    stamp = f"{datetime.fromtimestamp(stated['unix'], UTC):%Y%m%dT%H%M%SZ}"
    request.context["timestamp"] = stamp
    request.headers["X-Amz-Date"] = stamp
    if stated["token"]:
        request.headers["X-Amz-Security-Token"] = stated["token"]
    text = signer.string_to_sign(request, signer.canonical_request(request))
    return (
        f"AWS4-HMAC-SHA256 Credential={signer.scope(request)}, "
        f"SignedHeaders={signer.signed_headers(signer.headers_to_sign(request))}, "
        f"Signature={signer.signature(text, request)}"
    )


def text() -> str:
    """Return the file: a JSON array with one vector a line."""
    return "[\n" + ",\n".join(json.dumps(vector) for vector in vectors()) + "\n]\n"


if __name__ == "__main__":
    FILE.write_text(text())
