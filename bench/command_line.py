"""How long a person waits for `tw`: the whole process, from its start to its end."""

import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from statistics import median

from bench.figure import Figure, Target
from bench.stacks import stack, warm

TW = str(Path(sys.executable).with_name("tw"))


def command_line(*, quick: bool) -> Iterator[Figure]:
    count = 5 if quick else 40
    commands = {"python": [sys.executable, "-c", "pass"], "help": [TW, "--help"], "status": [TW, "status"]}
    took_ms: dict[str, list[float]] = {name: [] for name in commands}
    with stack(slots=2) as running:
        warm(running)
        environ = running.environ()
        for _ in range(count):  # in turns, so that whatever disturbs, disturbs all
            for name, command in commands.items():
                took_ms[name].append(_run_ms(command, environ))
    python_ms = median(took_ms["python"])
    for name, bound in (("help", 100), ("status", 150)):
        words = " ".join(["tw", *commands[name][1:]])
        how = f"median wall of {count} runs of `{words}` beside a running stack, in turns with python -c pass"
        parts = {"python_ms": python_ms, "least_ms": min(took_ms[name])}
        yield Figure(f"tw_{name}", median(took_ms[name]), "ms", how, Target("<=", bound), parts)


def _run_ms(command: Sequence[str], environ: Mapping[str, str]) -> float:
    began = time.perf_counter()
    subprocess.run(command, env=environ, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, check=True)
    return 1e3 * (time.perf_counter() - began)
