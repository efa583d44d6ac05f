"""The main job, shown: a training run that loses its machine half-way and ends well all the same. `./dev
demo`

Everything is real: the control plane, the training, the kill -9 of the node and all of its processes, the
recovery from
the last checkpoint. The exit code is 0 only if each step could be seen to have happened.
"""

import os
import re
import shutil
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from tradewind.client import Client, Overrides, Shape, task_from_file
from tradewind.client.client import Job
from tradewind.client.records import Event, LogChunk
from tradewind.local import api

HERE = Path(__file__).parent
HOME = Path(os.environ.get("TRADEWIND_DEMO_HOME", HERE.parent.parent / ".dev" / "demo")).absolute()
CHECKPOINTS = HOME / "checkpoints"
KILL_AFTER_EPOCH = 60


class Unconvincing(Exception):
    """Something that the demo promises did not happen."""


def main() -> int:
    os.environ["TRADEWIND_HOME"] = str(HOME)
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
    offers = tw.offers(Shape(cpus=1), limit=200)
    shown: dict[str, str] = {}
    for offer in offers.candidates:
        place = offer.place
        room = f"{place.room.cpus:g} vCPU, {place.room.memory_gib:g} GiB"
        line = f"    {place!s:32} {place.instance_type:22} {room:20} ${offer.hourly_usd:<8.4f}"
        shown.setdefault(place.infra, line + ("enabled" if offer.enabled else ""))
    print("\n".join(list(shown.values())[:10]))
    enabled = [infra.name for infra in tw.infra() if infra.enabled]
    print(f"    {offers.considered} offers considered; enabled here: {', '.join(enabled)}")
    expect(len(shown) > 5, "the catalog has offers of several clouds")
    expect("local" in enabled, "this machine is enabled")


def run(tw: Client) -> None:
    step("tw jobs launch examples/digits/train.yaml")
    task = task_from_file(HERE / "train.yaml", Overrides(envs={"CHECKPOINT_DIR": str(CHECKPOINTS)}))
    job = tw.submit(task)
    text = "".join(follow(tw, job))
    info = job.wait(timeout=60)
    events = list(job.events())

    step("What happened, told by the job's events")
    for line in timeline(events):
        print(line)
    seen = {event.name for event in events}
    accuracy = re.search(r"accuracy ([\d.]+)", text)
    expect(info.phase == "succeeded", f"the job succeeded (it is {info.phase}: {info.reason})")
    expect(info.attempt == 2, f"it needed a second attempt (it is in its {info.attempt}.)")
    told = {"allocation.broken", "job.recovering", "job.succeeded"}
    expect(told <= seen, "loss and recovery are in its events")
    expect("resuming after epoch" in text, "the second attempt went on from a checkpoint")
    expect(accuracy is not None and float(accuracy[1]) > 0.95, "the accuracy is above 0.95")
    print(f"    cost on this machine: ${info.cost_usd:.2f}")


def follow(tw: Client, job: Job) -> Iterator[str]:
    """The log as it comes; in the middle of the first attempt, the node is killed."""
    killed = False
    for chunk in job.logs():
        if not isinstance(chunk, LogChunk):
            break
        print("".join(f"    | {line}\n" for line in chunk.text.splitlines()), end="", flush=True)
        yield chunk.text
        epochs = [int(epoch) for epoch in re.findall(r"epoch (\d+)/", chunk.text)]
        if not killed and max(epochs, default=0) >= KILL_AFTER_EPOCH:
            node = job.info().ranks[0].node
            step(f"kill -9 of node {node}: its machine, its agent, and the training on it")
            expect(kill_node(node) >= 3, "machine, agent and task were alive, and were killed")
            killed = True
    expect(killed, "the training was long enough to be interrupted")


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
        reason = str(event.level.get("reason") or "")
        name = event.name
        yield f"    {since:7.2f} s  {name:24} {reason}".rstrip()


def expect(happened: bool, what: str) -> None:
    if not happened:
        raise Unconvincing(f"not so: {what}")


def step(text: str) -> None:
    print(f"\n==> {text}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
