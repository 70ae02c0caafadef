"""Credentials: none, a bearer token, or an access key for Signature Version 4."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

from bedrock_frames.bench.errors import OptionError

if TYPE_CHECKING:
    from collections.abc import Mapping

AuthKind: TypeAlias = Literal["none", "bearer", "sigv4"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Auth:
    """Credentials. They are in neither ``repr`` nor reports."""

    kind: AuthKind
    token: str | None = field(default=None, repr=False)
    access_key: str | None = field(default=None, repr=False)
    secret_key: str | None = field(default=None, repr=False)
    session_token: str | None = field(default=None, repr=False)
    region: str | None = None

    def native(self) -> dict[str, object]:
        """Return them as the generator takes them."""
        stated = {
            "kind": self.kind,
            "token": self.token,
            "access_key": self.access_key,
            "secret_key": self.secret_key,
            "session_token": self.session_token,
            "region": self.region,
        }
        return {name: value for name, value in stated.items() if value is not None}

    def keys(self) -> tuple[str, str, str | None]:
        """Return the access key, the secret key and the session token."""
        return self.access_key or "", self.secret_key or "", self.session_token

    def stated(self) -> dict[str, object]:
        """Return the part that a report may state."""
        return {"kind": self.kind} | ({"region": self.region} if self.region else {})


NO_AUTH: Final = Auth(kind="none")


def read_auth(kind: str, environment: Mapping[str, str], *, region: str | None = None) -> Auth:
    """Find credentials where the AWS SDKs find them.

    A bearer token is ``AWS_BEARER_TOKEN_BEDROCK``; keys are the environment's, else botocore's
    (profiles, SSO, roles).

    Raises:
        OptionError: no credentials were found.
    """
    if kind == "none":
        return NO_AUTH
    if kind == "bearer":
        token = environment.get("AWS_BEARER_TOKEN_BEDROCK")
        if not token:
            raise OptionError("auth", "bearer needs a token in AWS_BEARER_TOKEN_BEDROCK")
        return Auth(kind="bearer", token=token)
    region = region or environment.get("AWS_REGION") or environment.get("AWS_DEFAULT_REGION")
    if not region:
        raise OptionError("region", "sigv4 needs one, or AWS_REGION")
    if (key := environment.get("AWS_ACCESS_KEY_ID")) and (
        secret := environment.get("AWS_SECRET_ACCESS_KEY")
    ):
        return Auth(
            kind="sigv4",
            access_key=key,
            secret_key=secret,
            session_token=environment.get("AWS_SESSION_TOKEN") or None,
            region=region,
        )
    return _botocore_keys(region)


def _botocore_keys(region: str) -> Auth:
    from botocore.session import Session

    found = Session().get_credentials()
    if found is None:
        raise OptionError("auth", "sigv4 needs credentials, and AWS has none for you here")
    keys = found.get_frozen_credentials()
    return Auth(
        kind="sigv4",
        access_key=keys.access_key,
        secret_key=keys.secret_key,
        session_token=keys.token,
        region=region,
    )
