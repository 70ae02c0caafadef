"""The environment and the credentials with which AWS SDKs use a server of this package."""

from __future__ import annotations

from typing import Final

REGION: Final = "us-east-1"
ACCESS_KEY_ID: Final = "AKIDBEDROCKFRAMES"
SECRET_ACCESS_KEY: Final = "nothing-checks-this"  # noqa: S105

LOOPBACK: Final = "127.0.0.1,localhost"


def environment(url: str, no_proxy: str = "") -> dict[str, str | None]:
    """Return the variables that make AWS SDKs use a server; those that are None must be unset.

    ``no_proxy`` are the hosts that need no proxy besides: the value of ``NO_PROXY``.
    """
    direct = f"{no_proxy},{LOOPBACK}".lstrip(",")
    return {
        "AWS_ENDPOINT_URL_BEDROCK_RUNTIME": url,
        "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": None,
        "AWS_ACCESS_KEY_ID": ACCESS_KEY_ID,
        "AWS_SECRET_ACCESS_KEY": SECRET_ACCESS_KEY,
        "AWS_SESSION_TOKEN": None,
        "AWS_PROFILE": None,
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_EC2_METADATA_DISABLED": "true",
        # botocore prefers a bearer token, and refuses to send one over plain HTTP.
        "AWS_BEARER_TOKEN_BEDROCK": None,
        "NO_PROXY": direct,
        "no_proxy": direct,
    }
