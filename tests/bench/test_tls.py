"""TLS and HTTP/2: what ``doctor`` says of them, and that a benchmark speaks them."""

from collections.abc import Iterator

import pytest

from bedrock_frames.bench import BenchOptions, Examination, examine, run_bench
from bedrock_frames.bench.options.bench_options import Http
from bedrock_frames.server import Place, create_app
from bedrock_frames.server.native import NativeServer, Running


@pytest.fixture(scope="module")
def secure() -> Iterator[Running]:
    fixture = {"match": {"userMessage": "hello"}, "response": {"content": "Hello"}}
    with NativeServer(create_app([fixture]), Place(tls=True)) as running:
        yield running


def test_tls_and_its_negotiated_protocol_are_reported(secure: Running) -> None:
    findings = examine(Examination(url=secure.url, ca_file=secure.certificate))
    right = {f.subject: f.text for f in findings if f.level == "right"}
    assert right["tls"] == "TLSv1.3, certificate believed"
    assert right["http/2"] == "negotiated"
    assert "ConverseStream" in right


def test_an_untrusted_certificate_is_reported(secure: Running) -> None:
    (only,) = examine(Examination(url=secure.url))
    assert (only.level, only.subject) == ("wrong", "tls")
    assert "not believed" in only.text


@pytest.mark.parametrize("http", ["h1", "h2", "auto"])
def test_a_benchmark_speaks_tls_and_either_http(secure: Running, http: Http) -> None:
    options = BenchOptions(url=secure.url, ca_file=secure.certificate, http=http, requests=5)
    assert run_bench(options).requests.completed == 5
