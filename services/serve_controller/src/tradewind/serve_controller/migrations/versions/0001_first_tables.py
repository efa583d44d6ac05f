"""The first tables of the serve controller."""

from tradewind.common.db import shape_1

revision = "0001"
down_revision = None
phase = "pre"


def upgrade() -> None:
    shape_1.create_service("serve_controller")
