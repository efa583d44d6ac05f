"""The main job, shown: a training on spot machines of a scripted cloud that refuses, and takes away.

Only the cloud is scripted. Everything else is real: the control plane, the training, the reclaim with its
notice, the kill -9 of a node and all of its processes, the recoveries from checkpoints. The exit code is 0
only if each step could be seen to have happened. Run it as `./dev demo`.
"""

import os
import re
import shutil
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from tradewind.client import Client, Overrides, Shape, task_from_file
from tradewind.client.client import Job
from tradewind.client.records import Event, LogChunk, Node
from tradewind.local import api

HERE = Path(__file__).parent
HOME = Path(os.environ.get("TRADEWIND_DEMO_HOME", HERE.parent.parent / ".dev" / "demo")).absolute()
CHECKPOINTS = HOME / "checkpoints"
INFRA = ("local", "mock")
RECLAIM_AFTER_EPOCH = 60
KILL_AFTER_EPOCH = 130


class Unconvincing(Exception):
    """Something that the demo promises did not happen."""


def main() -> int:
    os.environ["TRADEWIND_HOME"] = str(HOME)
    os.environ["TRADEWIND_MOCK"] = str(HERE / "cloud.yaml")
    began = time.monotonic()
    try:
        step("Starting the control plane: Postgres, NATS and every service, in one process")
        api.uninstall(HOME)  # what an earlier demo left: its nodes are gone, and would only be mourned
        endpoint = api.start(HOME)
        print(f"    {endpoint.url}, ready after {time.monotonic() - began:.1f} s")
        shutil.rmtree(CHECKPOINTS, ignore_errors=True)
        with Client() as tw:
            show_offers(tw)
            run(tw)
    except Unconvincing as why:
        print(f"\nThe demo failed: {why}", file=sys.stderr)
        return 1
    finally:
        step("Stopping what was started")
        api.stop(HOME)
        api.end_nodes(HOME)
    print(f"    done in {time.monotonic() - began:.0f} s; state and logs are in {HOME}")
    return 0


def show_offers(tw: Client) -> None:
    step("What an hour of this would cost elsewhere (cheapest machine of each cloud, from the seed catalog)")
    enabled = enabled_infra(tw)
    offers = tw.offers(Shape(cpus=1), limit=200)
    shown: dict[str, str] = {}
    for offer in offers.candidates:
        place = offer.place
        room = f"{place.room.cpus:g} vCPU, {place.room.memory_gib:g} GiB"
        line = f"    {place!s:32} {place.instance_type:22} {room:20} ${offer.hourly_usd:<8.4f}"
        shown.setdefault(place.infra, line + ("enabled" if offer.enabled else ""))
    print("\n".join(list(shown.values())[:10]))
    print(f"    {offers.considered} offers considered; enabled here: {', '.join(enabled)}")
    expect(len(shown) > 5, "the catalog has offers of several clouds")


def enabled_infra(tw: Client) -> list[str]:
    """What can be used here, as soon as all of it was looked at."""
    deadline = time.monotonic() + 30
    while len(found := [infra.name for infra in tw.infra() if infra.enabled]) < len(INFRA):
        expect(time.monotonic() < deadline, f"{INFRA} are enabled here (only {found} are)")
        time.sleep(0.1)
    return sorted(found)


def run(tw: Client) -> None:
    step("tw jobs launch examples/digits/train.yaml --infra mock --use-spot")
    wishes = Overrides(infra="mock", use_spot=True, envs={"CHECKPOINT_DIR": str(CHECKPOINTS)})
    job = tw.submit(task_from_file(HERE / "train.yaml", wishes))
    text = "".join(follow(tw, job))
    info = job.wait(timeout=60)
    events = list(job.events())

    step("What happened, told by the job's events")
    for line in timeline(events):
        print(line)
    seen = {event.name for event in events}
    accuracy = re.search(r"accuracy ([\d.]+)", text)
    resumed = [int(epoch) for epoch in re.findall(r"resuming after epoch (\d+)", text)]
    regions = [node.place.region for node in nodes_of(tw, events)]
    expect(info.phase == "succeeded", f"the job succeeded (it is {info.phase}: {info.reason})")
    expect(info.attempt == 3, f"it needed three attempts (it is in its {info.attempt}.)")
    told = {"node.reclaim_noticed", "node.lost", "allocation.broken", "job.recovering", "job.succeeded"}
    expect(told <= seen, f"notice, loss and recovery are in its events ({told - seen} is missing)")
    expect(any("is left as spot" in reason(event) for event in events), "the first offer was refused")
    expect(len(resumed) == 2, "the second and third attempt went on from a checkpoint")
    expect(f"saved after epoch {resumed[0]}" in text, "what was announced to be taken away saved its work")
    expect(
        regions[0] != regions[1] != regions[2], f"no attempt went back to the region just lost ({regions})"
    )
    expect(accuracy is not None and float(accuracy[1]) > 0.95, "the accuracy is above 0.95")
    bill(tw, events)


