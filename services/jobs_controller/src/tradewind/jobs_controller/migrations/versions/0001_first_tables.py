"""The first tables of the jobs controller."""

from tradewind.common.db import shape_1

revision = "0001"
down_revision = None
phase = "pre"


def upgrade() -> None:
    shape_1.create_service("jobs_controller")
    shape_1.create_aggregate("jobs_controller", "job")
    shape_1.create_aggregate("jobs_controller", "workflow")
