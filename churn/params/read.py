"""Read params.yaml, apply overrides and the environment, and report all mistakes together."""

from __future__ import annotations

import re
import types
import typing
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from churn.errors import ParamsError, did_you_mean
from churn.params.environment import ADDRESS_KEYS, Environment
from churn.params.forms import RULES
from churn.params.schema import Params
from churn.params.strict_yaml import YamlError, parse_yaml
from churn.secrets import FILE_SCHEMES, hide_secrets, is_secret_setting, keep_secret, keep_secrets_of


def load_params(path: Path, overrides: Sequence[str] = ()) -> Params:
    """Read params.yaml, apply `a.b=c` overrides and return frozen parameters.

    Relative paths count from the file's folder; `${NAME}` is read from the environment.

    Raises:
        ParamsError: The file is missing or is not YAML, a key is unknown, or a value does not fit. The error
            lists all mistakes.
    """
    tree = _read_yaml(path)
    problems: list[str] = []
    for override in overrides:
        problems += _override(tree, override)
    environment = Environment()
    tree = environment.expand(tree)
    problems += [
        f"{key} uses ${{{name}}}, which is not set in the environment. Export {name} first."
        for name, key in environment.missing
    ]
    for text in _addresses(tree):
        keep_secrets_of(text)
    problems += _addresses_cut_by_a_comment(path, tree)
    params: Params | None = None
    try:
        params = Params.model_validate(tree)
    except ValidationError as error:
        absent = [key for _, key in environment.missing]
        problems += [_message(detail, environment.templates) for detail in _causes(error.errors(), absent)]
    if problems or params is None:
        environment.keep_all()
        raise ParamsError(*(f"{path.name}: {problem}" for problem in problems))
    params = _absolute(params, path.resolve().parent)
    environment.keep_free_text(params.source)
    for text in params.contact.outbox.private_texts if params.contact.outbox else ():
        keep_secret(text)
    return params.of_file(path.name)


def _read_yaml(path: Path) -> dict[str, Any]:
    text = ""
    try:
        text = path.read_text(encoding="utf-8")
        tree = parse_yaml(text)
    except OSError:
        raise ParamsError(
            f"{path}: no such file. Name a file with --params, or write a parameter file with `churn init` "
            "or `churn demo`."
        ) from None
    except UnicodeDecodeError:
        raise ParamsError(
            f"{path.name}: not YAML: the file is not text in UTF-8. Save the file as UTF-8."
        ) from None
    except YamlError as error:
        _keep_secrets_of_lines(text)
        raise ParamsError(f"{path.name}: {error}") from None
    if not isinstance(tree, dict):
        _keep_secrets_of_lines(text)
        content = hide_secrets(repr(tree))
        raise ParamsError(
            f"{path.name}: the file needs sections such as 'source:' and 'label:', but holds {content:.40}."
        )
    return tree


def _keep_secrets_of_lines(text: str) -> None:
    for line in text.splitlines():
        keep_secrets_of(line)


def _addresses(value: Any, key: str = "") -> Iterator[str]:
    """Yield each text that may be an address: it has `://`, or its key is `source`, `uri` or `connection`."""
    if isinstance(value, dict):
        for name, part in value.items():
            yield from _addresses(part, str(name))
    elif isinstance(value, list):
        for part in value:
            yield from _addresses(part, key)
    elif isinstance(value, str) and ("://" in value or key in ("source", "uri", "connection")):
        yield value


def _addresses_cut_by_a_comment(path: Path, tree: Mapping[str, Any]) -> Iterator[str]:
    """Yield a mistake for each unquoted URL with ` #` in its password: YAML reads the rest as a comment."""
    addresses = {key: _value_at(tree, key) for key in ADDRESS_KEYS}
    lines = path.read_text(encoding="utf-8").splitlines()
    for key, address in addresses.items():
        if not isinstance(address, str) or "@" in address:
            continue
        scheme, separator, rest = address.partition("://")
        if not separator or scheme in FILE_SCHEMES:
            continue
        has_port = re.search(r":\d+$", rest) or ":" not in rest  # otherwise, the text ends inside a password
        comment = r"#\S*@" if has_port else "#.*@"
        for line in lines:
            if re.search(rf"^[^#]*{re.escape(address)}\s+{comment}", line):
                _keep_secrets_of_lines(line)
                yield f"{key}: the address is cut at ' #', where YAML begins a comment. Put it in quotes."


def _value_at(tree: Any, key: str) -> Any:
    """Return the value of a key such as `tracking.uri`; None where a section is missing."""
    for part in key.split("."):
        tree = tree.get(part) if isinstance(tree, dict) else None
    return tree


def _override(tree: dict[str, Any], override: str) -> Iterator[str]:
    key, equals, text = override.partition("=")
    if not equals or not key:
        yield f"--set {override} is not of the form a.b=c."
        return
    *parents, last = key.strip().split(".")
    for parent in parents:
        branch = tree.get(parent)
        if branch is None:  # no such section, or `null`, which switches a section off
            branch = tree[parent] = {}
        if not isinstance(branch, dict):
            yield f"--set {override}: '{parent}' is a value, not a section."
            return
        tree = branch
    try:
        tree[last] = parse_yaml(text)
    except YamlError as error:
        yield f"--set {override}: the value is not usable: {error}"


_RULES = (
    dict.fromkeys(("int_parsing", "int_type", "int_from_float"), "must be a whole number")
    | dict.fromkeys(("float_parsing", "float_type"), "must be a number")
    | dict.fromkeys(("bool_parsing", "bool_type"), "must be true or false")
    | dict.fromkeys(
        ("date_from_datetime_parsing", "date_parsing", "date_type"), "must be a date such as 2024-01-31"
    )
    | dict.fromkeys(
        ("model_type", "dict_type"), "must be a section with keys of its own, such as {key: value}"
    )
    | {
        "string_type": "must be text",
        "tuple_type": "must be a list, such as [a, b]",
        "too_short": "must not be empty",
    }
)
"""A short rule for each type of error of pydantic."""


