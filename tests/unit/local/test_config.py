"""Settings of a home become what services are told."""

from pathlib import Path

import pytest

from tradewind.local.config import environment_of
from tradewind.local.home import HomeRefused


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (None, {}),
        ("", {}),
        ("other: {thing: 1}", {}),
        ("local: {nodes: 3}", {"TRADEWIND_LOCAL_NODES": "3"}),
        ("local: {nodes: 20, slots: 50}", {"TRADEWIND_LOCAL_NODES": "20", "TRADEWIND_LOCAL_SLOTS": "50"}),
        ("mock: {script: /etc/clouds.yaml}", {"TRADEWIND_MOCK": "/etc/clouds.yaml"}),
        ("mock: {}", {}),
    ],
)
def test_what_is_set_is_told(tmp_path: Path, text: str | None, told: dict[str, str]) -> None:
    if text is not None:
        (tmp_path / "config.yaml").write_text(text)
    assert environment_of(tmp_path) == told


def test_a_script_is_found_from_the_home(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text("mock: {script: clouds.yaml}")
    assert environment_of(tmp_path) == {"TRADEWIND_MOCK": str(tmp_path / "clouds.yaml")}


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (
            "local: {nodes: 0}",
            "local.nodes: Input should be greater than or equal to 1; set it with `tw config set`",
        ),
        ("local: {nodes: many}", "local.nodes: Input should be a valid integer; set it with `tw config set`"),
        ("local: {noods: 1}", "local.noods: Extra inputs are not permitted; set it with `tw config set`"),
        ("mock: {script: 1}", "mock.script: Input should be a valid string; set it with `tw config set`"),
        ("local: [", "is not YAML: mend it, or delete it"),
    ],
)
def test_what_makes_no_sense_is_refused_with_its_place(tmp_path: Path, text: str, why: str) -> None:
    (tmp_path / "config.yaml").write_text(text)
    with pytest.raises(HomeRefused, match=r"config\.yaml") as refused:
        environment_of(tmp_path)
    assert str(refused.value).endswith(why)
