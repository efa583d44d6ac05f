"""What the routes stand on."""

import asyncio
from dataclasses import dataclass

from tradewind.common.bus.connection import Connection
from tradewind.common.bus.dead_letter_box import DeadLetterBox
from tradewind.common.bus.nats_bus import NatsBus
from tradewind.common.reactor.ports import Clock
from tradewind.gateway.blobs import Blobs
from tradewind.gateway.endings import Endings
from tradewind.gateway.infra_reads import InfraReads
from tradewind.gateway.job_pages import JobPages
from tradewind.gateway.job_reads import JobReads
from tradewind.gateway.projector import Projector
from tradewind.gateway.submission_store import SubmissionStore
from tradewind.gateway.submitting import Submitting


@dataclass(frozen=True, slots=True)
class Parts:
    connection: Connection
    bus: NatsBus
    clock: Clock
    blobs: Blobs
    jobs: JobReads
    pages: JobPages
    infra: InfraReads
    submissions: SubmissionStore
    submitting: Submitting
    projector: Projector
    endings: Endings
    letters: DeadLetterBox
    stopping: asyncio.Event
    """Set when this gateway is told to end: what never ends by itself ends then."""
    grant_key: bytes
    operator_url: str | None
    user: str
    """In whose name jobs are submitted."""
