"""The manifest of the snapshots: their cutoffs, signals, label and parameters."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

from churn.data.own_files import read_own_json, write_own_json
from churn.errors import CallError
from churn.features.definition import is_comparable
from churn.finding import GuardReport
from churn.metrics.interval import Part
from churn.params import Params, digest_of

WRITE_AGAIN = "Run `churn snapshot` again."
"""The way out of a damaged file of the snapshots."""

PART_FILE = "part.parquet"
"""The file of a snapshot in its folder."""

DECIDING_SECTIONS = ("snapshot", "signals", "tables", "events")
"""The sections of params.yaml, besides the label, on which the content of snapshots depends."""


class SnapshotCutoff(Part):
    """The facts of one snapshot.

    A label is matured when its outcomes are known, so that a model may learn from it.

    Attributes:
        rows: The number of rows.
        left: The number of rows whose customer left; None until the label is matured.
        matured: Whether the label was matured when the snapshot was written.
        window_end: The first day after the label window.
        mature_on: The date from which the label is matured.
        dropped: The number of customers of the cohort who got no label, by reason.
        excluded: The number of customers who did not belong to the cohort, by reason (for example, because
            they had left before).
        files: The checksum of each file of the snapshot, by name.
    """

    rows: int
    left: int | None
    matured: bool
    window_end: date
    mature_on: date
    dropped: Mapping[str, int] = {}
    excluded: Mapping[str, int] = {}
    files: Mapping[str, str] = {}


class SnapshotManifest(Part):
    """The content of `snapshots/manifest.json`.

    Attributes:
        cutoffs: The facts of the snapshot of each cutoff.
        signals: The entry of each signal in the dictionary of signals, in the order of the columns.
        label_id: The id of the label's definition.
        label: The section `label` of params.yaml.
        store_digest: The digest of the store from which the snapshots were made.
        params_digest: The digest of each section in `DECIDING_SECTIONS`.
        watermark: The day up to which the data were complete.
        guards: Which guards checked the data, and what they found.
    """

    cutoffs: Mapping[date, SnapshotCutoff]
    signals: tuple[Mapping[str, Any], ...]
    label_id: str
    label: Mapping[str, Any] = {}
    store_digest: str
    params_digest: Mapping[str, str] = {}
    watermark: date
    guards: GuardReport = GuardReport()

    @classmethod
    def read(cls, folder: Path) -> SnapshotManifest:
        """Read the manifest in the folder of the snapshots.

        Raises:
            CallError: there are no snapshots.
            SourceError: the manifest is damaged, or another version of the program wrote it.
        """
        try:
            return read_own_json(folder / "manifest.json", cls, way_out=WRITE_AGAIN)
        except FileNotFoundError:
            raise CallError(f"{folder}: there are no snapshots. Run `churn snapshot` first.") from None

    def write(self, folder: Path) -> None:
        """Write `manifest.json` into the folder of the snapshots."""
        write_own_json(folder / "manifest.json", self.as_json())

    def check_fits(self, folder: Path, params: Params) -> None:
        """Refuse snapshots that were made for another label or with other parameters.

        Args:
            folder: The folder of the snapshots, for the message.
            params: The parameters that the snapshots must fit.

        Raises:
            CallError: the label, the format of the signals or a section in `DECIDING_SECTIONS` is different.
        """
        if self.label_id != params.label_id:
            raise CallError(
                f"{folder}: the snapshots have another label than {params.file} ({self.label_id}, not "
                f"{params.label_id}): the label, the timezone or the mapping of "
                f"{' and '.join(params.label.source_tables)} has changed. Run `churn snapshot` again."
            )
        if not all(is_comparable(signal.get("definition")) for signal in self.signals):
            raise CallError(
                f"{folder}: the snapshots were written by another version of churn, with another format of "
                "the signals. Run `churn snapshot` again."
            )
        current = params_digest(params)
        changed_sections = [
            name for name in DECIDING_SECTIONS if self.params_digest.get(name) != current[name]
        ]
        if changed_sections:
            raise CallError(
                f"{folder}: the values under {', '.join(changed_sections)} in {params.file} have changed "
                "since the snapshots were made. Run `churn snapshot` again."
            )


def params_digest(params: Params) -> dict[str, str]:
    """Return the digest of each section of params.yaml on which the content of snapshots depends.

    The option `--cutoff` is not part of params.yaml, so it changes no digest.
    """
    sections = params.model_dump(mode="json", include=set(DECIDING_SECTIONS))
    return {section: digest_of(sections[section])[:12] for section in DECIDING_SECTIONS}
