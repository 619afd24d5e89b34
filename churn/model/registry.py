"""Versions and aliases of the registered model in MLflow, and the export of the champion."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory

from churn.data.address import hide_secret
from churn.errors import ModelError
from churn.model import scorer as scorer_module
from churn.model.bundle import bundle_digest, write_json
from churn.model.champion import BUNDLE, load_champion, load_exported
from churn.model.scorer import CorruptError, Scorer
from churn.model.tracking import Tracking, first_line, signature_of, silence
from churn.params import digest_of

DESCRIPTION = 5000
"""So many characters a version's description may have: the column's size in MLflow's own database."""

GOES_ON = "\n\n… The whole card is `evaluate/card.md` in the artefacts of the run.\n"
REQUIREMENTS = ("lightgbm", "numpy", "scipy")


class Registry(Tracking):
    """The registered model that params.yaml names under `tracking`, and the experiment it came from."""

    def count_look(self, run_id: str, label_id: str, cutoffs: Sequence[date]) -> int:
        """Count one more look at the test cutoffs of a label; return how many there were.

        The registered model counts, since each training is a run of its own; the run is tagged too.
        """
        key = f"looks_at_test.{digest_of([label_id, sorted(cutoffs)])[:12]}"
        looks = int(self._client.get_registered_model(self.name).tags.get(key, "0")) + 1
        self._client.set_registered_model_tag(self.name, key, str(looks))
        self._client.set_tag(run_id, "looks_at_test", str(looks))
        return looks

    def register(self, bundle: Path) -> str:
        """Register a bundle as challenger and return its version.

        A bundle whose very bytes are registered already keeps that version: the same model is one version,
        however often it was trained. A version whose files are gone is not taken for it.
        """
        digest = bundle_digest(bundle)
        version = self._same_as(digest) or self._log_model(bundle)
        self._client.set_model_version_tag(self.name, version, "digest", digest)
        if self.aliases().get("champion") != version:
            self._client.set_registered_model_alias(self.name, "challenger", version)
        return version

    def _log_model(self, bundle: Path) -> str:
        """Log a bundle as a model of the open run and return its new version."""
        scorer = Scorer.load(bundle)
        with silence():
            logged = self._mlflow.pyfunc.log_model(
                name="model",
                python_model=scorer_module.__file__,
                artifacts={"bundle": str(bundle)},
                signature=signature_of(scorer.names),
                pip_requirements=_requirements(),
                registered_model_name=self.name,
            )
        return str(logged.registered_model_version)

    def _same_as(self, digest: str) -> str | None:
        """Return the newest version with this digest whose files are whole, else None."""
        try:
            found = self._client.search_model_versions(f"name = '{self.name}' and tag.digest = '{digest}'")
        except self._mlflow.exceptions.MlflowException:
            return None
        for version in sorted((str(one.version) for one in found), key=int, reverse=True):
            with TemporaryDirectory() as aside:
                try:
                    self._download(version, Path(aside), str(BUNDLE))
                    Scorer.load(Path(aside) / BUNDLE)
                    return version
                except (self._mlflow.exceptions.MlflowException, CorruptError, OSError):
                    continue
        return None

    def describe(self, version: str, text: str) -> None:
        """Make a text the description of a version; one too long for the registry ends at a line."""
        if len(text) > DESCRIPTION:
            text = text[: DESCRIPTION - len(GOES_ON)].rpartition("\n")[0] + GOES_ON
        self._client.update_model_version(self.name, version, text)

    def aliases(self) -> dict[str, str]:
        """Return the version of each alias; empty where nothing is registered."""
        try:
            model = self._client.get_registered_model(self.name)
        except self._mlflow.exceptions.MlflowException:
            return {}
        return {alias: str(version) for alias, version in model.aliases.items()}

    def run_of(self, version: str) -> str:
        """Return the run a version came from.

        Raises:
            ModelError: the registry does not know the version.
        """
        try:
            return str(self._client.get_model_version(self.name, version).run_id)
        except self._mlflow.exceptions.MlflowException:
            raise ModelError(
                f"registry: model '{self.name}' has no version {version}. Run `churn train` again."
            ) from None

    def champion_like(self, digest: str) -> str | None:
        """Return the champion's version where its bundle has this digest, else None."""
        champion = self.aliases().get("champion")
        return champion if champion and self._digest_of(champion) == digest else None

    def promote(self, version: str) -> None:
        """Make a version champion and the old champion previous, and export it.

        The export is written aside and verified before an alias moves. The aliases say who is champion, the
        folder follows; `mend` finishes a move that was cut short between the two.
        """
        self._move(version, before=self.aliases().get("champion"))

    def mend(self) -> tuple[str, str] | None:
        """Export the champion again where `models/champion` is not whole or not the alias's version.

        Returns:
            The champion's version and what was wrong in words, or None where nothing was.

        Raises:
            ModelError: the champion cannot be exported.
        """
        champion = self.aliases().get("champion")
        if champion is None:
            return None
        try:
            exported = load_champion(self.params)
        except ModelError:
            state = "damaged" if self.params.champion.exists() else "missing"
            what, stands = f"{self.params.champion} is {state}.", None
        else:
            if exported.version == champion and exported.digest == self._digest_of(champion):
                return None
            what = (
                f"{self.params.champion} holds version {exported.version}, the registry's champion is "
                f"{champion}."
            )
            stands = exported.version if exported.digest == self._digest_of(exported.version) else None
        self._move(champion, before=stands)
        return champion, what

    def rollback(self) -> tuple[str, str]:
        """Swap champion and previous, aliases and exported folders; return the new and the old champion.

        Raises:
            ModelError: there is no previous champion.
        """
        aliases = self.aliases()
        now, before = aliases.get("previous"), aliases.get("champion")
        if now is None or before is None or now == before:
            raise ModelError(
                f"registry: model '{self.name}' has no previous champion to go back to; "
                "there is one after the second `churn promote`."
            )
        self._move(now, before)
        return now, before

    def _move(self, version: str, before: str | None) -> None:
        """Export a version aside, then move the aliases, then swap the folders.

        Wherever this is cut short, the folder still tells which version stood before.
        """
        aside = self._export_aside(version)
        self._client.set_registered_model_alias(self.name, "champion", version)
        if before and before != version:
            self._client.set_registered_model_alias(self.name, "previous", before)
        if self.aliases().get("challenger") == version:
            self._client.delete_registered_model_alias(self.name, "challenger")
        champion, previous = self.params.champion, self.params.models / "previous"
        if champion.exists() and before and before != version:
            shutil.rmtree(previous, ignore_errors=True)
            champion.rename(previous)
        shutil.rmtree(champion, ignore_errors=True)
        aside.rename(champion)

    def _export_aside(self, version: str) -> Path:
        """Download a version beside the champion and verify it."""
        self.params.models.mkdir(parents=True, exist_ok=True)
        aside = self.params.models / ".champion.aside"
        shutil.rmtree(aside, ignore_errors=True)
        try:
            self._download(version, aside)
        except (self._mlflow.exceptions.MlflowException, OSError) as error:
            raise ModelError(
                f"registry: version {version} of '{self.name}' cannot be exported: "
                f"{hide_secret(first_line(error), self.params.tracking.uri)} Run `churn train` again."
            ) from None
        if not (aside / BUNDLE / "manifest.json").is_file():
            raise ModelError(
                f"registry: version {version} of '{self.name}' cannot be exported: its files are gone from "
                "where they were logged; MLflow keeps that place as an absolute path. Move them back, or "
                "run `churn train` again."
            )
        about = {
            "model": self.name,
            "version": version,
            "run_id": self.run_of(version),
            "digest": bundle_digest(aside / BUNDLE),
        }
        write_json(aside / "champion.json", about)
        load_exported(aside)
        if about["digest"] != self._digest_of(version):
            shutil.rmtree(aside)
            raise ModelError(
                f"registry: the files of version {version} of '{self.name}' are not those that were "
                "registered: their digest differs. Run `churn train` again."
            )
        return aside

    def _download(self, version: str, into: Path, part: str = "") -> None:
        """Copy the files of a version, or a part of them, into a folder under the same paths."""
        self._mlflow.artifacts.download_artifacts(
            f"models:/{self.name}/{version}{f'/{part}' if part else ''}",
            dst_path=str(into),
            tracking_uri=self.params.tracking.uri,
        )

    def _digest_of(self, version: str) -> str | None:
        """Return the digest that a version was registered with, or None where the registry knows none."""
        try:
            digest = self._client.get_model_version(self.name, version).tags.get("digest")
        except self._mlflow.exceptions.MlflowException:
            return None
        return None if digest is None else str(digest)


def _requirements() -> Sequence[str]:
    from importlib.metadata import version

    return [f"{name}=={version(name)}" for name in REQUIREMENTS]


def python_version() -> str:
    """Return the running Python, for the run's tags."""
    return ".".join(map(str, sys.version_info[:3]))
