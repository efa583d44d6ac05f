"""The same seed always gives the same history: in this process, and in one whose strings hash otherwise."""

import os
import subprocess
import sys

import pytest

from tradewind.simulator.setup import Setup
from tradewind.simulator.world import simulate


def digest_elsewhere(seed: int, *, hash_seed: str) -> str:
    shown = subprocess.run(
        [sys.executable, "-m", "tradewind.simulator", "--seed", str(seed)],
        env={**os.environ, "PYTHONHASHSEED": hash_seed},
        capture_output=True,
        text=True,
        check=True,
    )
    return shown.stdout.split()[-1]


@pytest.mark.parametrize("seed", [3, 4])
def test_a_seed_is_a_history(seed: int) -> None:
    digest = simulate(Setup(seed)).digest
    assert simulate(Setup(seed)).digest == digest
    assert digest_elsewhere(seed, hash_seed="1") == digest
    assert digest_elsewhere(seed, hash_seed="2") == digest


def test_another_seed_is_another_history() -> None:
    assert simulate(Setup(5)).digest != simulate(Setup(6)).digest
