"""Whole records from the few values that a test is about."""

from __future__ import annotations

import types
from collections.abc import Mapping
from dataclasses import is_dataclass
from datetime import date
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin

from pydantic import BaseModel

from churn.metrics.interval import Interval, Part

Record = TypeVar("Record", bound=Part)


def filled(record: type[Record], content: Mapping[str, Any] | None = None) -> Record:
    """Return a record with the given values; other required values are neutral.

    Numbers are 0, mappings and sequences are empty, and optional parts are absent.
    """
    return record.model_validate(_whole(record, content or {}))


def _whole(record: type[BaseModel], content: Mapping[str, Any]) -> dict[str, Any]:
    whole = {}
    for name, field in record.model_fields.items():
        if name in content:
            whole[name] = _given(field.annotation, content[name])
        elif field.is_required():
            whole[name] = _neutral(field.annotation)
    return {**content, **whole}


def _given(kind: Any, value: Any) -> Any:
    """Fill the records that lie inside a value."""
    kind = _plain(kind)
    if isinstance(kind, type) and issubclass(kind, BaseModel) and isinstance(value, Mapping):
        return _whole(kind, value)
    inside = get_args(kind)
    if isinstance(value, Mapping) and len(inside) == 2:
        return {key: _given(inside[1], item) for key, item in value.items()}
    if isinstance(value, list | tuple) and inside:
        return [_given(inside[0], item) for item in value]
    return value


def _neutral(kind: Any) -> Any:
    if type(None) in get_args(kind):
        return None
    kind = _plain(kind)
    if get_origin(kind) is Literal:
        return get_args(kind)[0]
    origin = get_origin(kind) or kind
    if origin is tuple:
        return ()
    if issubclass(origin, Mapping):
        return {}
    if issubclass(origin, Interval):
        return {"value": 0.0, "low": 0.0, "high": 0.0}
    if issubclass(origin, BaseModel):
        return _whole(origin, {})
    if issubclass(origin, date):
        return date(2024, 1, 1)
    if is_dataclass(origin):
        raise TypeError(f"{origin.__name__}: give its values")
    return origin()


def _plain(kind: Any) -> Any:
    """Return a type without its annotations and without None."""
    while get_origin(kind) is Annotated:
        kind = get_args(kind)[0]
    if get_origin(kind) in (Union, types.UnionType):
        (kind,) = (each for each in get_args(kind) if each is not type(None))
        return _plain(kind)
    return kind


def json_of(value: Any) -> Any:
    """Return records, and mappings and sequences of records, as JSON values."""
    if isinstance(value, Part):
        return value.as_json()
    if isinstance(value, Mapping):
        return {str(key): json_of(item) for key, item in value.items()}
    return [json_of(item) for item in value] if isinstance(value, list | tuple) else value
