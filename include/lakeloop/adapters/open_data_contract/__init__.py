"""Contracts as documents of the Open Data Contract Standard (ODCS 3.1), out and in.

What the standard has a field for stands in it; every other promise of ours is a custom property `lakeloop.<field>`,
so that what goes out comes back as it was.
"""

from lakeloop.adapters.open_data_contract.incoming import imported
from lakeloop.adapters.open_data_contract.outgoing import exported

__all__ = ["exported", "imported"]
