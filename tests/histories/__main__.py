"""`./dev histories record [NAME…]` plays them in real stacks; `./dev histories bless NAME --reason WHY` takes
what is decided now for right.
"""

import argparse
import os
import shutil
import sys
import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from tests.e2e.stack import local_stack
from tests.histories.differing import differences
from tests.histories.history import FOLDER, Json, names, read
from tests.histories.recording import NotAsItHappened, histories_of
from tests.histories.refold import refold
from tests.histories.scenarios import SCENARIOS, Scenario

IDLE_GRACE_S = 1.0


def main(words: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="./dev histories", description=__doc__)
    commands = parser.add_subparsers(required=True)
    recording = commands.add_parser(
        "record", help="run a real stack for each and write down what was decided"
    )
    recording.add_argument("names", nargs="*", metavar="NAME", help="all if none is named")
    recording.set_defaults(does=lambda asked: record(asked.names))
    blessing = commands.add_parser("bless", help="what is decided now is right; say why")
    blessing.add_argument("name", metavar="NAME", help="such as recovery/scheduler, or recovery, or all")
    blessing.add_argument(
        "--reason", required=True, metavar="WHY", help="what has changed, and why that is right"
    )
    blessing.set_defaults(does=lambda asked: bless(asked.name, reason=asked.reason))
    asked = parser.parse_args(words)
    return asked.does(asked)


def record(chosen: Sequence[str]) -> int:
    known = {scenario.name: scenario for scenario in SCENARIOS}
    unknown = [name for name in chosen if name not in known]
    if unknown:
        print(f"there is no scenario {unknown[0]!r}: write some of {', '.join(known)}", file=sys.stderr)
        return 2
    for name in chosen or known:
        print(f"{name}: {known[name].happens}", flush=True)
        try:
            play(known[name])
        except NotAsItHappened as what:
            print(f"{name}: a journal does not fold to what happened: {what}", file=sys.stderr)
            return 1
    return 0


def play(scenario: Scenario) -> None:
    with tempfile.TemporaryDirectory(prefix="tw-") as folder:
        journals = Path(folder) / "journals"
        environ = {
            "TRADEWIND_JOURNAL": str(journals),
            "TRADEWIND_IDLE_GRACE_S": str(IDLE_GRACE_S),
            "TRADEWIND_LOCAL_NODES": "3",
            "TRADEWIND_LOCAL_SLOTS": "4",
            "TRADEWIND_USER": "somebody",
        }
        if scenario.cloud:
            script = Path(folder) / "cloud.yaml"
            script.write_text(scenario.cloud)
            environ["TRADEWIND_MOCK"] = str(script)
        with (
            local_stack(Path(folder) / "home", processes=scenario.processes, **environ) as stack,
            stack.client() as tw,
        ):
            scenario.play(stack, tw)
        head: Json = {
            "told": scenario.happens,
            "idle_grace_s": IDLE_GRACE_S,
            "blessed": [{"on": today(), "reason": "recorded from a real run"}],
        }
        made = list(histories_of(journals, scenario=scenario.name, head=head))
    shutil.rmtree(FOLDER / scenario.name, ignore_errors=True)
    for history in made:
        history.write()
        print(
            f"    {history.name}: {len(history.folds)} folds, {len(history.text) / 1024:.0f} KiB", flush=True
        )


def bless(name: str, *, reason: str, folder: Path = FOLDER) -> int:
    chosen = [one for one in names(folder) if name in {one, one.partition("/")[0], "all"}]
    if not chosen:
        print(f"there is no history {name!r}: write one of {', '.join(names(folder))}", file=sys.stderr)
        return 2
    if len(reason.strip()) < 10:
        print("--reason: say in some words why what is decided now is right", file=sys.stderr)
        return 2
    for one in chosen:
        history = read(one, folder)
        now = refold(history)
        if not differences(history, now):
            continue
        blessed = [*history.head["blessed"], {"on": today(), "reason": reason.strip()}]
        history.expecting(now, history.head | {"blessed": blessed}).write(folder)
        print(f"{one} is blessed")
    return 0


def today() -> str:
    return datetime.now(UTC).date().isoformat()


if __name__ == "__main__":
    os.environ.pop("TRADEWIND_ENDPOINT", None)
    sys.exit(main())
