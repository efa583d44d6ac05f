"""The first tables of the provisioner."""

from tradewind.common.db import shape_1

revision = "0001"
down_revision = None
phase = "pre"


def upgrade() -> None:
    shape_1.create_service("provisioner")
    shape_1.create_aggregate("provisioner", "infra")
    shape_1.create_aggregate("provisioner", "cluster")
    shape_1.create_aggregate("provisioner", "node")
