"""A signed request: the signature, the answers, and where it does not go."""

from __future__ import annotations

import http.client
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

from churn.handover.webhook import Answer, Endpoint, answer_of, send, sign
from churn.params import OutboxParams
from churn.params.outbox import signing_keys
from tests.drawn_outbox import OTHER_SECRET, SECRET

BODY = b'{"test": 2432232314}'


def test_the_signature_is_that_of_standard_webhooks() -> None:
    """`printf 'msg_p5jXN8AQM9LWM0D4loKWxJek.1614265330.{"test": 2432232314}' | openssl dgst -sha256 -mac HMAC
    -macopt hexkey:$(printf MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw | base64 -d | xxd -p) -binary | base64`"""
    signature = sign(signing_keys(SECRET), "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, BODY)

    assert signature == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_two_secrets_give_two_signatures_of_which_each_stands_alone() -> None:
    both = sign(signing_keys(f"{SECRET} {OTHER_SECRET}"), "id", 1, BODY)

    assert both.split() == [sign(signing_keys(secret), "id", 1, BODY) for secret in (SECRET, OTHER_SECRET)]
    assert len(set(both.split())) == 2


@pytest.mark.parametrize(
    ("status", "result", "retry_after"),
    [
        *((status, "delivered", None) for status in (200, 201, 204, 299)),
        *((status, "stopped", None) for status in (301, 307, 308, 401, 403, 404, 405, 407, 410)),
        *((status, "refused", None) for status in (400, 409, 413, 415, 422)),
        *((status, "failed", 7.0) for status in (408, 425, 429, 500, 502, 503)),
    ],
)
def test_each_answer_has_its_meaning(status: int, result: str, retry_after: float | None) -> None:
    answer = answer_of(status, "7", 0.0)

    assert (answer.result, answer.retry_after, answer.is_gone) == (result, retry_after, status == 410)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("0", 0.0),
        ("-5", 0.0),
        ("99999999", 86_400.0),
        ("Thu, 01 Feb 2024 00:02:00 GMT", 120.0),
        ("Wed, 31 Jan 2024 00:00:00 GMT", 0.0),
        ("soon", None),
        ("Thu, 01 Feb 99999999999 00:00:00 GMT", None),
        ("Thu, 01 Feb 2024 00:00:00 +99999999999999", None),
        ("nan", None),
        (None, None),
    ],
)
def test_retry_after_is_a_number_or_a_date_and_at_most_a_day(
    header: str | None, seconds: float | None
) -> None:
    assert answer_of(503, header, 1_706_745_600.0).retry_after == seconds


Handle = Callable[[BaseHTTPRequestHandler, bytes], None]


@contextmanager
def server(handle: Handle) -> Iterator[tuple[int, list[tuple[str, dict[str, str], bytes]]]]:
    """Yield the port of a loopback server, and the requests that it got."""
    requests: list[tuple[str, dict[str, str], bytes]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            requests.append((self.path, {name.lower(): text for name, text in self.headers.items()}, body))
            handle(self, body)

        def log_message(self, *_: Any) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as listening:
        thread = threading.Thread(target=listening.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield listening.server_port, requests
        finally:
            listening.shutdown()
            thread.join()


def status(number: int, **headers: str) -> Handle:
    def handle(handler: BaseHTTPRequestHandler, body: bytes) -> None:
        handler.send_response(number)
        for name, text in headers.items():
            handler.send_header(name.replace("_", "-"), text)
        handler.send_header("content-length", "0")
        handler.end_headers()

    return handle


def endpoint(port: int, path: str = "/hook?a=b", timeout: float = 30.0) -> Endpoint:
    url = f"http://127.0.0.1:{port}{path}"
    return Endpoint.of(OutboxParams(url=url, secret=SECRET, timeout_seconds=timeout))


def test_a_request_has_the_three_headers_and_exactly_the_body() -> None:
    body = '{"name":"Zoë"}'.encode()

    with server(status(204)) as (port, requests):
        answer = send(endpoint(port), "e1", body, 1614265330.9)

    [(path, headers, content)] = requests
    assert answer == Answer("delivered", None, 204)
    assert (path, content) == ("/hook?a=b", body)
    assert (headers["webhook-id"], headers["webhook-timestamp"]) == ("e1", "1614265330")
    assert headers["webhook-signature"] == sign(signing_keys(SECRET), "e1", 1614265330, body)


def test_a_redirect_is_not_followed() -> None:
    with (
        server(status(204)) as (target, target_requests),
        server(status(307, Location=f"http://127.0.0.1:{target}/")) as (port, requests),
    ):
        answer = send(endpoint(port), "e1", BODY, 1.0)

    assert (answer.result, answer.status) == ("stopped", 307)
    assert "redirects are not followed" in str(answer.because)
    assert (len(requests), target_requests) == (1, [])


def test_a_proxy_of_the_environment_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    with server(status(500)) as (proxy, proxied), server(status(204)) as (port, requests):
        for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "all_proxy"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy}")
        answer = send(endpoint(port), "e1", BODY, 1.0)

    assert answer.result == "delivered"
    assert (len(requests), proxied) == (1, [])


def test_without_a_connection_nothing_was_sent() -> None:
    with server(status(204)) as (port, _):
        pass

    answer = send(endpoint(port), "e1", BODY, 1.0)

    assert answer == Answer("not sent", "no connection: Connection refused")


@pytest.mark.parametrize("text", [b"", b"no http at all\r\n\r\n"])
def test_a_connection_that_ends_without_an_answer_leaves_it_unknown(text: bytes) -> None:
    def handle(handler: BaseHTTPRequestHandler, body: bytes) -> None:
        handler.wfile.write(text)
        handler.close_connection = True

    with server(handle) as (port, requests):
        answer = send(endpoint(port), "e1", BODY, 1.0)

    assert (answer.result, len(requests)) == ("unknown", 1)


def test_an_answer_that_does_not_come_in_time_is_unknown() -> None:
    over = threading.Event()

    def handle(handler: BaseHTTPRequestHandler, body: bytes) -> None:
        over.wait()

    with server(handle) as (port, _):
        # The server never answers, so only the limit ends the request, however slow the machine is.
        answer = send(endpoint(port, timeout=0.2), "e1", BODY, 1.0)
        over.set()

    assert answer == Answer("unknown", "no answer: the time is over")


def test_certificate_and_name_of_the_host_are_verified(monkeypatch: pytest.MonkeyPatch) -> None:
    contexts: list[ssl.SSLContext] = []

    def note_context(connection: http.client.HTTPSConnection) -> None:
        contexts.append(connection._context)  # type: ignore[attr-defined]
        raise ConnectionRefusedError

    monkeypatch.setattr(http.client.HTTPSConnection, "connect", note_context)

    send(Endpoint("https://crm.example/", signing_keys(SECRET), 30.0), "e1", BODY, 1.0)

    [context] = contexts
    assert (context.verify_mode, context.check_hostname) == (ssl.CERT_REQUIRED, True)


def test_nothing_is_sent_without_tls_to_an_address_that_asks_for_it() -> None:
    with server(status(204)) as (port, requests):
        secure = Endpoint(f"https://127.0.0.1:{port}/", signing_keys(SECRET), 30.0)
        answer = send(secure, "e1", BODY, 1.0)

    assert answer.result == "not sent"
    assert requests == []
