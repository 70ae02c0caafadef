"""Requests of other AWS services, led here by a global ``AWS_ENDPOINT_URL``: clients say why."""

import logging
from collections.abc import Callable, Iterator
from typing import Any, Final

import boto3
import pytest
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import ClientError

from bedrock_frames.server import Server
from bedrock_frames.server.seldom import Seldom
from bedrock_frames.server.strays import MAX_SERVICES
from tests.support.http_client import CONVERSE, ask, asking, connect

FIXTURES: Final = [{"match": {}, "response": {"content": "Hello!"}}]
INSTEAD: Final = (
    "is not served here; set AWS_ENDPOINT_URL_BEDROCK_RUNTIME instead of AWS_ENDPOINT_URL"
)


@pytest.fixture(params=["native", "asgi"])
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    with Server(FIXTURES, asgi=request.param == "asgi") as server:
        yield server


def client(server: Server, service: str, **options: Any) -> Any:
    config = Config(retries={"max_attempts": 1}).merge(options.pop("config", Config()))
    return boto3.client(
        service,  # type: ignore[call-overload]
        endpoint_url=server.url,
        region_name="us-east-1",
        aws_access_key_id="AKIDSTRAY",
        aws_secret_access_key="any",  # noqa: S106
        config=config,
        **options,
    )


Call = Callable[[Any], object]
CALLS: Final[dict[str, tuple[str, Call, int, str]]] = {
    "query": ("sts", lambda c: c.get_caller_identity(), 400, "InvalidAction"),
    "ec2": ("ec2", lambda c: c.describe_regions(), 400, "InvalidAction"),
    "query of iam": ("iam", lambda c: c.list_users(), 400, "InvalidAction"),
    "json 1.0": ("dynamodb", lambda c: c.list_tables(), 404, "UnknownOperationException"),
    "json 1.1": ("ecs", lambda c: c.list_clusters(), 404, "UnknownOperationException"),
    "json of sqs": ("sqs", lambda c: c.list_queues(), 404, "UnknownOperationException"),
    "rest-json": ("lambda", lambda c: c.list_functions(), 404, "UnknownOperationException"),
    "s3, GET": ("s3", lambda c: c.list_buckets(), 501, "NotImplemented"),
    "s3, PUT": (
        "s3",
        lambda c: c.put_object(Bucket="b", Key="k", Body=b"x"),
        501,
        "NotImplemented",
    ),
    "rest-xml": ("route53", lambda c: c.list_hosted_zones(), 400, "InvalidAction"),
    "cbor": ("cloudwatch", lambda c: c.list_metrics(), 404, "UnknownOperationException"),
}


@pytest.mark.parametrize(("service", "call", "status", "code"), CALLS.values(), ids=CALLS)
def test_the_error_of_a_client_says_what_to_set(
    server: Server, service: str, call: Call, status: int, code: str
) -> None:
    with pytest.raises(ClientError) as raised:
        call(client(server, service))

    response: Any = raised.value.response
    (entry,) = server.parts.engine.journal()[1]
    assert INSTEAD in response["Error"]["Message"]
    assert response["ResponseMetadata"]["HTTPStatusCode"] == entry.status
    assert response["ResponseMetadata"]["RequestId"] == entry.request_id
    assert (entry.session, entry.outcome) == ("AKIDSTRAY", "delivered")
    if service != "cloudwatch":  # Which protocol it speaks depends on its version.
        assert (response["Error"]["Code"], entry.status) == (code, status)
        scope = {"route53": "route53"}.get(service, service)
        assert response["Error"]["Message"] == f"{scope} {INSTEAD}"


def test_other_bedrock_services_are_recognised_by_path(server: Server) -> None:
    bedrock = client(server, "bedrock")
    with pytest.raises(ClientError, match=r"bedrock \(GET /foundation-models\) is not served here"):
        bedrock.list_foundation_models()


