"""What a signal costs, learnt by running it once on nobody."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from churn.data.sources.table_specs import table_contracts
from churn.data.tables import CANONICAL_TABLES, Table
from churn.features.language.cost import Cost
from churn.features.language.reader import Selection, Sequence, Window
from churn.features.signal import Signal
from churn.features.tracing import Need, Tracer, trace, view_of
from churn.params import Params


@dataclass
class _Listener(Tracer):
    """A tracer that also notes whether rows are passed over."""

    ordered: bool = False

    def sequence(
        self, selection: Selection, window: Window, columns: tuple[str, ...], distinct_days: bool = False
    ) -> Sequence:
        """Note that the rows themselves are asked for."""
        self.ordered = True
        return super().sequence(selection, window, columns, distinct_days)


def costs_of(signals: Iterable[Signal], params: Params) -> dict[str, Cost]:
    """Return what each signal costs, by name, whether or not its table is there."""
    tables = {**CANONICAL_TABLES, **table_contracts(params)}
    return {signal.name: cost_of(signal, tables[signal.table]) for signal in signals}


def cost_of(signal: Signal, table: Table) -> Cost:
    """Return the dearest thing that a signal asks for."""
    if signal.function is None:
        return Cost.FOLDS
    if trace([signal], table, Need()):
        return Cost.COHORT
    listener = _Listener(Need())
    signal.function(view_of(signal, table, listener))
    return Cost.PASSES if listener.ordered else Cost.FOLDS
