"""The section `contact.outbox`: how planned contacts are handed over to other systems."""

from __future__ import annotations

import base64
import binascii
import ipaddress
from typing import Annotated
from urllib.parse import SplitResult, urlsplit

from pydantic import Field, model_validator

from churn.params.sections import Section

SECRET_PREFIX = "whsec_"
KEY_BYTES = range(24, 65)
"""The lengths of a key that Standard Webhooks allows."""


class OutboxParams(Section):
    """How other systems get the planned contacts: as files, and by HTTP if `url` is given."""

    url: str | None = Field(
        default=None,
        repr=False,
        description="the address of the receiver; without it, contacts are only written to files",
    )  # the path of many webhooks is their password
    secret: str | None = Field(
        default=None,
        repr=False,
        description="what signs the contacts: `whsec_` and a key of 24 to 64 bytes in base64; two secrets "
        "with a blank between them while one replaces the other",
    )
    attempts: Annotated[int, Field(ge=1, le=100)] = Field(
        default=8, description="how often a contact is sent at most"
    )
    timeout_seconds: Annotated[float, Field(gt=0, le=300)] = Field(
        default=10.0, description="how long one attempt waits for an answer"
    )
    backoff_seconds: Annotated[float, Field(gt=0, le=3600)] = Field(
        default=1.0, description="the pause after the first failure; it doubles with each further one"
    )
    wait_seconds: Annotated[float, Field(ge=0, le=86_400)] = Field(
        default=60.0, description="how long one call goes on; what then still fails waits for the next call"
    )
    after_score: bool = Field(
        default=True, description="whether `score` sends at its end; otherwise `churn deliver` does"
    )
    plain_http: bool = Field(
        default=False, description="whether http:// to other machines than this one is allowed"
    )

    @model_validator(mode="after")
    def _can_be_sent(self) -> OutboxParams:
        problems = []
        if self.url is not None:
            problems += address_problems(self.url, plain_http=self.plain_http)
            if self.secret is None:
                problems.append("'url' needs a 'secret': without a signature anybody could send contacts")
        elif self.secret is not None:
            problems.append("'secret' is given without 'url', so nothing would be sent")
        if self.secret is not None:
            try:
                signing_keys(self.secret)
            except ValueError as error:
                problems.append(f"'secret': {error}")
        if problems:
            raise ValueError("; ".join(problems))
        return self

    @property
    def private_texts(self) -> tuple[str, ...]:
        """Return what no message may show: the secrets, and the whole address if it has a path or a query."""
        secrets = (self.secret or "").split()
        keys = [secret.removeprefix(SECRET_PREFIX) for secret in secrets]
        address = urlsplit(self.url or "")
        has_more = bool(address.path.strip("/") or address.query)
        return tuple(text for text in (self.url if has_more else None, *secrets, *keys) if text)

    @property
    def receiver(self) -> str:
        """Return the receiver's address to show in messages, without its path, which may hold a password."""
        address = urlsplit(self.url or "")
        host = f"[{address.hostname}]" if ":" in (address.hostname or "") else address.hostname
        return f"{address.scheme}://{host}" + (f":{address.port}" if address.port else "")


def address_problems(url: str, *, plain_http: bool) -> list[str]:
    """Return why nothing can be sent to an address, in words that contain no part of the address."""
    try:
        address = urlsplit(url)
        port = address.port
        (address.hostname or "").encode("idna")  # a part between two dots is empty or too long
    except ValueError:
        return ["'url' is no address; write https://host/path"]
    problems = []
    if address.scheme not in ("http", "https") or not address.hostname:
        problems.append("'url' must be https://host/path")
    elif address.scheme == "http" and not plain_http and not is_loopback(address):
        problems.append(
            "'url' is http://, which anybody on the way can read; write https://, or allow it with "
            "'plain_http: true'"
        )
    if address.username is not None or address.password is not None:
        problems.append("'url' holds a user or a password; the signature replaces them, so leave them out")
    if address.fragment or port == 0 or any(not " " < letter < "\x7f" for letter in url):
        problems.append("'url' has a #, the port 0, a blank or a special letter; encode them with %")
    return problems


def is_loopback(address: SplitResult) -> bool:
    """Return whether an address leads to this machine.

    >>> [is_loopback(urlsplit(f"http://{host}/")) for host in ("localhost", "127.0.0.2", "[::1]", "10.0.0.1")]
    [True, True, True, False]
    """
    host = address.hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def signing_keys(secret: str) -> tuple[bytes, ...]:
    """Return the key of each secret in a text; several secrets have blanks between them.

    A secret is `whsec_` and its key in base64. No message quotes a part of a secret.

    Raises:
        ValueError: A secret has another form, or its key is too short or too long.

    >>> [len(key) for key in signing_keys("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")]
    [24]
    """
    keys = []
    for number, text in enumerate(secret.split(), 1):
        which = f"secret {number} of {len(secret.split())} " if len(secret.split()) > 1 else "it "
        if not text.startswith(SECRET_PREFIX):
            raise ValueError(f"{which}does not begin with {SECRET_PREFIX}")
        try:
            key = base64.b64decode(text.removeprefix(SECRET_PREFIX), validate=True)
        except (binascii.Error, ValueError):
            raise ValueError(f"{which}is not {SECRET_PREFIX} and base64") from None
        if len(key) not in KEY_BYTES:
            raise ValueError(f"{which}has a key of {len(key)} bytes; 24 to 64 bytes are allowed")
        keys.append(key)
    if not keys:
        raise ValueError(f"it is empty; write {SECRET_PREFIX} and 24 to 64 random bytes in base64")
    return tuple(keys)