def follow(tw: Client, job: Job) -> Iterator[str]:
    """The log as it comes. In the first attempt the node is reclaimed, in the second it is killed."""
    strikes = [(RECLAIM_AFTER_EPOCH, reclaim), (KILL_AFTER_EPOCH, kill)]
    for chunk in job.logs():
        if not isinstance(chunk, LogChunk):
            break
        print("".join(f"    | {line}\n" for line in chunk.text.splitlines()), end="", flush=True)
        yield chunk.text
        epochs = [int(epoch) for epoch in re.findall(r"epoch (\d+)/", chunk.text)]
        if strikes and max(epochs, default=0) >= strikes[0][0]:
            strikes.pop(0)[1](tw, job.info().ranks[0].node)
    expect(not strikes, "the training was long enough to be interrupted twice")


def reclaim(tw: Client, node: str) -> None:
    step(f"tw mock reclaim {node}: the cloud takes the spot machine away in eight seconds, and says so")
    expect(tw.mock_reclaim(node).did == (node,), "the scripted cloud has such a machine")


def kill(tw: Client, node: str) -> None:
    step(f"kill -9 of node {node}: its machine, its agent, and the training on it, without a word")
    expect(kill_node(node) >= 3, "machine, agent and task were alive, and were killed")


def nodes_of(tw: Client, events: list[Event]) -> list[Node]:
    """Those that the job ran on, in order."""
    mine = {event.subject for event in events if event.name == "node.ready"}
    return sorted((node for node in tw.nodes(all=True) if node.id in mine), key=lambda node: node.launched_at)


def bill(tw: Client, events: list[Event]) -> None:
    """What the machines have cost so far, and what the same hours would have cost without spot."""
    now = datetime.now(UTC)
    spot = on_demand = 0.0
    for node in nodes_of(tw, events):
        hours = ((node.ended_at or now) - node.launched_at).total_seconds() / 3600
        spot += hours * node.place.price_usd_h
        on_demand += hours * (node.place.on_demand_usd_h or node.place.price_usd_h)
    step("What it cost")
    print(f"    ${spot:.6f} on spot machines, with all that was done twice")
    print(f"    ${on_demand:.6f} is what the same hours cost on demand: {on_demand / spot:.1f} times as much")
    expect(0 < spot < on_demand, "spot was cheaper")


def kill_node(node: str) -> int:
    """Kills every process of the node, as a power cut would; returns how many there were."""
    mark = f"TRADEWIND_NODE_ID={node}".encode()
    found = [
        int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit() and bears(entry, mark)
    ]
    for pid in found:
        with suppress(
            ProcessLookupError
        ):  # the agent dies with its machine, and the provisioner ends the rest
            os.kill(pid, signal.SIGKILL)
    return len(found)


def bears(process: Path, mark: bytes) -> bool:
    try:
        return mark in (process / "environ").read_bytes().split(b"\0")
    except OSError:
        return False  # it ended meanwhile, or is not ours


def timeline(events: list[Event]) -> Iterator[str]:
    first = min(event.time for event in events)
    for event in sorted(events, key=lambda one: one.time):
        since = (event.time - first).total_seconds()
        yield f"    {since:7.2f} s  {event.name:24} {where(event)}{reason(event)}".rstrip()


def reason(event: Event) -> str:
    failures = event.level.get("failures") or [{}]
    return str(event.level.get("reason") or failures[-1].get("message") or "")


def where(event: Event) -> str:
    place = event.level.get("place") or {}
    return f"{place['region']}/{place['zone']} " if place.get("zone") else ""


def expect(happened: bool, what: str) -> None:
    if not happened:
        raise Unconvincing(f"not so: {what}")


def step(text: str) -> None:
    print(f"\n==> {text}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
