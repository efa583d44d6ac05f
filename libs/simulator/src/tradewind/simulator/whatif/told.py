"""What the command line uses of a what-if."""

from tradewind.simulator.whatif.picture import drawer
from tradewind.simulator.whatif.run import simulate
from tradewind.simulator.whatif.tables import tables

__all__ = ["drawer", "simulate", "tables"]
