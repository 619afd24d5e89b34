"""The section `contact.outbox`: addresses and secrets, and that no message shows them."""

from __future__ import annotations

from pathlib import Path

import pytest

from churn.errors import ParamsError
from churn.params import OutboxParams, load_params
from churn.params.outbox import address_problems, signing_keys
from churn.secrets import hide_secrets
from tests.drawn_outbox import OTHER_SECRET, SECRET

GOOD = """
source: raw
tables: {customers: {}, orders: {}}
label: {kind: inactivity, table: orders, horizon_days: 28}
"""
PATH = "hooks/catch/123456/abcdef"


def written(folder: Path, outbox: str) -> Path:
    path = folder / "params.yaml"
    path.write_text(f"{GOOD}contact:\n  outbox: {outbox}\n", encoding="utf-8")
    return path


def test_there_is_no_outbox_by_default_and_an_empty_one_writes_files_only(tmp_path: Path) -> None:
    path = tmp_path / "params.yaml"
    path.write_text(GOOD, encoding="utf-8")

    assert load_params(path).contact.outbox is None
    assert load_params(written(tmp_path, "{}")).contact.outbox == OutboxParams()


@pytest.mark.parametrize(
    "url",
    [
        "https://crm.example/hook?a=b",
        "http://localhost:8080/",
        "http://127.0.0.1:9/x",
        "http://[::1]:9",
    ],
)
def test_addresses_that_are_safe_pass(url: str) -> None:
    assert address_problems(url, plain_http=False) == []


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("http://crm.example/hook", "plain_http"),
        ("https://ana:geheim@crm.example/", "a user or a password"),
        ("https://token@crm.example/", "a user or a password"),
        ("ftp://crm.example/", "must be https://host/path"),
        ("https:///hook", "must be https://host/path"),
        ("crm.example/hook", "must be https://host/path"),
        ("https://crm.example:99999/", "is no address"),
        ("https://crm.example:0/", "the port 0"),
        ("https://crm..example/", "is no address"),
        (f"https://{'crm' * 30}.example/", "is no address"),
        ("https://crm.example/a b", "a blank"),
        ("https://crm.example/#a", "has a #"),
    ],
)
def test_an_address_that_is_not_safe_is_refused_in_words_that_do_not_quote_it(url: str, words: str) -> None:
    (problem,) = address_problems(url, plain_http=False)

    assert words in problem
    assert "geheim" not in problem
    assert "token" not in problem


def test_http_to_another_machine_can_be_allowed() -> None:
    assert address_problems("http://10.0.0.5/hook", plain_http=True) == []


def test_each_of_several_secrets_gives_a_key() -> None:
    assert [len(key) for key in signing_keys(f"{SECRET} {OTHER_SECRET}")] == [24, 24]


@pytest.mark.parametrize(
    ("secret", "words"),
    [
        ("geheimgeheim", "does not begin with whsec_"),
        ("whsec_geheim!!", "is not whsec_ and base64"),
        ("whsec_Z2VoZWlt", "a key of 6 bytes"),
        ("whsec_" + "Z2VoZWlt" * 11, "a key of 66 bytes"),
        (f"{SECRET} geheimgeheim", "secret 2 of 2"),
        ("  ", "it is empty"),
    ],
)
def test_a_secret_that_cannot_sign_is_refused_in_words_that_do_not_quote_it(secret: str, words: str) -> None:
    with pytest.raises(ValueError, match=r"whsec_|key") as refusal:
        signing_keys(secret)

    assert words in str(refusal.value)
    assert "geheim" not in str(refusal.value)
    assert "Z2VoZWlt" not in str(refusal.value)


@pytest.mark.parametrize(
    ("outbox", "words"),
    [
        (f"{{url: 'https://crm.example/{PATH}'}}", "needs a 'secret'"),
        (f"{{secret: {SECRET}}}", "without 'url'"),
        (f"{{url: 'http://crm.example/{PATH}', secret: whsec_kurzkurz}}", "plain_http"),
        (f"{{url: 'https://crm.example/{PATH}', secret: 1234567890}}", "contact.outbox.secret"),
    ],
)
def test_mistakes_are_named_without_the_address_and_the_secret(
    tmp_path: Path, outbox: str, words: str
) -> None:
    with pytest.raises(ParamsError) as refusal:
        load_params(written(tmp_path, outbox))

    text = "\n".join(refusal.value.problems)
    assert words in text
    for private in (PATH, SECRET.removeprefix("whsec_"), "kurzkurz", "1234567890"):
        assert private not in text


def test_a_name_that_is_not_set_is_the_only_mistake(tmp_path: Path) -> None:
    with pytest.raises(ParamsError) as refusal:
        load_params(written(tmp_path, "{url: '${NO_SUCH_URL}', secret: '${NO_SUCH_SECRET}'}"))

    assert [problem.split()[1] for problem in refusal.value.problems] == [
        "contact.outbox.url",
        "contact.outbox.secret",
    ]


@pytest.mark.parametrize("from_environment", [True, False])
def test_address_and_secret_are_hidden_in_every_message(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, from_environment: bool
) -> None:
    url = f"https://crm.example/{PATH}"
    monkeypatch.setenv("HOOK_URL", url)
    monkeypatch.setenv("HOOK_SECRET", SECRET)
    values = ("${HOOK_URL}", "${HOOK_SECRET}") if from_environment else (url, SECRET)

    params = load_params(written(tmp_path, "{{url: '{}', secret: '{}'}}".format(*values)))

    outbox = params.contact.outbox
    assert outbox is not None
    assert (outbox.url, outbox.secret) == (url, SECRET)
    for text in (hide_secrets(f"POST {url} with {SECRET}"), repr(params)):
        assert PATH not in text
        assert SECRET.removeprefix("whsec_") not in text
    assert outbox.receiver == "https://crm.example"


@pytest.mark.parametrize(
    ("rest", "is_private"), [("?code=abcdef", True), ("/?code=abcdef", True), ("/a", True), ("/", False)]
)
def test_an_address_is_private_unless_it_names_a_host_alone(rest: str, is_private: bool) -> None:
    url = f"https://crm.example{rest}"

    assert (url in OutboxParams(url=url, secret=SECRET).private_texts) == is_private
