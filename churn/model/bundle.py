"""Write the data-only artefact that `churn.model.scorer` reads."""

from __future__ import annotations

import hashlib
import json
import math
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from churn.model.scorer import manifest_text


def write_bundle(folder: Path, spec: Mapping[str, Any], boosters: Mapping[str, str]) -> str:
    """Write `spec.json`, the boosters and their checksums; return the digest of the manifest.

    The same model gives the same bytes. The folder is written aside and renamed.
    """
    texts = {"spec.json": json_text(spec), **boosters}
    aside = folder.with_name(f".{folder.name}.aside")
    shutil.rmtree(aside, ignore_errors=True)
    aside.mkdir(parents=True)
    for name, text in texts.items():
        (aside / name).write_bytes(text.encode())
    digests = {name: hashlib.sha256(text.encode()).hexdigest() for name, text in texts.items()}
    manifest = manifest_text(digests).encode()
    (aside / "manifest.json").write_bytes(manifest)
    shutil.rmtree(folder, ignore_errors=True)
    aside.rename(folder)
    return hashlib.sha256(manifest).hexdigest()


def bundle_digest(folder: Path) -> str:
    """Return the SHA-256 of a bundle's manifest, which stands for all its bytes."""
    return hashlib.sha256((folder / "manifest.json").read_bytes()).hexdigest()


def json_text(value: Any) -> str:
    """Return JSON with sorted keys; numbers that are not finite become null.

    >>> json_text({"b": float("nan"), "a": 1}).split()
    ['{', '"a":', '1,', '"b":', 'null', '}']
    """
    return json.dumps(_finite(value), indent=1, sort_keys=True, ensure_ascii=False, default=str) + "\n"


def write_json(path: Path, value: Any) -> None:
    """Write JSON aside and rename it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(f".{path.name}.aside")
    aside.write_text(json_text(value), encoding="utf-8")
    aside.replace(path)


def _finite(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _finite(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(part) for part in value]
    if hasattr(value, "item") and getattr(value, "ndim", 1) == 0:
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
