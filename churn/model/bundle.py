"""The bundle of a model: write it, and load the exported champion without MLflow."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from churn.data.files import json_text, write_json
from churn.errors import ModelError
from churn.model.scorer import CorruptError, Scorer, manifest_text

BUNDLE_FOLDER = Path("artifacts") / "bundle"
"""The path of the bundle inside an exported model folder."""


def write_bundle(folder: Path, spec: Mapping[str, Any], boosters: Mapping[str, str]) -> str:
    """Write the folder that `churn.model.scorer` reads; return the digest of its manifest.

    The same model gives the same bytes. The files are written to a temporary folder, which is then renamed.

    Args:
        folder: The folder of the bundle; an older bundle there is replaced.
        spec: The content of `spec.json`: signals, members, calibration, and facts about the training.
        boosters: The LightGBM texts by file name.
    """
    texts = {"spec.json": json_text(spec), **boosters}
    temporary = folder.with_name(f".{folder.name}.aside")
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir(parents=True)
    for name, text in texts.items():
        (temporary / name).write_bytes(text.encode())
    digests = {name: hashlib.sha256(text.encode()).hexdigest() for name, text in texts.items()}
    manifest = manifest_text(digests).encode()
    (temporary / "manifest.json").write_bytes(manifest)
    shutil.rmtree(folder, ignore_errors=True)
    temporary.rename(folder)
    return hashlib.sha256(manifest).hexdigest()


def bundle_digest(folder: Path) -> str:
    """Return the SHA-256 of a bundle's manifest, which holds the checksums of all its files."""
    return hashlib.sha256((folder / "manifest.json").read_bytes()).hexdigest()


@dataclass(frozen=True)
class ExportRecord:
    """The content of `champion.json`: which model an exported folder holds.

    Attributes:
        model: The name of the registered model.
        version: The version of the model in the registry.
        run_id: The MLflow run that made the version.
        digest: The digest of the bundle.
        files: The SHA-256 of each other file, such as `MLmodel` and `scorer.py`, by its path in the folder.
    """

    model: str
    version: str
    run_id: str
    digest: str
    files: Mapping[str, str]

    def write(self, folder: Path) -> None:
        """Write `champion.json` into an exported model folder."""
        write_json(folder / "champion.json", asdict(self))


def digests_beside_bundle(folder: Path) -> dict[str, str]:
    """Return the SHA-256 of the files of an exported model that MLflow needs to serve it, by their path."""
    paths = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    names = [
        path.relative_to(folder).as_posix() for path in paths if folder / BUNDLE_FOLDER not in path.parents
    ]
    served_names = [name for name in names if name not in ("champion.json", "README.md")]
    return {name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in served_names}


@dataclass(frozen=True)
class Champion:
    """An exported model: its scorer, its version in the registry and the digest of its bundle."""

    scorer: Scorer
    version: str
    digest: str

    @property
    def identity(self) -> dict[str, str]:
        """Return the version and the digest as JSON values."""
        return {"version": self.version, "digest": self.digest}


def load_champion(folder: Path, threads: int = 0) -> Champion:
    """Load an exported model folder, such as `models/champion`, and verify every file.

    Args:
        folder: The folder.
        threads: The threads for predictions; with 0 LightGBM chooses the number.

    Raises:
        ModelError: there is no champion, or one of its files is damaged.
    """
    path, bundle = folder / "champion.json", folder / BUNDLE_FOLDER
    if not path.is_file():
        raise ModelError(f"{folder}: there is no champion. Run `churn train` and `churn promote` first.")
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        version, digest = str(record["version"]), str(record["digest"])
        files = dict(record.get("files", {}))  # older versions of churn wrote none
    except (ValueError, KeyError, TypeError, AttributeError):
        raise ModelError(f"{path} is damaged. Export the model again with `churn promote`.") from None
    try:
        scorer = Scorer.load(bundle, threads)
    except CorruptError as error:
        raise ModelError(f"{folder}: {error} `churn promote` exports the model.") from None
    if bundle_digest(bundle) != digest:
        raise ModelError(
            f"{bundle / 'manifest.json'} does not belong to version {version}: its digest differs from "
            "champion.json. Export the model again with `churn promote`."
        )
    current_files = digests_beside_bundle(folder)
    for name, file_digest in files.items():
        if current_files.get(name) != file_digest:
            fault = "has changed" if name in current_files else "is missing"
            raise ModelError(f"{folder / name} {fault}. Export the model again with `churn promote`.")
    return Champion(scorer, version, digest)


def load_champion_if_any(folder: Path, threads: int = 0) -> Champion | None:
    """Load an exported model folder, or return None if the folder does not exist.

    Raises:
        ModelError: one of its files is damaged.
    """
    return load_champion(folder, threads) if folder.exists() else None
