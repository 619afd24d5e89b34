"""Send an event by HTTP, with a signature in the form of Standard Webhooks.

Each request has the headers `webhook-id`, `webhook-timestamp` and `webhook-signature`;
the signature is the HMAC-SHA256 of `ID.TIMESTAMP.BODY`. An event holds data of
customers. So the connection goes directly to the host of the address: a proxy that the
environment variables name is not used, and a redirect is not followed. The certificate
of the host is verified.

Source: https://github.com/standard-webhooks/standard-webhooks, specification 1.0.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import http.client
import math
import ssl
from dataclasses import dataclass, field
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import Literal
from urllib.parse import urlsplit

import churn
from churn.params import OutboxParams
from churn.params.outbox import signing_keys

MAX_RETRY_AFTER = 86_400.0
"""The longest pause in seconds that a receiver can ask for; a longer pause is shortened to a day."""

RETRIED_STATUS = (408, 425, 429)
"""The status codes below 500 after which the same request may succeed later."""

STOPPING_STATUS = (401, 403, 404, 405, 407)
"""The status codes with which every request is refused: the address or the secret is wrong, not the event."""

_PORTS = {"https": 443, "http": 80}


@dataclass(frozen=True)
class Endpoint:
    """A receiver of events.

    Attributes:
        url: The address of the receiver; its path may contain a password.
        keys: The secret keys that sign an event: usually one, but during a change of keys the old and the
            new key.
        timeout_seconds: The number of seconds that each step of a request may take.
    """

    url: str = field(repr=False)
    keys: tuple[bytes, ...] = field(repr=False)
    timeout_seconds: float

    @classmethod
    def of(cls, terms: OutboxParams) -> Endpoint:
        """Return the receiver that the parameters describe; they must have an address and a secret."""
        return cls(terms.url or "", signing_keys(terms.secret or ""), terms.timeout_seconds)

    @property
    def digest(self) -> str:
        """Return a digest of the address, by which the journal recognises the receiver."""
        return hashlib.sha256(self.url.encode("utf-8")).hexdigest()[:16]


@dataclass(frozen=True)
class Answer:
    """The answer to a request, or why there was none.

    Attributes:
        result: What became of the event. `delivered`: the receiver accepted the event. `not sent`: there was
            no connection. `unknown`: the event was sent, but no answer came. `failed`: the receiver could not
            accept the event at this time. `refused`: the receiver will never accept this event. `stopped`:
            the receiver accepts no event at all.
        because: What was wrong, as a text without any part of the address or of the event.
        status: The HTTP status code of the answer; None if there was no answer.
        retry_after: The number of seconds for which the receiver asked to get no events; None if it did not
            ask.
        is_gone: Whether the receiver said that it no longer exists (410).
    """

    result: Literal["delivered", "not sent", "unknown", "failed", "refused", "stopped"]
    because: str | None = None
    status: int | None = None
    retry_after: float | None = None
    is_gone: bool = False


def sign(keys: tuple[bytes, ...], event_id: str, timestamp: int, body: bytes) -> str:
    """Return the value of the header `webhook-signature`: one signature for each key, separated by blanks.

    Args:
        keys: The secret keys that sign the request.
        event_id: The value of the header `webhook-id`.
        timestamp: The value of the header `webhook-timestamp`, in seconds since 1970.
        body: The body of the request.
    """
    content = f"{event_id}.{timestamp}.".encode() + body
    digests = (hmac.new(key, content, hashlib.sha256).digest() for key in keys)
    return " ".join(f"v1,{base64.b64encode(digest).decode()}" for digest in digests)


def send(endpoint: Endpoint, event_id: str, body: bytes, now: float) -> Answer:
    """Send an event once.

    Args:
        endpoint: The receiver of the event.
        event_id: The id of the event.
        body: The event as bytes.
        now: The time in seconds since 1970.
    """
    address = urlsplit(endpoint.url)
    host, timeout = address.hostname or "", endpoint.timeout_seconds
    port = address.port or _PORTS[address.scheme]
    connection = (
        http.client.HTTPSConnection(host, port, timeout=timeout, context=ssl.create_default_context())
        if address.scheme == "https"
        else http.client.HTTPConnection(host, port, timeout=timeout)
    )
    path = (address.path or "/") + (f"?{address.query}" if address.query else "")
    headers = {
        "content-type": "application/json; charset=utf-8",
        "user-agent": f"churn/{churn.__version__}",
        "webhook-id": event_id,
        "webhook-timestamp": str(int(now)),
        "webhook-signature": sign(endpoint.keys, event_id, int(now), body),
    }
    try:
        try:
            connection.connect()
        except OSError as error:
            return Answer("not sent", f"no connection: {_reason_of(error)}")
        try:
            connection.request("POST", path, body, headers)
            response = connection.getresponse()
        except (OSError, http.client.HTTPException) as error:
            return Answer("unknown", f"no answer: {_reason_of(error)}")
        return answer_of(response.status, response.getheader("retry-after"), now)
    finally:
        connection.close()


def answer_of(status: int, retry_after: str | None, now: float) -> Answer:
    """Return the `Answer` for an HTTP answer: whether the receiver took the event, and if not, why.

    Args:
        status: The HTTP status code.
        retry_after: The value of the header `Retry-After`.
        now: The time in seconds since 1970.

    >>> [answer_of(status, None, 0.0).result for status in (204, 301, 400, 401, 410, 429, 503)]
    ['delivered', 'stopped', 'refused', 'stopped', 'stopped', 'failed', 'failed']
    """
    words = f"answer {status}" + (f" {text}" if (text := http.client.responses.get(status)) else "")
    if 200 <= status < 300:
        return Answer("delivered", None, status)
    if status == 410:
        return Answer("stopped", words, status, is_gone=True)
    if 300 <= status < 400:
        return Answer("stopped", f"{words}: redirects are not followed", status)
    if status in STOPPING_STATUS:
        return Answer("stopped", f"{words}: check the address and the secret", status)
    if 400 <= status < 500 and status not in RETRIED_STATUS:
        return Answer("refused", words, status)
    return Answer("failed", words, status, _seconds_of(retry_after, now))


def _seconds_of(retry_after: str | None, now: float) -> float | None:
    """Return the waiting time in seconds from the header `Retry-After`; None if the header cannot be read.

    The header holds a number of seconds or a date.

    >>> _seconds_of("120", 0.0), _seconds_of("Thu, 01 Jan 1970 00:01:00 GMT", 20.0), _seconds_of("soon", 0.0)
    (120.0, 40.0, None)
    """
    if retry_after is None:
        return None
    try:
        seconds = float(retry_after)
    except ValueError:
        try:
            moment = parsedate_to_datetime(retry_after)
        except (ValueError, OverflowError):
            return None
        seconds = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() - now
    return min(max(seconds, 0.0), MAX_RETRY_AFTER) if math.isfinite(seconds) else None


def _reason_of(error: Exception) -> str:
    """Return a text about an error of a connection; the text holds no part of the address."""
    if isinstance(error, TimeoutError):
        return "the time is over"
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"the certificate is not accepted: {error.verify_message}"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return type(error).__name__
