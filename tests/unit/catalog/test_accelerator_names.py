"""Every way to write an accelerator leads to its one name, or to the name that was meant."""

import pytest

from tradewind.catalog import (
    ACCELERATORS,
    AcceleratorError,
    UnknownAcceleratorError,
    canonical_name,
    parse_accelerators,
    satisfies,
)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("a100-80gb", "A100-80GB"),
        ("A100 80GB", "A100-80GB"),
        ("A100-40GB", "A100"),
        ("nvidia-a100-sxm4-80gb", "A100-80GB-SXM"),
        ("NVIDIA-H100-80GB-HBM3", "H100-SXM"),
        ("NVIDIA GeForce RTX 4090", "RTX4090"),
        ("Tesla T4", "T4"),
        ("T4g", "T4G"),
        ("Tesla-V100", "V100"),
        ("v100 32gb", "V100-32GB"),
        ("l40s", "L40S"),
        ("A6000", "RTXA6000"),
        ("RTX-6000-Ada", "RTX6000-Ada"),
        ("Quadro RTX 6000", "RTX6000"),
        ("AMD Instinct MI300X", "MI300X"),
        ("Gaudi HL-205", "Gaudi"),
        ("habana gaudi2", "Gaudi2"),
        ("trainium1", "Trainium"),
        ("TPU v5e", "TPU-v5e"),
        ("tpu-v5litepod", "TPU-v5e"),
    ],
)
def test_spellings_of_a_name(text: str, name: str):
    assert canonical_name(text) == name


def test_every_name_and_alias_is_its_own_and_leads_to_one_accelerator():
    for accelerator in ACCELERATORS.values():
        for spelling in (accelerator.name, *accelerator.aliases):
            assert canonical_name(spelling) == accelerator.name
            assert canonical_name(spelling.lower().replace("-", " ")) == accelerator.name


@pytest.mark.parametrize(
    ("text", "nearest"),
    [
        ("H10O", "H100"),
        ("A100-800GB", "A100-80GB"),
        ("RTX4900", "RTX4090"),
        ("B2000", "B200"),
        ("gaudy", "Gaudi"),
    ],
)
def test_an_unknown_name_is_refused_with_the_nearest(text: str, nearest: str):
    with pytest.raises(
        UnknownAcceleratorError, match=f"unknown accelerator '{text}': did you mean {nearest}"
    ) as told:
        canonical_name(text)
    assert told.value.nearest == nearest


@pytest.mark.parametrize("text", ["", "  ", "nvidia", "frobnicator", "@"])
def test_a_name_like_no_other_is_refused_without_a_guess(text: str):
    with pytest.raises(UnknownAcceleratorError, match="no known name is like it") as told:
        canonical_name(text)
    assert told.value.nearest is None


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("H100:8", ("H100", 8)),
        ("a100 80gb : 4", ("A100-80GB", 4)),
        ("L4", ("L4", 1)),
        ("TPU-v5e:4", ("TPU-v5e", 4)),
        ("tpu-v5litepod-8", ("TPU-v5e", 8)),
        ("tpu-v5litepod-8:1", ("TPU-v5e", 8)),
        ("v6e-4", ("TPU-v6e", 4)),
        ("tpu-v5p-8", ("TPU-v5p", 4)),
        ("tpu-v4-8", ("TPU-v4", 4)),
        ("tpu-v3-8", ("TPU-v3", 4)),
    ],
)
def test_name_and_count(text: str, read: tuple[str, int]):
    assert parse_accelerators(text) == read


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("H100:0", "whole number above 0"),
        ("H100:-1", "whole number above 0"),
        ("H100:0.5", "whole number above 0"),
        ("H100:", "whole number above 0"),
        ("H100:²", "whole number above 0"),
        ("H100:8:2", "whole number above 0"),
        ("tpu-v5e-0", "whole number above 0"),
        ("tpu-v5p-7", "two a chip"),
        ("tpu-v5litepod-8:2", "write 'tpu-v5litepod-8'"),
        ("tpu-v99-8", "unknown accelerator"),
        (":8", "unknown accelerator ''"),
    ],
)
def test_a_count_that_cannot_be_is_refused(text: str, sentence: str):
    with pytest.raises(AcceleratorError, match=sentence):
        parse_accelerators(text)


@pytest.mark.parametrize(
    ("offered", "wanted", "answer"),
    [
        ("H100", "H100", True),
        ("H100-SXM", "H100", True),
        ("H100", "H100-SXM", False),
        ("H100-PCIe", "H100-SXM", False),
        ("A100-80GB-SXM", "A100-80GB", True),
        ("A100-80GB", "A100", False),
        ("L40S", "L40", False),
    ],
)
def test_a_variant_satisfies_the_plain_name_and_not_the_other_way(offered: str, wanted: str, answer: bool):
    assert satisfies(offered, wanted) is answer


def test_a_variant_is_one_of_a_known_accelerator_that_is_none():
    for accelerator in ACCELERATORS.values():
        if accelerator.variant_of is not None:
            assert ACCELERATORS[accelerator.variant_of].variant_of is None
