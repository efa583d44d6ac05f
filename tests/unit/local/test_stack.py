"""What a stack is told before anything of it starts."""

from pathlib import Path

import pytest

from tradewind.local.home import Home, HomeRefused
from tradewind.local.stack import Stack


def test_a_bad_script_of_scripted_clouds_is_refused_with_its_line(tmp_path: Path) -> None:
    script = tmp_path / "clouds.yaml"
    script.write_text("clouds:\n  one: {types: {}, regons: {}}\n")
    home = Home(tmp_path / "home")
    home.prepare()
    (home.folder / "config.yaml").write_text(f"mock: {{script: {script}}}\n")
    with home.locked(), pytest.raises(HomeRefused) as refused:
        Stack(home)
    assert str(refused.value) == f"{script}:2:20: clouds.one.regons: is unknown: did you mean `regions`?"
