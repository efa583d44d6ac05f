"""Which job is meant by the words after `tw logs` and `tw cancel`."""

import re

import click

from tradewind.client.client import Client
from tradewind.client.errors import NotFound
from tradewind.client.records import JobInfo

# A number, a member of an array, or an id as the control plane makes them.
_JOB = re.compile(r"\d+(_\d+)?|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def is_job(word: str) -> bool:
    return _JOB.fullmatch(word) is not None


def newest_of(client: Client, cluster: str) -> JobInfo:
    """The job of a cluster that was submitted last."""
    newest = next(client.jobs(cluster=cluster, limit=1), None)
    if newest is None:
        raise NotFound(f"there is no job on a cluster {cluster}", status=404)
    return newest


def on_cluster(client: Client, cluster: str, job: str) -> JobInfo:
    """A job, which must belong to the cluster that was named with it."""
    info = client.job_info(job)
    if info.cluster != cluster:
        raise click.UsageError(
            f"job {info.handle} is not on cluster {cluster}: it is on {info.cluster or 'none'}"
        )
    return info
