"""`churn uplift` on experiments that the company ran by itself."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from churn.data.own_files import read_own_json
from churn.uplift.result import UpliftReason, UpliftResult, UpliftVerdict
from pipelines import cli

pytestmark = pytest.mark.slow

PARAMS = """
source: raw
experiments:
  outside:
    - {name: mail, from: mails, unit: id, arm: arm, control: none, treated: [mail], outcome: visit,
       wanted: true, sizes: {none: 1, mail: 1}, covariates: [age, town]}
label: {kind: inactivity, table: orders, horizon_days: 28}
"""
N = 2000


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory, migrated: Path) -> Path:
    """A mail makes the young visit; the old visit more often anyway, so the risk chooses the wrong ones."""
    folder = tmp_path_factory.mktemp("company")
    shutil.copy(migrated, folder / "mlflow.db")
    (folder / "raw").mkdir()
    rng = np.random.default_rng(1)
    age, is_mailed, town = rng.integers(18, 80, N), rng.random(N) < 0.5, rng.choice(["Ulm", "Jena", ""], N)
    visits = rng.random(N) < 0.15 + 0.3 * (age > 48) + 0.35 * (age <= 48) * is_mailed
    arm = np.where(is_mailed, "mail", "none")
    rows = [
        f"u{row},{arm[row]},{int(visits[row])},{age[row]},{town[row]},{is_mailed[row] + 0.1}"
        for row in range(N)
    ]
    text = "\n".join(["id,arm,visit,age,town,spend", *rows]) + "\n"
    (folder / "raw" / "mails.csv").write_text(text, encoding="utf-8")
    return folder


def call(
    folder: Path, capsys: pytest.CaptureFixture[str], text: str = "", replacement: str = ""
) -> tuple[int, str, str]:
    (folder / "params.yaml").write_text(PARAMS.replace(text, replacement), encoding="utf-8")
    capsys.readouterr()
    code = cli.main("uplift", ["--params", str(folder / "params.yaml")])
    output = capsys.readouterr()
    return code, " ".join(output.out.split()), output.err


def test_an_effect_that_chooses_better_is_accepted_and_its_model_is_kept(
    company: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, err = call(company, capsys)

    assert (code, err) == (0, "")
    assert "ACCEPTED with as many contacts, the effect chooses better than the risk" in out
    folder = company / "output" / "uplift"
    (measured,) = read_own_json(folder / "uplift.json", UpliftResult, way_out="").experiments
    assert measured.verdict == UpliftVerdict.ACCEPT
    assert measured.model_digest is not None
    assert (folder / "models" / measured.model_digest[:16] / "manifest.json").is_file()


def test_a_column_that_the_mail_has_moved_is_refused_in_words(
    company: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, _ = call(company, capsys, "age, town", "age, spend")

    assert code == 0
    assert f"REFUSED {UpliftReason.UNEQUAL_ARMS}: 'spend'. Remove from 'covariates'" in out


@pytest.mark.parametrize(
    ("text", "replacement", "words"),
    [
        ("[age, town]", "[agee]", "no column 'agee'. Did you mean 'age'?"),
        ("[age, town]", "[visit]", "'covariates' names visit"),
        ("  outside:", "  uplift: {contact_share: 1}\n  outside:", "experiments.uplift.contact_share"),
        (
            PARAMS[PARAMS.index("experiments") : PARAMS.index("label")],
            "",
            "learnt. Score nights with `churn score`",
        ),
    ],
)
def test_a_mistake_is_said_with_a_designed_code(
    company: Path, capsys: pytest.CaptureFixture[str], text: str, replacement: str, words: str
) -> None:
    code, _, err = call(company, capsys, text, replacement)

    assert code not in (0, 1)
    assert words in err
