"""The scripts that people are shown can be used."""

import re
from pathlib import Path

import pytest

from tradewind.provisioner.infra.mock.reading import parse, read_script

ROOT = Path(__file__).resolve().parents[4]
GUIDE = ROOT / "docs" / "guides" / "practise-an-outage.md"


@pytest.mark.parametrize(
    "path", sorted((ROOT / "examples").rglob("*cloud*.yaml")), ids=lambda path: path.name
)
def test_an_example_is_a_script(path: Path) -> None:
    assert read_script(path).clouds


def test_the_guide_shows_a_script_that_says_everything() -> None:
    (text,) = re.findall(r"```yaml\n(.*?)```", GUIDE.read_text(), re.DOTALL)
    script = parse(text, file=GUIDE.name, folder=GUIDE.parent)
    (cloud,) = script.clouds.values()
    unsaid = [name for name in type(cloud).model_fields if name not in cloud.model_fields_set]
    assert unsaid == []
    assert cloud.faults.model_fields_set == set(type(cloud.faults).model_fields)
