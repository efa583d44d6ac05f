"""Task files: what is read, how, and what is said of what cannot be read."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradewind.client.task import (
    Overrides,
    Position,
    TaskRefused,
    from_command,
    parse,
    task_from_bytes,
    task_from_file,
)
from tradewind.common.contracts.job import OnLoss
from tradewind.common.contracts.task import JobSpec, RoleSpec
from tradewind.common.contracts.values import Recovery, Shape

WHOLE = """\
name: train
workdir: ./code
num_nodes: 2
resources:
  infra: aws/us-east-1
  cpus: 8+
  memory: 64
  accelerators: H100:8
  use_spot: true
envs:
  EPOCHS: 10
  DATA:
setup: pip install numpy
run: |
  python train.py --epochs $EPOCHS
"""


def shape_of(resources: str) -> Shape:
    return parse(f"resources: {resources}\n", file="t.yaml").spec.roles[0].shape


def test_a_whole_file():
    task = parse(WHOLE, file="x/train.yaml", overrides=Overrides(envs={"DATA": "s3://b"}))
    shape = Shape(
        cpus=8, memory_gib=64, accelerator="H100", accelerator_count=8, infra="aws/us-east-1", use_spot=True
    )
    role = RoleSpec(count=2, shape=shape, setup="pip install numpy", run="python train.py --epochs $EPOCHS\n")
    assert task.spec == JobSpec(name="train", roles=(role,), envs={"EPOCHS": "10", "DATA": "s3://b"})
    assert task.workdir == "./code"
    assert task.positions["resources.accelerators"] == Position(8, 3)


def test_what_a_task_says_of_reclaims():
    task = parse(
        "resources:\n  use_spot: true\n  race: 3\n"
        "  job_recovery: {strategy: failover, max_restarts_on_errors: 5}\n"
        "on_loss: rank\non_reclaim: python save.py\nrun: python train.py\n",
        file="t.yaml",
    )
    (role,) = task.spec.roles
    assert (task.spec.recovery, task.spec.race, task.max_restarts) == (Recovery.FAILOVER, 3, 5)
    assert (role.on_loss, role.on_reclaim, role.run) == (OnLoss.RANK, "python save.py", "python train.py")
    assert task.positions["resources.job_recovery.strategy"] == Position(4, 18)


@pytest.mark.parametrize(
    ("written", "strategy", "restarts"),
    [
        ("FAILOVER", Recovery.FAILOVER, 0),
        ("eager_next_region", Recovery.EAGER_NEXT_REGION, 0),
        ("{strategy: FAILOVER}", Recovery.FAILOVER, 0),
        ("{max_restarts_on_errors: 3}", Recovery.EAGER_NEXT_REGION, 3),
        ("{strategy: null, max_restarts_on_errors: '3'}", Recovery.EAGER_NEXT_REGION, 3),
        ("{}", Recovery.EAGER_NEXT_REGION, 0),
        ("null", Recovery.EAGER_NEXT_REGION, 0),
    ],
)
def test_recovery_is_written_as_for_skypilot(written: str, strategy: Recovery, restarts: int):
    task = parse(f"resources:\n  job_recovery: {written}\nrun: ls\n", file="t.yaml")
    assert (task.spec.recovery, task.max_restarts) == (strategy, restarts)


def test_what_is_left_out_has_its_default():
    assert parse("run: ls\n", file="dir/my task.yaml").spec == JobSpec(
        name="my-task", roles=(RoleSpec(run="ls"),)
    )


@pytest.mark.parametrize(
    ("resources", "shape"),
    [
        ("", Shape()),
        ("{cpus: 4}", Shape(cpus=4)),
        ("{cpus: 4+}", Shape(cpus=4)),
        ("{cpus: '0.5'}", Shape(cpus=0.5)),
        ("{memory: 16}", Shape(memory_gib=16)),
        ("{memory: 16+}", Shape(memory_gib=16)),
        ("{memory: 16GB}", Shape(memory_gib=16)),
        ("{memory: 16gib+}", Shape(memory_gib=16)),
        ("{memory: 512MB}", Shape(memory_gib=0.5)),
        ("{memory: 1.5TB}", Shape(memory_gib=1536)),
        ("{memory: 4x, cpus: 8}", Shape(cpus=8, memory_gib=32)),
        ("{accelerators: H100}", Shape(accelerator="H100", accelerator_count=1)),
        ("{accelerators: 'A100-80GB:4'}", Shape(accelerator="A100-80GB", accelerator_count=4)),
        ("{accelerators: {H100: 8}}", Shape(accelerator="H100", accelerator_count=8)),
        ("{accelerators: {H100: }}", Shape(accelerator="H100", accelerator_count=1)),
        ("{accelerators: {H100: 2.0}}", Shape(accelerator="H100", accelerator_count=2)),
        ("{accelerators: ['L4:2']}", Shape(accelerator="L4", accelerator_count=2)),
        ("{infra: local}", Shape(infra="local")),
        ("{infra: AWS/us-east-1}", Shape(infra="aws/us-east-1")),
        ("{infra: gcp/us-central1/us-central1-a}", Shape(infra="gcp/us-central1/us-central1-a")),
        ("{infra: '*'}", Shape()),
        ("{infra: aws/*}", Shape(infra="aws")),
        ("{infra: k8s}", Shape(infra="kubernetes")),
        ("{infra: 'k8s/arn:aws:eks:eu:1:c/me'}", Shape(infra="kubernetes/arn:aws:eks:eu:1:c/me")),
        ("{use_spot: yes}", Shape(use_spot=True)),
        ("{use_spot: false}", Shape(use_spot=False)),
        ("{cpus: , memory: ~}", Shape()),
    ],
)  # fmt: skip
def test_forms_of_resources(resources: str, shape: Shape):
    assert shape_of(resources) == shape


@pytest.mark.parametrize(
    ("written", "passed"),
    [
        ("10", "10"), ("3.10", "3.10"), ("0x1F", "0x1F"), ("1_000", "1_000"), ("12:30", "12:30"),
        ("2024-01-02", "2024-01-02"), ("true", "True"), ("No", "False"), ("'yes'", "yes"), ("''", ""),
        ('"a\\nb"', "a\nb"), ("hello world", "hello world"),
    ],
)  # fmt: skip
def test_values_of_variables_pass_as_they_are_written(written: str, passed: str):
    assert parse(f"envs:\n  X: {written}\n", file="t.yaml").spec.envs == {"X": passed}


def test_merged_mappings_give_way_to_what_is_written():
    text = "envs: {<<: [{A: 1, B: 2}, {B: 3, C: 4}], A: 0}\n"
    assert parse(text, file="t.yaml").spec.envs == {"A": "0", "B": "2", "C": "4"}


def test_merges_of_merges_end():
    nine_times = ((n, ", ".join([f"*x{n - 1}"] * 9)) for n in range(1, 20))
    bomb = "x0: &x0 {A: 1, B: 2}\n" + "".join(f"x{n}: &x{n} {{<<: [{all}]}}\n" for n, all in nine_times)
    with pytest.raises(TaskRefused, match="more than 10000 entries"):
        parse(f"{bomb}envs: *x19\n", file="t.yaml")


def test_nesting_ends():
    with pytest.raises(TaskRefused, match="nested too deeply"):
        parse(f"run: {'[' * 5000}", file="t.yaml")


def broken_files() -> list[object]:
    """(text, what is said of it), from broken_task_files.txt."""
    _, *parts = Path(__file__).with_name("broken_task_files.txt").read_text().split("\n== ")
    titled = (part.partition("\n") for part in parts)
    halves = ((title, *rest.partition("→\n")) for title, _, rest in titled)
    return [pytest.param(text, said.rstrip("\n"), id=title) for title, text, _, said in halves]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        *broken_files(),
        ("", "t.yaml: is empty: a task has at least `run: COMMANDS`"),
        ("run: a\x00b\n", "t.yaml:1:7: holds a character that YAML does not allow"),
    ],
)
def test_broken_files_are_told_whole(text: str, said: str):
    with pytest.raises(TaskRefused) as refused:
        parse(text, file="t.yaml")
    assert str(refused.value) == said


def test_options_win_over_the_file():
    overrides = Overrides(
        name="other",
        workdir="there",
        num_nodes=3,
        infra="gcp",
        cpus="2",
        memory="4x",
        accelerators="L4",
        use_spot=False,
        envs={"DATA": "d", "EPOCHS": "1", "NEW": "n"},
    )
    task = parse(WHOLE, file="t.yaml", overrides=overrides)
    role = task.spec.roles[0]
    assert (task.spec.name, task.workdir, role.count) == ("other", "there", 3)
    assert role.shape == Shape(cpus=2, memory_gib=8, accelerator="L4", accelerator_count=1, infra="gcp")
    assert task.spec.envs == {"DATA": "d", "EPOCHS": "1", "NEW": "n"}


def test_an_option_that_is_wrong_is_named():
    with pytest.raises(TaskRefused) as refused:
        from_command("ls", overrides=Overrides(cpus="x", accelerators="8:H100", envs={"1A": "x"}))
    assert str(refused.value) == (
        "--cpus: 'x' is not a number of CPUs: write it as 4, 0.5 or 8+\n"
        "--gpus: '8:H100' has the count first: write H100:8\n"
        "--env 1A: is no name for a variable: use letters, digits and _, no digit first"
    )


def test_a_command_is_a_task():
    assert from_command("echo hi").spec == JobSpec(name="tw-cmd", roles=(RoleSpec(run="echo hi"),))


def test_a_task_without_setup():
    assert parse(WHOLE.replace("  DATA:\n", ""), file="t.yaml").without_setup().spec.roles[0].setup is None


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"run: \xff", "t.yaml: is not UTF-8 text (byte 5)"),
        (b"#" * (2**20 + 1), "t.yaml: is larger than 1 MiB, which no task is"),
    ],
)
def test_what_is_no_text(content: bytes, said: str):
    with pytest.raises(TaskRefused) as refused:
        task_from_bytes(content, file="t.yaml")
    assert str(refused.value) == said


def test_a_byte_order_mark_is_no_part_of_the_text():
    assert task_from_bytes(b"\xef\xbb\xbfrun: ls", file="t.yaml").spec.roles[0].run == "ls"


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(TaskRefused) as refused:
        task_from_file(tmp_path / "no.yaml")
    assert str(refused.value) == f"{tmp_path}/no.yaml: cannot be read: no such file or directory"


PIECES = st.sampled_from([
    "run", "resources", "envs", "cpus", ":", " ", "\n", "\n  ", "- ", "{", "}", "[", "]", "*a", "&a ", "<<",
    "!!", "|", "'", '"', "#", "4", "4+", "null", "yes", "H100:8", "---\n", "?", "\t", ",", "accelerators",
    "~", "\x85", "!x ",
])  # fmt: skip
SLIP = st.lists(PIECES, max_size=3).map("".join)


def is_read_or_refused(text: str) -> bool:
    try:
        parse(text, file="t.yaml")
    except TaskRefused as refused:
        return bool(refused.problems) and bool(str(refused))
    return True


@given(st.lists(PIECES, max_size=30).map("".join) | st.text(max_size=60))
def test_any_text(text: str):
    assert is_read_or_refused(text)


@given(at=st.integers(0, len(WHOLE) - 1), gone=st.integers(0, 6), new=SLIP)
def test_a_slip_of_the_finger(at: int, gone: int, new: str):
    assert is_read_or_refused(WHOLE[:at] + new + WHOLE[at + gone :])
