"""Runs the test suites one after another, each within its own time budget, and says how each went.

    ./dev test                     all suites
    ./dev test unit simulation     these
    ./dev test unit -k fold -x     what is not a suite's name goes to pytest

A suite whose folder holds no Python file yet is absent, which is no failure. One that is there and
runs no test fails, and so does one that is killed at the end of its budget.
"""

import os
import signal
import subprocess
import sys
import time
import xml.etree.ElementTree as ET
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

# In the order in which they run: what fails fast comes first. Seconds on two cores that others use too.
BUDGETS = {
    "lint": 240,
    "unit": 240,
    "histories": 60,
    "simulation": 300,
    "infra": 180,
    "integration": 600,
    "e2e": 600,
}


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one suite went; `why` says what was wrong and is empty if nothing was."""

    suite: str
    seconds: float
    ran: int = 0
    skipped: int = 0
    why: str = ""
    absent: bool = False

    def __str__(self) -> str:
        tests = (
            f"{self.ran} tests" + (f", {self.skipped} skipped" if self.skipped else "") if self.ran else ""
        )
        word = "absent" if self.absent else "FAILED" if self.why else "passed"
        said = "; ".join(filter(None, [self.why, tests]))
        return f"{self.suite:<12} {word:<7} {self.seconds:6.1f} s  {said}".rstrip()


def main(words: list[str]) -> int:
    cut = next((at for at, word in enumerate(words) if word not in BUDGETS), len(words))
    named, rest = words[:cut], words[cut:]
    if rest and (not named or not rest[0].startswith("-")):
        print(f"no suite is named {rest[0]!r}: name some of {', '.join(BUDGETS)}", file=sys.stderr)
        return 2
    if strays := tests_outside_suites():
        print(f"in no suite, so that they would never run: {', '.join(strays)}", file=sys.stderr)
        return 1
    outcomes: list[Outcome] = []
    for suite in named or BUDGETS:
        print(f"── {suite} (at most {BUDGETS[suite]} s)", flush=True)
        outcomes.append(run_suite(suite, rest))
        print(f"── {outcomes[-1]}\n", flush=True)
    print("\n".join(map(str, outcomes)), flush=True)
    failed = [outcome.suite for outcome in outcomes if outcome.why]
    if failed:
        print(f"FAILED: {', '.join(failed)}", file=sys.stderr)
    return 1 if failed else 0


def tests_outside_suites() -> list[str]:
    found = {path.relative_to(ROOT) for path in (ROOT / "tests").rglob("test_*.py")}
    return sorted(str(path) for path in found if path.parts[1] not in BUDGETS)


def run_suite(suite: str, pytest_args: list[str]) -> Outcome:
    folder, report = ROOT / "tests" / suite, ROOT / ".dev" / f"{suite}.xml"
    if suite == "lint":
        command = ["just", "lint"]
    elif any(folder.rglob("*.py")):
        report.parent.mkdir(exist_ok=True)
        report.unlink(missing_ok=True)
        command = [sys.executable, "-m", "pytest", "-q", "--durations=5", "--durations-min=1"]
        command += [f"--junitxml={report}", str(folder), *pytest_args]
    else:
        return Outcome(suite, 0.0, absent=True)
    started = time.monotonic()
    code = run_within(command, budget=BUDGETS[suite])
    seconds = time.monotonic() - started
    ran, skipped = counts(report) if suite != "lint" else (0, 0)
    if code is None:
        why = f"killed at the end of its {BUDGETS[suite]} s"
    elif code not in (0, 5):
        why = f"exit code {code}"
    else:
        why = "no test ran" if suite != "lint" and ran == 0 else ""
    return Outcome(suite, seconds, ran=ran, skipped=skipped, why=why)


def run_within(command: list[str], *, budget: float) -> int | None:
    """The exit code, or None if the time was over; then nothing that it started in its group is left."""
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.DEVNULL, start_new_session=True) as process:
        try:
            return process.wait(budget)
        except BaseException as stop:  # an interrupt must not leave servers behind either
            end_group(process)
            if isinstance(stop, subprocess.TimeoutExpired):
                return None
            raise


def end_group(process: subprocess.Popen[bytes]) -> None:
    """Ten seconds to stop what fixtures started and to say which test it was, then the end."""
    os.killpg(process.pid, signal.SIGINT)
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)


def counts(report: Path) -> tuple[int, int]:
    """(tests that ran, tests that were skipped), as pytest wrote them down."""
    if not report.exists():
        return 0, 0
    suite = ET.parse(report).getroot().find("testsuite")
    if suite is None:
        return 0, 0
    skipped = int(suite.get("skipped", 0))
    return int(suite.get("tests", 0)) - skipped, skipped


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
