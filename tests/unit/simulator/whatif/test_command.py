"""`tw simulate` as a person uses it: the guide's commands, the forms of output, the picture."""

import json
import re
import shlex
import shutil
import signal
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
import yaml
from click.testing import CliRunner, Result

from tradewind.client.cli import tw
from tradewind.simulator.whatif.run import simulate

ROOT = Path(__file__).parents[4]
GUIDE = (ROOT / "docs" / "guides" / "what-if.md").read_text()
COMMANDS = [line for block in re.findall(r"```sh\n(.*?)```", GUIDE, re.DOTALL) for line in block.splitlines()]
WORDS = ["simulate", "examples/what-if/workload.yaml", "--infra", "examples/what-if/infra.yaml"]


@pytest.fixture(autouse=True)
def examples(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copytree(ROOT / "examples" / "what-if", tmp_path / "examples" / "what-if")
    monkeypatch.chdir(tmp_path)


def run(*words: str) -> Result:
    return CliRunner().invoke(tw, words)


@pytest.mark.parametrize("command", COMMANDS)
def test_the_commands_of_the_guide(command: str):
    name, *words = shlex.split(command)
    ended = run(*words)
    assert (name, ended.exit_code) == ("tw", 0), ended.output


def test_every_example_is_in_the_guide_or_in_another_example():
    said = GUIDE + "".join(path.read_text() for path in Path("examples/what-if").glob("*.yaml"))
    assert [path.name for path in Path("examples/what-if").iterdir() if path.name not in said] == []


def test_a_report_for_people():
    shown = run(*WORDS).stdout
    assert re.search(r"^jobs +50 done$", shown, re.MULTILINE)
    assert re.search(r"^mock/us-west-2 +spot +\d+ +[\d.]+ +\$", shown, re.MULTILINE)
    assert "Jobs: the 20 of 50 that waited longest" in shown


def test_a_report_for_programs():
    told = json.loads(run(*WORDS, "-o", "json").stdout)
    assert told == yaml.safe_load(run(*WORDS, "-o", "yaml").stdout)
    assert list(told) == [
        "workload", "infra", "seed", "ended", "simulated_s", "makespan_s", "jobs", "wait", "run", "recovery",
        "cost", "machines", "machine_h", "utilisation", "reclaims", "refusals", "waiting", "history",
        "job_list",
    ]  # fmt: skip
    assert sum(place["usd"] for place in told["cost"]["by_place"]) == pytest.approx(told["cost"]["usd"])
    both = json.loads(run(*WORDS, "--compare", "on-demand", "-o", "json").stdout)
    assert [one["infra"] for one in both] == ["infra", "on-demand"]
    assert both[0] == told


def test_reports_side_by_side():
    shown = run(*WORDS, "--compare", "on-demand", "--compare", "examples/what-if/steady.yaml").stdout
    head, *rows = shown.splitlines()
    assert head.split() == ["infra", "on-demand", "steady"]
    assert {row.partition("  ")[0] for row in rows} >= {"jobs", "takes", "costs", "work lost"}


def test_a_picture_stands_dark_and_light_and_says_what_it_shows():
    assert run(*WORDS, "--compare", "on-demand", "--picture", "day.svg").exit_code == 0
    root = ET.parse("day.svg").getroot()
    space = {"svg": "http://www.w3.org/2000/svg"}
    texts = [one.text for one in root.iterfind(".//svg:text", space)]
    for said in ("machines and jobs", "USD spent so far", "machines paid", "jobs waiting"):
        assert texts.count(said) == 2
    assert "prefers-color-scheme: dark" in (root.find("svg:style", space).text or "")  # type: ignore[union-attr] # it is there
    points = [one.get("points", "").split() for one in root.iterfind(".//svg:polyline", space)]
    _, _, width, height = map(float, root.get("viewBox", "").split())
    assert len(points) == 6
    for x, y in (point.split(",") for line in points for point in line):
        assert 0 <= float(x) <= width
        assert 0 <= float(y) <= height


def test_a_png_has_the_size_of_the_picture():
    pytest.importorskip("resvg_py", reason="a PNG needs the extra `png`")
    assert run(*WORDS, "--picture", "day.png").exit_code == 0
    assert Path("day.png").read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((*WORDS, "--picture", "day.gif"), "tw: --picture: .gif is no picture: write FILE.svg or FILE.png"),
        ((*WORDS, "--until", "soon"), "tw: --until: 'soon' is not a time"),
        (("simulate", "none.yaml", *WORDS[2:]), "tw: none.yaml: cannot be read"),
        ((*WORDS[:2],), "Missing option '--infra'"),
    ],
)
def test_what_is_wrong_ends_with_2(words: tuple[str, ...], said: str):
    ended = run(*words)
    assert (ended.exit_code, said in ended.output) == (2, True), ended.output


def test_a_picture_that_cannot_be_written_ends_with_1():
    ended = run(*WORDS, "--picture", "nowhere/day.svg")
    assert ended.exit_code == 1
    assert "nowhere/day.svg cannot be written: no such file or directory" in ended.output


def test_an_interrupt_ends_it_between_two_steps():
    heard: list[int] = []

    def told(what: str, *, over: int, jobs: int, now: float) -> None:
        heard.append(over)
        signal.raise_signal(signal.SIGINT)
        heard.append(-over)  # a step is not broken off

    with pytest.raises(KeyboardInterrupt):
        simulate(Path(WORDS[1]), Path(WORDS[3]), told=told)
    assert heard[:2] == [1, -1]
    assert max(heard) < 50
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
