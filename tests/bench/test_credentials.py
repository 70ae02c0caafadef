"""Credentials: taken from where the AWS SDKs take them, and sent as they ask."""

import re
import socket
from collections.abc import Callable
from typing import Final

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from bedrock_frames.bench import (
    Auth,
    BenchOptions,
    Closed,
    Examination,
    OptionError,
    examine,
    read_auth,
    run_bench,
)
from bedrock_frames.bench.doctor.exchange import Endpoint
from tests.support import signature_vectors
from tests.support.load_runs import Script, answer, http, server

KEYS = {"AWS_ACCESS_KEY_ID": "AKID", "AWS_SECRET_ACCESS_KEY": "secret"}


def test_credentials_are_not_looked_up_where_they_are_not_needed() -> None:
    assert read_auth("none", {}) == Auth(kind="none")


def test_a_bearer_token_is_the_environment_s() -> None:
    assert read_auth("bearer", {"AWS_BEARER_TOKEN_BEDROCK": "t"}).native() == {
        "kind": "bearer",
        "token": "t",
    }


@pytest.mark.parametrize("name", ["AWS_REGION", "AWS_DEFAULT_REGION"])
def test_keys_and_region_are_the_environment_s(name: str) -> None:
    auth = read_auth("sigv4", {**KEYS, name: "eu-central-1", "AWS_SESSION_TOKEN": "st"})
    assert auth.keys() == ("AKID", "secret", "st")
    assert auth.region == "eu-central-1"
    assert read_auth("sigv4", {**KEYS, name: "x"}, region="y").region == "y"


@pytest.mark.parametrize(
    ("kind", "environment", "named"),
    [("bearer", {}, "AWS_BEARER_TOKEN_BEDROCK"), ("sigv4", KEYS, "region")],
)
def test_what_is_missing_is_named(kind: str, environment: dict[str, str], named: str) -> None:
    with pytest.raises(OptionError, match=named):
        read_auth(kind, environment)


def test_doctor_signs_with_the_key_of_the_day() -> None:
    auth = read_auth("sigv4", {**KEYS, "AWS_REGION": "us-east-1"})
    endpoint = Endpoint(url="http://127.0.0.1:1", auth=auth)
    headers = endpoint.credentials("/model/m/converse", b"{}", {"content-type": "x"})
    assert re.match(
        r"AWS4-HMAC-SHA256 Credential=AKID/\d{8}/us-east-1/bedrock/aws4_request, "
        r"SignedHeaders=content-type;host;x-amz-date, Signature=[0-9a-f]{64}$",
        headers["Authorization"],
    )


# From end to end, against an endpoint that looks.

BODY: Final = b"".join(answer("Hello"))
REGION: Final = "eu-west-1"
Headers = dict[str, str]


def is_signed(path: str, headers: Headers, body: bytes) -> bool:
    """Say whether a request's signature is the one that botocore makes of the same."""
    stated = re.fullmatch(
        r"AWS4-HMAC-SHA256 Credential=AKID/\d{8}/eu-west-1/bedrock/aws4_request, "
        r"SignedHeaders=(\S+), Signature=([0-9a-f]{64})",
        headers.get("authorization", ""),
    )
    if stated is None or headers.get("x-amz-security-token") != "st":
        return False
    signed = {name: headers[name] for name in stated[1].split(";")}
    request = AWSRequest("POST", f"http://{headers['host']}{path}", signed, data=body)
    request.context["timestamp"] = headers["x-amz-date"]
    signer = SigV4Auth(Credentials("AKID", "secret", "st"), "bedrock", REGION)
    text = signer.string_to_sign(request, signer.canonical_request(request))
    return signer.signature(text, request) == stated[2]


def is_known(_path: str, headers: Headers, _body: bytes) -> bool:
    """Say whether a request bears the token."""
    return headers.get("authorization") == "Bearer letmein"


def checking(allows: Callable[[str, Headers, bytes], bool]) -> Script:
    """Answer whom it allows, and refuse others as the service does."""

    def script(connection: socket.socket, request: bytes) -> None:
        head, _, body = request.partition(b"\r\n\r\n")
        first, *lines = head.decode().split("\r\n")
        headers = {k.lower(): v for k, v in (line.split(": ", 1) for line in lines)}
        allowed = allows(first.split()[1], headers, body)
        refused = http(b'{"__type":"AccessDeniedException"}', status="403 Forbidden")
        connection.sendall(http(BODY) if allowed else refused)

    return script


STATED: Final = {**KEYS, "AWS_SESSION_TOKEN": "st", "AWS_BEARER_TOKEN_BEDROCK": "letmein"}
WRONG: Final = {**STATED, "AWS_SECRET_ACCESS_KEY": "other", "AWS_BEARER_TOKEN_BEDROCK": "other"}
CHECKS: Final = {"sigv4": is_signed, "bearer": is_known}


@pytest.mark.parametrize("kind", CHECKS)
def test_an_endpoint_that_checks_credentials_is_satisfied(kind: str) -> None:
    right, wrong = (read_auth(kind, of, region=REGION) for of in (STATED, WRONG))
    with server(checking(CHECKS[kind])) as url:
        options = BenchOptions(url=url, auth=right, arrivals=Closed(concurrency=4), requests=40)
        found, refused = run_bench(options), run_bench(options.but(auth=wrong))
        examined = examine(Examination(url=url, auth=right))

    assert found.requests.completed == 40
    assert refused.errors == {"http:AccessDeniedException": 40}
    assert not [finding for finding in examined if "AccessDenied" in finding.text]


def test_the_vectors_of_the_generator_s_signer_are_what_botocore_signs() -> None:
    assert signature_vectors.FILE.read_text() == signature_vectors.text()