def _causes(details: Iterable[Mapping[str, Any]], absent: Sequence[str]) -> list[Mapping[str, Any]]:
    """Drop mistakes that only follow from other mistakes.

    If a list has wrong elements, pydantic may also report that the list is too short, because it counts only
    the correct elements. This second mistake is dropped. If a value needs an environment variable that is not
    set, mistakes of this value and of the sections around it are dropped, too.

    Args:
        details: The mistakes as pydantic describes them.
        absent: The keys whose values need an environment variable that is not set.
    """
    mistakes = [
        mistake
        for mistake in details
        if not any(f"{key}.".startswith(f"{_key(mistake)}.") for key in absent if mistake["loc"])
    ]
    lists = {mistake["loc"][:-1] for mistake in mistakes if mistake["loc"]}
    return [mistake for mistake in mistakes if mistake["type"] != "too_short" or mistake["loc"] not in lists]


def _key(detail: Mapping[str, Any]) -> str:
    return ".".join(str(part) for part in detail["loc"])


def _message(detail: Mapping[str, Any], templates: Mapping[str, str]) -> str:
    """Return a mistake in words.

    Args:
        detail: The mistake, as pydantic describes it.
        templates: Maps each text that contains the value of an environment variable to the same text with
            `${NAME}`. Messages show the text with `${NAME}`.
    """
    key = _key(detail)
    if detail["type"] == "extra_forbidden":
        *parents, last = detail["loc"]
        return f"{key} is not a parameter.{did_you_mean(str(last), _keys_at(parents))}"
    if detail["type"] == "missing":
        return f"{key} is missing, and this key has no default."
    if detail["type"] == "open_question":
        return (
            f"{key} holds a question that `churn init` could not answer: {detail['msg']}. Replace the "
            "question by your answer."
        )
    if detail["type"] == "invalid_key":
        section = ".".join(str(part) for part in detail["loc"][:-1]) or "the file"
        return (
            f"{section}: the key {detail['loc'][-1]} is not text. If this key is the end of a number such as "
            "4,20, write the number with a point: 4.20. Otherwise put the key in quotes."
        )
    rule = _RULES.get(str(detail["type"]), str(detail["msg"]).removeprefix("Value error, "))
    if key.endswith("[key]"):
        if detail["type"] == "string_pattern_mismatch":
            rule = "is not a usable name: use lower-case letters, digits and _."
        return f"{key.removesuffix('.[key]')} {rule}"
    if detail["type"] == "string_pattern_mismatch":
        rule = RULES.get(detail["ctx"]["pattern"], rule)
    rule = rule.replace("Input should be", "must be")
    value = detail.get("input")
    if isinstance(value, str) and value in templates:
        rule = rule.replace(value, templates[value])
    is_hidden = isinstance(value, dict | BaseModel) or is_secret_setting(key.rpartition(".")[2])
    value_text = "" if is_hidden else f" ({_value_text(value, templates):.60})"
    period = "" if rule.endswith(("?", ".")) else "."
    return f"{key}{value_text}: {rule}{period}" if key else f"{rule}{period}"


def _value_text(value: Any, templates: Mapping[str, str]) -> str:
    """Return a value as a message shows it: `${NAME}` is not replaced, and passwords are hidden."""
    if isinstance(value, str):
        return repr(hide_secrets(templates.get(value, value)))
    if isinstance(value, list):
        return f"[{', '.join(_value_text(part, templates) for part in value)}]"
    return str(value) if isinstance(value, date) else hide_secrets(repr(value))


def _keys_at(path: Sequence[str | int]) -> list[str]:
    model: Any = Params
    for part in path:
        model = _section_in(_annotation(model, part))
        if model is None:
            return []
    return [field.alias or name for name, field in model.model_fields.items()]


def _annotation(model: Any, part: str | int) -> Any:
    if isinstance(model, type) and issubclass(model, BaseModel) and part in model.model_fields:
        return model.model_fields[str(part)].annotation
    return model


def _section_in(annotation: Any) -> Any:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    if typing.get_origin(annotation) in (typing.Union, types.UnionType, dict, tuple):
        sections = (_section_in(part) for part in typing.get_args(annotation))
        return next((section for section in sections if section is not None), None)
    return None


def _absolute(params: Params, folder: Path) -> Params:
    source = params.source
    source = _absolute_file(source, folder) if "://" in source else str(folder / Path(source).expanduser())
    score = params.score.model_copy(update={"playbook": folder / params.score.playbook})
    if score.sink is not None:
        connection = _absolute_file(score.sink.connection, folder)
        score = score.model_copy(update={"sink": score.sink.model_copy(update={"connection": connection})})
    uri = params.tracking.uri
    if uri.startswith("sqlite:///"):
        uri = "sqlite:///" + str(folder / uri.removeprefix("sqlite:///"))
    return params.model_copy(
        update={
            "source": source,
            "output": folder / params.output,
            "models": folder / params.models,
            "tracking": params.tracking.model_copy(update={"uri": uri}),
            "score": score,
            "contact": params.contact.model_copy(
                update={"suppression": tuple(folder / path for path in params.contact.suppression)}
            ),
        }
    )


def _absolute_file(address: str, folder: Path) -> str:
    """Return the address of a database file with an absolute path; other addresses do not change."""
    if not address.startswith(("duckdb:///", "sqlite:///")):
        return address
    scheme, _, path = address.partition(":///")
    return f"{scheme}:///{folder / path}"
