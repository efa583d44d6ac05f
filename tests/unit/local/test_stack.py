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


def test_a_script_is_told_so_that_it_is_found_from_everywhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    types = "{small: {vcpus: 1, memory_gib: 1, usd_h: 1}}"
    (tmp_path / "clouds.yaml").write_text(
        f"clouds: {{one: {{types: {types}, regions: {{us: {{zones: [a]}}}}}}}}"
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TRADEWIND_MOCK", "clouds.yaml")
    home = Home(tmp_path / "home")
    with home.locked():
        assert Stack(home)._config["TRADEWIND_MOCK"] == str(tmp_path / "clouds.yaml")
