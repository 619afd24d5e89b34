"""Passwords in addresses: parsed here, handed over as they are, and taken out of every message."""

from __future__ import annotations

from urllib.parse import quote

import pytest

from churn.errors import SourceError
from churn.secrets import (
    Address,
    AddressError,
    hide_secrets,
    keep_secret,
    keep_secrets_of,
    show_address,
    with_variables,
    without_password,
)
from tests.hostile_passwords import PASSWORDS, parts_in, pieces


def test_there_are_forty_different_passwords() -> None:
    assert len(set(PASSWORDS)) == 40


@pytest.mark.parametrize("password", PASSWORDS)
def test_an_address_with_codes_gives_the_password_as_it_is(password: str) -> None:
    text = f"postgresql://ana:{quote(password, safe='')}@db.example:5432/shop?sslmode=require"

    address = Address.parse(text)

    assert (address.user, address.password, address.host) == ("ana", password, "db.example:5432")
    assert address.canonical == text
    assert address.public_text == "postgresql://db.example:5432/shop"
    assert parts_in(address.without_password, password) == []


@pytest.mark.parametrize("password", PASSWORDS)
def test_an_address_without_codes_is_read_for_certain_or_refused_without_its_parts(password: str) -> None:
    text = f"postgresql://ana:{password}@db.example/shop"

    address, refusal = parse(text)

    if address is None:
        assert parts_in(refusal, password) == []
        assert show_address(text) == "postgresql://…"
    else:
        assert address.password in (password, password.replace("%41", "A"))
        assert parts_in(address.public_text, password) == []
        assert Address.parse(address.canonical) == address


def parse(text: str) -> tuple[Address | None, str]:
    """Return the address, or None and the words of the refusal."""
    try:
        return Address.parse(text), ""
    except AddressError as error:
        return None, str(error)


@pytest.mark.parametrize("password", PASSWORDS)
@pytest.mark.parametrize(
    "form",
    [
        "postgresql://ana:{}@db.example/shop",
        "source=postgresql://ana:{}@db.example/shop",
        "tracking.uri:http://ana:{}@host",
        "ana:{}@db.example/shop",
        "{{source: 'postgresql://ana:{}@db.example/shop'}}",
    ],
)
def test_no_message_about_an_address_holds_a_part_of_its_password(form: str, password: str) -> None:
    keep_secrets_of(form.format(password))

    for piece in pieces(password):
        error = SourceError(f'could not translate host name "{piece}" to address: {piece!r}')

        assert parts_in(str(error), password) == []
        assert parts_in(error.problems[0], password) == []


@pytest.mark.parametrize("password", PASSWORDS)
def test_the_password_in_libpqs_form_is_hidden(password: str) -> None:
    escaped = password.replace("\\", "\\\\").replace("'", "\\'")
    address = f"host=db password='{escaped}' dbname=shop"
    keep_secrets_of(address)

    message = hide_secrets(f"no folder at /data/{address}, {password} is wrong")

    assert parts_in(message, password) == []


@pytest.mark.parametrize("password", PASSWORDS)
def test_the_address_for_a_file_has_the_name_of_a_variable(password: str) -> None:
    code = quote(password, safe="")

    text, variables = with_variables(
        f"postgresql://ana:{code}@db/shop?sslpassword={code}", lambda name: f"DATABASE_{name.upper()}"
    )

    assert text == "postgresql://ana:${DATABASE_PASSWORD}@db/shop?sslpassword=${DATABASE_SSLPASSWORD}"
    assert variables == ("DATABASE_PASSWORD", "DATABASE_SSLPASSWORD")


@pytest.mark.parametrize(
    "text",
    [
        "postgresql://db/shop",
        "postgresql://ana@db:5432/shop?sslmode=require&connect_timeout=5",
        "postgresql:///shop",
        "postgresql://%2Fvar%2Frun%2Fpostgresql/shop",
        "postgresql://ana:plain-pass_1@[::1]:5432/shop",
        "postgresql://ana:one@first:5432,second:5433/shop?target_session_attrs=any",
        "https://ana:plain@tracking.example/base",
        "spark://master:7077/shop",
        "sqlite:////data/is this it?.db",
        "duckdb:///exports/100% of it.duckdb",
    ],
)
def test_an_honest_address_passes_unchanged(text: str) -> None:
    assert Address.parse(text).canonical == text


@pytest.mark.parametrize(
    "text",
    [
        "postgresql://ana:12/ss@db/shop",
        "postgresql://db:port/shop",
        "postgresql://ana:a@b@db/shop",
        "postgresql://db/shop#1",
        "postgresql://db/shop?password=ab&cd",
        "postgresql://db/shop?password=a=b",
        "host=db password=x",
    ],
)
def test_an_address_with_two_readings_is_refused(text: str) -> None:
    with pytest.raises(AddressError):
        Address.parse(text)


def test_ordinary_words_stay_in_messages() -> None:
    keep_secrets_of("postgresql://ana:cat@db/shop")
    keep_secrets_of("postgresql://shop:shop@db/shop")
    keep_secrets_of("postgresql://ana:password@db/shop")
    keep_secret("pine")
    message = "password authentication failed for shop at category pineapple"

    assert hide_secrets(message) == message


def test_values_of_the_environment_are_shown_by_their_name() -> None:
    keep_secret("8f3a-77", "${TOKEN}")

    assert hide_secrets("where token = '8f3a-77'") == "where token = '${TOKEN}'"


def test_a_new_password_is_no_new_source() -> None:
    first, second = (f"postgresql://ana:{password}@db/shop?sslmode=allow" for password in ("a1b2", "c3d4"))

    assert without_password(first) == without_password(second) == "postgresql://ana@db/shop?sslmode=allow"
    assert without_password("exports/a b") == "exports/a b"