def test_unsigned_requests_are_recognised_by_action(server: Server) -> None:
    unsigned = Config(signature_version=UNSIGNED)
    sts = client(server, "sts", config=unsigned)
    with pytest.raises(ClientError, match=f"AssumeRoleWithWebIdentity {INSTEAD}"):
        sts.assume_role_with_web_identity(
            RoleArn="arn:aws:iam::123456789012:role/r",
            RoleSessionName="me",
            WebIdentityToken="t" * 9,
        )
    cognito = client(server, "cognito-identity", config=unsigned)
    with pytest.raises(ClientError, match=f"AWSCognitoIdentityService {INSTEAD}"):
        cognito.get_id(IdentityPoolId="us-east-1:1")


@pytest.mark.parametrize("version", ["s3v4", "s3"])
def test_a_presigned_url_is_recognised_by_query(server: Server, version: str) -> None:
    signing = Config(signature_version=version)
    url: str = client(server, "s3", config=signing).generate_presigned_url(
        "get_object", Params={"Bucket": "b", "Key": "k"}
    )
    reply = ask(server.url, "GET", url.removeprefix(server.url))

    assert reply.status == 501
    assert reply.headers["x-amz-request-id"] == reply.headers["x-amzn-requestid"]
    assert f"<Message>s3 {INSTEAD}</Message>".encode() in reply.body


def test_what_no_aws_client_sends_is_an_unknown_route_and_not_in_the_journal(
    server: Server,
) -> None:
    reply = ask(server.url, "GET", "/favicon.ico")

    assert (reply.status, reply.json) == (404, {"message": "No such route: GET /favicon.ico"})
    assert server.parts.engine.journal()[0] == 0


def signed(service: str) -> dict[str, str]:
    scope = f"AWS4-HMAC-SHA256 Credential=AKID/20261125/us-east-1/{service}/aws4_request, Sig=0"
    return {"authorization": scope}


def test_they_are_counted_by_service_up_to_a_bound(server: Server) -> None:
    with connect(server.url) as connection:
        for k in range(MAX_SERVICES + 3):
            connection.ask("POST", "/", b"", signed(f"s-{k}"))
        connection.ask("POST", "/", b"", signed("s-0"))
        shown = connection.ask("GET", "/metrics").body.decode().splitlines()

    counts = [line for line in shown if line.startswith("bedrock_frames_foreign_requests_total{")]
    assert len(counts) == MAX_SERVICES + 1
    assert 'bedrock_frames_foreign_requests_total{service="s-0"} 2.0' in counts
    assert 'bedrock_frames_foreign_requests_total{service="other"} 3.0' in counts


def test_they_are_logged_once_in_a_while(server: Server, caplog: pytest.LogCaptureFixture) -> None:
    with connect(server.url) as connection, caplog.at_level(logging.WARNING):
        for _ in range(5):
            connection.ask("POST", "/", b"", signed("sts"))

    told = [r.getMessage() for r in caplog.records if "strays" in r.name]
    assert told == [f"POST '/': sts {INSTEAD}"]


def test_a_line_says_how_many_were_left_out() -> None:
    now = 0.0
    seldom = Seldom(60.0, lambda: now)

    assert [seldom.take("a"), seldom.take("a"), seldom.take("a"), seldom.take("b")] == [
        0,
        None,
        None,
        0,
    ]
    now = 61.0
    assert [seldom.take("a"), seldom.take("a")] == [2, None]


def test_they_take_no_seeded_draw_from_bedrock() -> None:
    def ids(strays: int) -> list[str]:
        with Server(FIXTURES, seed=7) as server, connect(server.url) as connection:
            for _ in range(strays):
                connection.ask("POST", "/", b"", signed("sts"))
            replies = [connection.ask("POST", CONVERSE, asking("hello")) for _ in range(2)]
        return [reply.headers["x-amzn-requestid"] for reply in replies]

    assert ids(0) == ids(3)
