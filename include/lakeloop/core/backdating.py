"""What an older delivery that arrived late says of a unit: main's rows of it were available earlier; pure decisions."""

from datetime import datetime
from typing import NamedTuple

from lakeloop.core.deliveries import selected
from lakeloop.core.ledger import Ledger, Owner
from lakeloop.core.runs import Run
from lakeloop.core.use_case import UseCase


class Earlier(NamedTuple):
    """Whose rows say that they were available later than the unit was, and since when it was."""

    owner: Owner
    available_at: datetime

    @property
    def work(self) -> str:
        """It as a run key names it: for one owner and one time it is done once."""
        return f"{self.owner.record.unit} of {self.owner.run_key} available at {self.available_at.isoformat()}"

    @property
    def words(self) -> str:
        """From when to when."""
        then, now = self.available_at, self.owner.record.available_at
        return f"was available at {then:%Y-%m-%d %H:%M}, its rows say {now:%Y-%m-%d %H:%M}"


def to_backdate(ledger: Ledger, case: UseCase, run: Run) -> list[Earlier]:
    """The units in a run's range of which main's rows do not know the first delivery; whoever owns them keeps owning them.

    Whatever became of that delivery, damaged, refused or superseded, a repair inherits its time, in whichever order they arrive.
    """
    contracts = {contract.name: contract for contract in case.tables}
    found = []
    for unit, landed in sorted(ledger.landed.items()):
        if len(landed) == 1 or unit.table not in contracts or not selected(contracts[unit.table], run, unit.data_date):
            continue
        owner, first = ledger.owner(unit), ledger.available_at(unit)
        if owner and first and first < owner.record.available_at:
            found.append(Earlier(owner, first))
    return found
