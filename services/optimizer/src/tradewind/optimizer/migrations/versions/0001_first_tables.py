"""The first tables of the optimizer."""

from tradewind.common.db import shape_1

revision = "0001"
down_revision = None
phase = "pre"


def upgrade() -> None:
    shape_1.create_service("optimizer")
    shape_1.create_aggregate("optimizer", "placement")
    shape_1.create_aggregate("optimizer", "market")
