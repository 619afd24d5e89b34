"""The part of the screen of `churn kpis` about the reasons for leaving and about the retention audit."""

from __future__ import annotations

from churn.kpis.audit import UNMEASURABLE, AuditResult, Practice
from churn.kpis.leaving_reasons import LeavingReasonsResult


def leaving_lines(section: LeavingReasonsResult) -> list[str]:
    """Return a line for each recorded reason for leaving, with the model's reasons for the same customers.

    The model gave its reasons on the last night before the customers left. The list is empty if nobody left,
    or if the source has no reasons for leaving.
    """
    if not section.rows:
        return []
    lines = [
        "",
        'customers who left, by their recorded reason. "ours" is the family of signals that the program gave '
        "as the first reason, on the last night before the customer left:",
    ]
    for row in section.rows:
        ours = ", ".join(f"{name} {count:,}" for name, count in row.our_reasons.items())
        lines.append(f"  {row.recorded_reason}: {row.customers:,} customers; ours: {ours}")
    return lines


def audit_lines(section: AuditResult) -> list[str]:
    """Return the practices of the audit, the lowest score first, each with its evidence and with what would
    raise its score.
    """
    lines = [
        "",
        "grades of the retention audit, the lowest first, from 1 (hardly) to 5 (nearly always). The program "
        "decides which value gets which grade:",
    ]
    measured = [practice for practice in section.practices if practice.score is not None]
    lines += [_score_line(practice) for practice in measured]
    unknown = [practice for practice in section.practices if practice.score is None]
    lines += [
        f"  -  {practice.title}: {practice.reason}" for practice in unknown if practice.reason != UNMEASURABLE
    ]
    silent = [practice.title for practice in unknown if practice.reason == UNMEASURABLE]
    if silent:
        lines.append(f"  -  {UNMEASURABLE}: {', '.join(silent)}")
    return lines


def _score_line(practice: Practice) -> str:
    value = "" if practice.value is None else f"{practice.value:.3g} {practice.unit}"
    more = ""
    if practice.score is not None and practice.score < 5 and practice.limits is not None:
        more = f" {practice.score + 1} from {practice.limits[practice.score - 1]:g} on. {practice.next_step}"
    return f"  {practice.score}  {practice.title}: {value} (n {practice.n:,}).{more}"
