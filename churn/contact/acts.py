"""Gather what is known about customers and earlier contacts before a night is planned."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo

from churn.contact.consent import consents_at, match_suppression, read_suppression_lists
from churn.contact.plan import Acts
from churn.contact.tasks import task_states
from churn.contact.working_days import read_zones
from churn.data.acts import read_consents, read_contacts, read_reach
from churn.data.store import Store
from churn.experiments.ledger import Ledger
from churn.experiments.units import find_units
from churn.params import ContactParams, ExperimentsParams


def read_acts(
    store: Store,
    cutoff: date,
    experiments: ExperimentsParams,
    contact: ContactParams,
    ledger: Ledger,
    at_risk: Sequence[str],
) -> Acts:
    """Return what is known about customers and earlier contacts at a cutoff.

    Args:
        store: The store.
        cutoff: The cutoff of the night.
        experiments: Who gets an arm.
        contact: The rules of contacts.
        ledger: The earlier nights.
        at_risk: The ids of the customers of the cohort.

    Raises:
        ParamsError: A suppression list does not exist.
        SourceError: A suppression list cannot be read.
    """
    timezone = store.params.timezone
    reach = read_reach(store).to_pandas()
    customers = reach["customer_id"].to_numpy(dtype=object)
    lists = read_suppression_lists(contact.suppression)
    suppression = match_suppression(lists, customers, reach["email"].to_numpy(dtype=object))
    midnight = datetime.combine(cutoff, time(0), ZoneInfo(timezone)).astimezone(UTC).replace(tzinfo=None)
    consents = consents_at(
        read_consents(store, cutoff).to_pandas(),
        purpose=contact.purpose,
        channels=contact.consent_channels,
        cutoff=midnight,
    )
    zones = read_zones(reach["timezone"].to_numpy(dtype=object), timezone)
    contacts = read_contacts(store, cutoff)
    states = task_states(ledger.tasks, None if contacts is None else contacts.to_pandas(), at_risk, cutoff)
    unmatched = [
        f"{path}: {count:,} line{'' if count == 1 else 's'} of the suppression list match no customer."
        for path, count in suppression.n_unmatched.items()
    ]
    unknown = [
        f"customers.timezone: '{name}' is no time zone; quiet hours of its customers are those of {timezone}."
        for name in zones.unknown_names[:3]
    ]
    return Acts(
        units=find_units(reach, experiments.unit, ledger.unit_of),
        consents=consents,
        suppressed=frozenset(customers[suppression.is_suppressed]),
        objected=frozenset(customers[reach["has_objected"].to_numpy(dtype=bool)]),
        zones=dict(zip(customers, zones.zones, strict=True)),
        states=states,
        warnings=(*consents.warnings, *unmatched, *unknown),
    )
