"""Score a night: who is likely to leave, why, what to do, and whom to call."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from churn.contact.acts import read_acts
from churn.contact.consent import read_suppression_lists
from churn.contact.night import History, score_night
from churn.contact.working_days import check_holidays
from churn.data.files import checksum_of
from churn.data.store import Store
from churn.errors import ChurnError, ModelError
from churn.experiments.exposure import check_ledger
from churn.experiments.ledger import (
    Ledger,
    check_salt,
    is_published,
    own_assignments,
    publish,
    read_ledger,
    recover,
    stage,
    tasks_of,
)
from churn.features.definition import definitions
from churn.features.engine.matrix import matrix_at
from churn.features.library import all_signals, select_signals
from churn.features.money import money_before, mrr_at
from churn.handover.events import EventTerms, NightFacts
from churn.handover.outbox import publish_events, recover_events, stage_night
from churn.model.bundle import Champion, load_champion
from churn.model.value import monthly_money
from churn.params import Params
from churn.promotion.record import waiting_model
from churn.reporting.drift_lines import drift_lines, drift_warnings
from churn.reporting.effects_table import measured_effect_lines
from churn.reporting.uplift_lines import known_uplift_lines
from churn.scoring.call_list import read_names, why_places_are_free
from churn.scoring.champion_checks import (
    check_fit,
    fit_problems,
    late_outcomes_warning,
    unusual_level_warning,
)
from churn.scoring.night import Stamp, Trial, run_id
from churn.scoring.playbook import Playbook, read_playbook
from churn.scoring.sink import (
    calls_path,
    ledger_digest,
    night_files,
    one_night_at_a_time,
    scores_path,
    write_night,
)
from churn.training.challenger import load_challenger
from churn.uplift.night import read_known_uplift
from pipelines.drift import write_drift
from pipelines.echo import Echo
from pipelines.ingest import ensure_store
from pipelines.measure import known_effects
from pipelines.night_handover import check_handover, hand_over_night, outbox_lines, outbox_warnings


def run(
    params: Params,
    *,
    cutoff: date | None = None,
    echo: Echo,
    store: Store | None = None,
    trial: Trial | None = None,
    dry_run: bool = False,
    is_last_step: bool = True,
) -> int | None:
    """Score every customer known before the cutoff (tonight by default) and write the call list.

    Args:
        params: The parameters.
        cutoff: The cutoff; by default tonight.
        echo: Prints lines, warnings and progress.
        store: The store, if the caller has opened it; by default it is opened, and written if it is outdated.
        trial: Why the challenger scores instead of the champion; None where the champion scores.
        dry_run: Whether only to print which customer would get which play; no files of the night are written.
        is_last_step: Whether to send the results of the night to the database and to the other systems at the
            end. The verb `churn run` passes False, because it sends them after its report.

    Raises:
        CallError: the cutoff is after the day up to which the data are complete.
        BusyError: another night is being scored.
        ModelError: there is no champion, or it does not fit these parameters.
        PlaybookError: the playbook has mistakes.
        ParamsError: there is no calendar for the country or region in `contact.holidays`, a suppression list
            does not exist, or `experiments.salt` has changed.
        Stop: later nights follow this night, and scoring it again would plan other contacts than before.
        DeliveryError: a database or a receiver does not answer, or did not accept all data of the night.
    """
    if trial:
        champion = load_challenger(params.output, params.engine.threads)
    elif not params.champion.exists() and (waiting := waiting_model(params.output)):
        raise ModelError(f"{params.champion}: there is no champion. {waiting}")
    else:
        champion = load_champion(params.champion, params.engine.threads)
    model = champion.scorer
    signals = all_signals(params)
    digests = definitions(signals.values())
    if problems := fit_problems(model.spec, params, digests):
        raise ModelError(*problems, *_fitting_model(params, digests, champion.digest))
    playbook = check_inputs(params)
    for warning in playbook.warnings:
        echo.warn(warning)
    if not trial and not dry_run:
        check_handover(params)

    store = store or ensure_store(params, echo)
    cutoff = store.cutoff_or_tonight(cutoff)
    if late := late_outcomes_warning(model.spec, cutoff):
        echo.warn(late)
    with one_night_at_a_time(params.output):
        recover(params.output, lambda night: ledger_digest(params.output, night))
        recover_events(params.output)
        ledger = read_ledger(params.output, cutoff)
        check_ledger(ledger)
        check_salt(ledger, params.experiments.salt)
        matrix = matrix_at(store, select_signals(params, store), cutoff)
        check_fit(model.spec, params, digests, [str(name) for name in matrix.frame.columns])
        money = monthly_money(
            matrix.frame["customer_id"], money_before(store, cutoff, days=91), mrr_at(store, cutoff)
        )
        acts = read_acts(
            store,
            cutoff,
            params.experiments,
            params.contact,
            ledger,
            matrix.roster,
            needs_answers=playbook.prefers_own_channel,
        )
        for warning in acts.warnings:
            echo.warn(warning)
        uplift = read_known_uplift(
            params.output,
            cutoff,
            label_id=params.label_id,
            definitions=digests,
            threads=params.engine.threads,
        )
        effects = known_effects(params, cutoff)
        stamp = Stamp(
            model_version=str(champion.version),
            model_digest=champion.digest,
            label_id=params.label_id,
            run_id=run_id(
                params,
                store.digest,
                cutoff,
                playbook,
                champion.digest,
                digests,
                {
                    "ledger": ledger.digest,
                    "suppression": " ".join(checksum_of(path) for path in params.contact.suppression),
                    **uplift.reads,
                    **effects.reads,
                },
                trial,
            ),
        )
        names = read_names(store)
        planned = score_night(
            params,
            cutoff,
            matrix.frame,
            matrix.roster,
            model,
            playbook,
            money,
            names,
            stamp,
            History(ledger, own_assignments(params.output, cutoff)),
            acts,
            echo.progress,
            trial,
            uplift.model,
            effects,
        )
        if dry_run:
            for line in planned.dry_run:
                echo(line)
            return 0
        night = planned.night
        files = night_files(
            night.scores, night.calls, night.contacts, night.facts, planned.owner_calls, planned.lists
        )
        if planned.ledger and not is_published(params.output, planned.ledger):
            stage(params.output, planned.ledger)
        events = None
        if planned.ledger and params.contact.outbox:
            facts = NightFacts(
                cutoff=cutoff,
                new_tasks=tasks_of(planned.ledger),
                earlier_tasks=ledger.tasks,
                states=acts.states,
                scores=night.scores,
                signals=matrix.frame,
                names=names,
                playbook=playbook,
                lists=planned.side_lists,
                best_hours=acts.best_hours,
            )
            terms = EventTerms(params.score.language, params.timezone)
            events = stage_night(params.output, facts, terms, ledger, planned.ledger.digest)
        is_new = write_night(params.output, cutoff, files)
        if planned.ledger and not is_published(params.output, planned.ledger):
            publish(params.output, cutoff)
        if planned.ledger and events and events.is_staged:
            publish_events(params.output, cutoff, planned.ledger.digest)

    probabilities = night.scores[params.label.words.probability].drop_null().to_numpy()
    if unusual := unusual_level_warning(model.spec, probabilities):
        echo.warn(unusual)
    if off := night.facts["switched_off"]:
        echo.warn(plays_off_line(off, len(playbook.rules)))
    n_excluded = night.facts["customers"] - night.facts["cohort"]
    echo(
        f"{cutoff}: {night.facts['cohort']:,} customers scored, {n_excluded:,} excluded "
        "(see `excluded_because`)"
    )
    if "consents" not in store.tables and (blocked := _without_consent(night.facts)):
        echo.warn(
            f"{blocked:,} customers are not contacted, because their channel needs consent and no table "
            "`consents` is mapped. Map the table `consents` (docs/your-data.md), give the plays another "
            f"channel, or take the channel out of `contact.consent_channels` in {params.file}."
        )
    for line in _call_list_lines(night.facts):
        echo(line)
    echo(f"  {calls_path(params.output, cutoff)}")
    if curve_line := _profit_line(night.facts["profit_curve"], is_measured=effects.is_known):
        echo(f"  {curve_line}")
        for line in measured_effect_lines(effects) if effects.is_known else ():
            echo(f"  {line}")
    for line in known_uplift_lines(uplift, night.facts):
        echo(f"  {line}")
    for line in _list_lines(night.facts):
        echo(line)
    n_free = night.facts["places"] - night.facts["tasks"]["new"] - night.facts["controls"]
    if why_free := why_places_are_free(
        night.scores, n_free, params.contact.max_health, "run" if trial else "score", params.label.words
    ):
        echo(f"  {why_free}")
    echo(f"scores: {scores_path(params.output, cutoff)}" + ("" if is_new else " (the same as before)"))
    _look_for_drift(params, store, cutoff, champion, matrix.frame, night.scores, ledger, echo, bool(trial))
    if events:
        echo.report(outbox_lines(params, cutoff, events), outbox_warnings(events))
    if trial and params.score.sink:
        echo.show("database: a trial is not handed over")
    if trial and params.contact.outbox:
        echo.show("outbox: a trial is not handed over")
    if not trial and is_last_step:
        hand_over_night(params, store, cutoff, echo, is_new=is_new)
    return 0


def _look_for_drift(
    params: Params,
    store: Store,
    cutoff: date,
    champion: Champion,
    frame: pd.DataFrame,
    scores: pa.Table,
    ledger: Ledger,
    echo: Echo,
    is_trial: bool,
) -> None:
    """After the night is written, look for changes since the training (drift), and print them."""
    column = params.label.words.probability
    scored = scores.select(["customer_id", column]).drop_null().to_pandas()
    probability = scored.set_index("customer_id")[column].reindex(frame["customer_id"])
    drift = write_drift(
        params, store, cutoff, champion, frame, probability.to_numpy(dtype=np.float64), ledger, is_trial
    )
    echo.report(drift_lines(drift), drift_warnings(drift.alarms))


def plays_off_line(off: Mapping[str, Sequence[str]], n_plays: int) -> str:
    """Return one line about the plays that are off, and about the absent signals that they need."""
    plays = "; ".join(f"'{name}' ({', '.join(signals)})" for name, signals in off.items())
    are = "is" if len(off) == 1 else "are"
    return (
        f"{len(off)} of the {n_plays} plays of the playbook {are} off, because a signal that the play needs "
        f"has no table or is left out: {plays}."
    )


def check_inputs(params: Params) -> Playbook:
    """Check what a night reads besides the data (playbook, calendar, lists), and return the playbook.

    The verb `churn run` calls this before it trains, so that a mistake costs seconds and not the time of the
    training.

    Raises:
        PlaybookError: the playbook has mistakes.
        ParamsError: there is no calendar for the country or region in `contact.holidays`, or a suppression
            list does not exist.
        SourceError: a suppression list cannot be read.
    """
    if params.contact.holidays:
        check_holidays(params.contact.holidays)
    read_suppression_lists(params.contact.suppression)
    return read_playbook(
        params.score.playbook,
        {name: signal.kind for name, signal in all_signals(params).items()},
        params.score.language,
        set(params.events),
        is_event=params.label.is_event,
    )


def _without_consent(facts: Mapping[str, Any]) -> int:
    """Return the number of customers whom nobody contacts because a consent is missing."""
    counts = facts["not_contacted"]
    return sum(count for reason, count in counts.items() if reason.startswith("no consent for "))


def _call_list_lines(facts: Mapping[str, Any]) -> Iterator[str]:
    """Yield lines about the call list, the control group, and the customers who are no longer on the list."""
    tasks = facts["tasks"]
    yield (
        f"call list: {facts['contacted']:,} customers, {tasks['new']:,} of them new, {tasks['open']:,} "
        f"open and {tasks['overdue']:,} overdue; {facts['controls']:,} more are in the control group, "
        "which nobody contacts"
    )
    if own := facts.get("own_channel"):
        yield (
            f"  channel: {own['own']:,} customers who may be contacted get the one they answer most, "
            f"{own['too few answers']:,} the first of their play, because they have too few answers"
        )
    if facts["no_control_because"]:
        yield f"  there is no control group, so no effect can be measured: {facts['no_control_because']}"
    if facts["came_off"]:
        words = ", ".join(f"{count:,} {word}" for word, count in facts["came_off"].items())
        yield f"  came off since the night before: {words}"
    if facts["answers_are_assumed"] and (tasks["open"] or facts["came_off"]):
        yield "  no table `contacts` says what was done, so a task counts as done on its due date"


def _profit_line(curve: Mapping[str, Any], *, is_measured: bool) -> str:
    """Return for how many customers a contact is expected to pay off; empty if no profit is known."""
    if not curve["n_worth"] and not curve["n_losing"]:
        return ""
    points = dict(curve["points"])  # equal points are one
    earnings = ", ".join(
        f"the best {count:,} earn {profit:,.0f}" for count, profit in points.items() if count
    )
    losing = f", not for {curve['n_losing']:,}" if curve["n_losing"] else ""
    unknown = f", {curve['n_unknown']:,} are unknown" if curve["n_unknown"] else ""
    assumption = "" if is_measured else " (costs and effects are assumptions)"
    return (
        f"a contact is expected to pay off for {curve['n_worth']:,} customers{losing}{unknown}"
        + (f"; {earnings}" if earnings else "")
        + assumption
    )


def _list_lines(facts: Mapping[str, Any]) -> Iterator[str]:
    """For each list besides the call list, yield how many customers are on it, and why others are not."""
    for name, side_list in facts["lists"].items():
        withheld = ", ".join(f"{count:,} {reason}" for reason, count in side_list["withheld"].items())
        withheld = f"; not on it: {withheld}" if withheld else ""
        yield f"  {name}.csv: {side_list['customers']:,} customers beside the call list{withheld}"
        if "controls" in side_list:
            yield (
                f"    {side_list['new']:,} of them new, {side_list['controls']:,} more are new controls; "
                f"effect {side_list['effect']}"
            )
    if any("controls" not in side_list for side_list in facts["lists"].values()):
        memory = ""
        if facts["answers_are_assumed"]:
            memory = "; without a table `contacts` they name the same customers every night"
        yield f"  a list whose plays have no `control` plans no tasks, and its effect is not measured{memory}"


def champion_problems(params: Params, store: Store) -> tuple[str, ...]:
    """Return why the champion cannot score a night with these parameters, each reason with a way out.

    Args:
        params: The parameters.
        store: The store.

    Raises:
        ModelError: there is no champion, or it is damaged.
    """
    spec = load_champion(params.champion, params.engine.threads).scorer.spec
    columns = [signal.name for signal in select_signals(params, store)]
    return tuple(fit_problems(spec, params, definitions(all_signals(params).values()), columns))


def _fitting_model(params: Params, digests: Mapping[str, str], champion_digest: str) -> tuple[str, ...]:
    """If the challenger can score with these parameters, return a sentence about it; else nothing."""
    try:
        challenger = load_challenger(params.output, params.engine.threads)
    except ChurnError:
        return ()
    if challenger.digest == champion_digest or fit_problems(challenger.scorer.spec, params, digests):
        return ()
    return (waiting_model(params.output),)


if __name__ == "__main__":
    from pipelines.cli import main

    raise SystemExit(main("score"))
