"""The findings that params.yaml signs off, the lines that show findings, and the gate of the guards."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple, Self

from churn.finding import Finding, GuardReport
from churn.guards.verdict import Gate, SignedOff, Verdict
from churn.metrics.interval import Interval
from churn.params import Params

REPORT_FILE = "guards.json"
"""The file of a guard report, in the folder of the verb that ran the guards."""

TRAINING_GUARDS = ("maturity", "disjoint", "copies", "alone", "missing", "id_like", "calendar_like")
"""The guards of `train`, which run before anything is fitted."""

EVALUATION_GUARDS = ("unseen", "shuffled", "newest", "too_good", "lead_time", "calibrated", "bands")
"""The guards of `evaluate`. The report of `evaluate` also holds the findings of `train`."""

NO_DATA_GUARDS = "not_looked"
"""The name of the guard that stops if the guards of the data did not run."""

MODEL_GUARDS = (*TRAINING_GUARDS, *EVALUATION_GUARDS, NO_DATA_GUARDS)

SHOWN_PLACES = 3
"""The number of further places of a group that a line names; the line counts the remaining places."""

Group = tuple[Finding, ...]
"""Findings with the same guard, severity and way out (the advice to the user)."""


class Signature(NamedTuple):
    """The key that signs a finding off (a place or the name of a guard), and the reason in params.yaml."""

    key: str
    reason: str


@dataclass(frozen=True)
class SignOffs:
    """The reasons in params.yaml for accepted findings, by place or guard.

    Attributes:
        check: The content of `check.accept`.
        evaluate: The content of `evaluate.accept`. If `check.accept` has the same key, the reason in
            `evaluate.accept` wins.
    """

    check: Mapping[str, str]
    evaluate: Mapping[str, str]

    @classmethod
    def of(cls, params: Params) -> Self:
        """Return the sign-offs of params.yaml."""
        return cls(params.check.accept, params.evaluate.accept)

    def signature(self, finding: Finding) -> Signature | None:
        """Return the key and reason that sign a finding off; None if there is no such key. A place wins over
        a guard.

        >>> late = Finding("logins", "", "", guard="late_rows")
        >>> SignOffs({"late_rows": "of all tables", "logins": "of this one"}, {}).signature(late)
        Signature(key='logins', reason='of this one')
        """
        reasons = {**self.check, **self.evaluate}
        key = next((key for key in (finding.place, finding.guard) if key in reasons), None)
        return None if key is None else Signature(key, reasons[key])

    def reason(self, finding: Finding) -> str | None:
        """Return the reason why a person accepted a finding; None if nobody accepted it."""
        signature = self.signature(finding)
        return signature.reason if signature else None


def group_findings(
    findings: Sequence[Finding], key: Callable[[Finding], Hashable] = lambda _: None
) -> list[Group]:
    """Group findings with the same guard, way out and severity, in the order in which they first appear.

    Args:
        findings: The findings.
        key: A function that returns a fact of a finding, such as the reason of its sign-off. Findings of one
            group share this fact.
    """
    groups: dict[Hashable, list[Finding]] = {}
    for finding in findings:
        group_key = (finding.guard, finding.way_out, finding.severity, key(finding))
        groups.setdefault(group_key, []).append(finding)
    return [tuple(group) for group in groups.values()]


def group_sentence(group: Group, *, way_out: bool = True) -> str:
    """Write a group as one line: the first finding, the places of the next ones, and the number of the rest.

    >>> late = Finding("logins", "rows are late.", "Map known_at.", guard="late_rows", figure="2%")
    >>> group_sentence((late,))
    'late_rows: logins: rows are late. Map known_at.'
    >>> group_sentence((late, Finding("orders", "", "Map known_at.", guard="late_rows", figure="7%")))
    'late_rows: logins: rows are late. Likewise orders (7%). Map known_at.'
    """
    first, *further = group
    line = f"{first.guard}: {first.place}: {first.found}"
    if further:
        further_places = [
            f"{finding.place} ({finding.figure})" if finding.figure else finding.place
            for finding in further[:SHOWN_PLACES]
        ]
        remainder = f" and {len(further) - SHOWN_PLACES:,} more" if len(further) > SHOWN_PLACES else ""
        line += f" Likewise {', '.join(further_places)}{remainder}."
    return f"{line} {first.way_out}" if way_out else line


def sign_off_hint(group: Group, section: str) -> str:
    """Return a sentence with the keys of `section` under which a person can sign a group of findings off.

    >>> sign_off_hint((Finding("logins", "", "", guard="alone"),), "check.accept")
    "To sign this finding off, give a reason in check.accept under 'logins' or 'alone'."
    """
    first = group[0]
    if len(group) == 1:
        return (
            f"To sign this finding off, give a reason in {section} under '{first.place}' or '{first.guard}'."
        )
    return (
        f"To sign off all {len(group)} findings, give a reason in {section} under '{first.guard}'. To sign "
        f"off only one of them, give the reason under its own key, such as '{first.place}'."
    )


class FindingLines(NamedTuple):
    """The findings of a verb as lines for the user.

    Findings of the same guard share a line if their severity and their advice to the user are the same.
    """

    signed_off: list[str]
    warnings: list[str]


def finding_lines(
    findings: Sequence[Finding], sign_offs: SignOffs, section: str = "evaluate.accept"
) -> FindingLines:
    """Write a line for each group of signed-off findings, and a warning for each other group.

    Args:
        findings: The findings.
        sign_offs: The reasons in params.yaml for accepted findings.
        section: The section in which the user can sign a finding off.
    """
    warnings = []
    for group in group_findings([finding for finding in findings if not sign_offs.reason(finding)]):
        stop = " `churn promote` stops there." if group[0].severity == "stop" else ""
        warnings.append(f"{group_sentence(group)} {sign_off_hint(group, section)}{stop}")
    return FindingLines([f"signed off: {line}" for line in _signed_lines(findings, sign_offs)], warnings)


def count_sentence(findings: Sequence[Finding], sign_offs: SignOffs) -> str:
    """Return how many findings say stop (and by which guards), how many warn, and how many are signed off."""
    signed_findings = [finding for finding in findings if sign_offs.reason(finding)]
    stops = _unsigned_stops(findings, sign_offs)
    guards = f" ({', '.join(dict.fromkeys(finding.guard for finding in stops))})" if stops else ""
    warn = len(findings) - len(stops) - len(signed_findings)
    return f"{len(stops)} say stop{guards}, {warn} warn, {len(signed_findings)} signed off"


def guard_verdict(report: GuardReport, sign_offs: SignOffs, section: str) -> Verdict:
    """Return a verdict: the gate of the guards, the warnings as notes, and the sign-offs with reasons.

    Args:
        report: One report with the findings of `check`, `train` and `evaluate`; if no guard ran, the verdict
            is empty.
        sign_offs: The reasons in params.yaml for accepted findings.
        section: The name of the section `evaluate` in messages, such as `params.yaml: evaluate`.
    """
    if not report.looked:
        return Verdict((), ())
    findings = report.found
    groups = group_findings([finding for finding in findings if not sign_offs.reason(finding)])
    stops = [group_sentence(group) for group in groups if group[0].severity == "stop"]
    warnings = [group_sentence(group) for group in groups if group[0].severity == "warn"]
    signed_off = tuple(
        SignedOff(finding.guard, finding.place, reason)
        for finding in findings
        if (reason := sign_offs.reason(finding))
    )
    counts = f"{len(report.looked)} guards ran. Findings: {count_sentence(findings, sign_offs)}."
    gate = Gate.of(
        "no_guard_raised",
        not stops,
        Interval(value=float(len(_unsigned_stops(findings, sign_offs)))),
        "no guard of check, train and evaluate says stop, or a person signed it off",
        " ".join(stops) or counts,
        f"Fix the cause, or sign the finding off with a reason in {section}: "
        "{accept: {PLACE or GUARD: the reason}}.",
    )
    # A signed-off warning does not count here, because a warning never refuses a model.
    stops_signed = any(finding.severity == "stop" and sign_offs.reason(finding) for finding in findings)
    gate = replace(gate, signed=gate.passed and stops_signed)
    return Verdict((gate,), tuple(warnings), tuple(_signed_lines(findings, sign_offs)), signed_off)


def _unsigned_stops(findings: Sequence[Finding], sign_offs: SignOffs) -> list[Finding]:
    return [finding for finding in findings if finding.severity == "stop" and not sign_offs.reason(finding)]


def _signed_lines(findings: Sequence[Finding], sign_offs: SignOffs) -> list[str]:
    signed_findings = [finding for finding in findings if sign_offs.reason(finding)]
    return [
        f"{group_sentence(group)} Accepted: {sign_offs.reason(group[0])}"
        for group in group_findings(signed_findings, sign_offs.reason)
    ]
