"""Postgres for one machine: what it is told, and why. Durability is never traded for speed here."""

from collections.abc import Mapping
from pathlib import Path

from tradewind.local.ports import LOOPBACK

HBA = f"host all all {LOOPBACK}/32 scram-sha-256\n"


def render(*, port: int, hba_file: Path) -> str:
    """The text of `postgresql.conf`. Whatever is not said here is as Postgres has it."""
    settings: Mapping[str, str | float] = {
        "listen_addresses": LOOPBACK,
        "port": port,
        # One way in: a socket would need a folder with a short path, and a second line of defence.
        "unix_socket_directories": "",
        "hba_file": str(hba_file),
        "password_encryption": "scram-sha-256",
        # Said though they are the defaults: an acknowledged job is on the disk.
        "fsync": "on",
        "synchronous_commit": "on",
        "full_page_writes": "on",
        # Three connections an App and their spares; each slot costs shared memory even when unused.
        "max_connections": 60,
        # Rows of living jobs are small and few; the kernel's page cache has the rest.
        "shared_buffers": "32MB",
        "work_mem": "4MB",
        "maintenance_work_mem": "32MB",
        "huge_pages": "off",
        # Without them there is one process less for each: reads are short (no parallel queries), done in
        # the backend (no I/O workers), and nothing is replicated.
        "io_method": "sync",
        "max_parallel_workers_per_gather": 0,
        "max_parallel_maintenance_workers": 0,
        "max_worker_processes": 0,
        "max_logical_replication_workers": 0,
        "max_wal_senders": 0,
        "wal_level": "minimal",
        "autovacuum_worker_slots": 1,
        "autovacuum_max_workers": 1,
        # Outbox rows live ten minutes, so dead rows are soon many times the living: sooner than at 20 %.
        "autovacuum_vacuum_scale_factor": 0.1,
        # Compiling a query takes longer than any of ours runs.
        "jit": "off",
        # Fewer, larger checkpoints write fewer whole pages; a replay of 256 MB takes seconds.
        "checkpoint_timeout": "15min",
        "max_wal_size": "256MB",
        "min_wal_size": "32MB",
        "timezone": "UTC",
        "log_timezone": "UTC",
        "lc_messages": "C",
        "log_checkpoints": "off",
        "log_line_prefix": "%m [%p] %u@%d ",
    }
    return "".join(f"{name} = {_quoted(value)}\n" for name, value in settings.items())


def _quoted(value: str | float) -> str:
    return "'" + str(value).replace("\\", "\\\\").replace("'", "''") + "'"
