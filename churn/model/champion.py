"""The exported champion, which a night reads: no MLflow is needed."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from churn.errors import ModelError
from churn.model.bundle import bundle_digest
from churn.model.scorer import CorruptError, Scorer
from churn.params import Params

BUNDLE = Path("artifacts") / "bundle"


@dataclass(frozen=True)
class Champion:
    """The exported champion: its scorer, its version in the registry and the digest of its bundle."""

    scorer: Scorer
    version: str
    digest: str

    @property
    def identity(self) -> dict[str, str]:
        """Return version and digest, as JSON values."""
        return {"version": self.version, "digest": self.digest}


def load_champion(params: Params) -> Champion:
    """Load `models/champion`, verified, without MLflow.

    Raises:
        ModelError: there is no champion, or one of its files is damaged.
    """
    return load_exported(params.champion, params.engine.threads)


def load_champion_if_any(params: Params) -> Champion | None:
    """Load `models/champion`, or return None where nothing is exported.

    Raises:
        ModelError: one of its files is damaged.
    """
    return load_champion(params) if params.champion.exists() else None


def load_exported(folder: Path, threads: int = 0) -> Champion:
    """Load an exported model folder.

    Raises:
        ModelError: it is missing, or one of its files is damaged.
    """
    if not (folder / "champion.json").is_file():
        raise ModelError(f"{folder}: there is no champion. Run `churn train` and `churn promote` first.")
    try:
        about = json.loads((folder / "champion.json").read_text(encoding="utf-8"))
        version, digest = str(about["version"]), str(about["digest"])
    except (ValueError, KeyError, TypeError):
        raise ModelError(
            f"{folder / 'champion.json'} is damaged. Export the model again with `churn promote`."
        ) from None
    try:
        scorer = Scorer.load(folder / BUNDLE, threads)
    except CorruptError as error:
        raise ModelError(f"{folder}: {error} `churn promote` does that.") from None
    if bundle_digest(folder / BUNDLE) != digest:
        raise ModelError(
            f"{folder / BUNDLE / 'manifest.json'} is not that of version {version}: its digest "
            "differs from champion.json. Export the model again with `churn promote`."
        )
    return Champion(scorer, version, digest)
