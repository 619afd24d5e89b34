"""Addresses that may hold a password, made fit for a message."""

from __future__ import annotations

import re
from urllib.parse import unquote

_USER = re.compile(r"(?<=://)([^/?#]*)@")


def without_secret(uri: str) -> str:
    """Return an address without user, password and what stands behind `?`, where a password may stand too.

    >>> without_secret("postgresql://ana:pa@ss@db.example/runs?sslpassword=x")
    'postgresql://db.example/runs'
    >>> without_secret("exports/is this it?")  # the path of a folder holds no password
    'exports/is this it?'
    """
    if "://" not in uri:
        return uri
    return _USER.sub("", re.split(r"[?#]", uri, maxsplit=1)[0], count=1)


def user_of(uri: str) -> str | None:
    """Return the `user:password` of an address, or None.

    >>> user_of("https://ana:p%40ss@tracking.example")
    'ana:p@ss'
    """
    found = _USER.search(uri)
    return unquote(found[1]) if found else None


def hide_secret(text: str, uri: str) -> str:
    """Return somebody else's words about an address without its user and password.

    >>> hide_secret("no answer from https://ana:x1@host/api, x1", "https://ana:x1@host")
    'no answer from https://host/api, ***'
    """
    text = text.replace(uri, without_secret(uri))
    found = _USER.search(uri)
    if found is None:
        return text
    text = text.replace(f"{found[1]}@", "")
    password = found[1].partition(":")[2]
    for secret in {password, unquote(password)} - {""}:
        text = text.replace(secret, "***")
    return text
