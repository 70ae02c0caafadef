"""Credentials: taken from where the AWS SDKs take them, and sent as they ask."""

import re

import pytest

from bedrock_frames.bench import Auth, OptionError, read_auth
from bedrock_frames.bench.doctor.exchange import Endpoint

KEYS = {"AWS_ACCESS_KEY_ID": "AKID", "AWS_SECRET_ACCESS_KEY": "secret"}


def test_nobody_is_asked_for_credentials_that_are_not_needed() -> None:
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
