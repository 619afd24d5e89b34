"""Who is champion: aliases moved and the model exported, so that a move cut short can be ended."""

from __future__ import annotations

import shutil
from pathlib import Path
from tempfile import TemporaryDirectory

from churn.data.sources.address import hide_secret
from churn.errors import ModelError
from churn.model.bundle import bundle_digest, write_json
from churn.model.champion import BUNDLE, load_champion, load_exported
from churn.model.tracking import first_line
from churn.model.versions import Versions


class Registry(Versions):
    """The registered model with its champion, challenger and previous champion."""

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
            ModelError: there is no champion, or no previous one.
        """
        aliases = self.aliases()
        now, before = aliases.get("previous"), aliases.get("champion")
        if before is None:
            raise ModelError(
                f"registry: model '{self.name}' has no champion: nothing was promoted yet, so there is no "
                "previous champion to go back to."
            )
        if now is None or now == before:
            raise ModelError(
                f"registry: model '{self.name}' has no previous champion to go back to; "
                "there is one once a second model has been promoted."
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
        self._add_card(version, aside)
        load_exported(aside)
        if about["digest"] != self._digest_of(version):
            shutil.rmtree(aside)
            raise ModelError(
                f"registry: the files of version {version} of '{self.name}' are not those that were "
                "registered: their digest differs. Run `churn train` again."
            )
        return aside

    def _add_card(self, version: str, aside: Path) -> None:
        """Put the model card of a version beside it as README.md; a version never evaluated has none."""
        known = self._client.get_model_version(self.name, version)
        text = known.description
        try:
            run_id = known.tags["card_run"]
            with TemporaryDirectory() as folder:
                path = self._mlflow.artifacts.download_artifacts(
                    f"runs:/{run_id}/evaluate/card.md", dst_path=folder, tracking_uri=self.params.tracking.uri
                )
                text = Path(path).read_text(encoding="utf-8")
        except (KeyError, self._mlflow.exceptions.MlflowException, OSError):
            pass  # the description is the card in short
        if text:
            (aside / "README.md").write_text(text, encoding="utf-8")
