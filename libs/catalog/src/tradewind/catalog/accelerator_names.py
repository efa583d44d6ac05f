"""How a person writes an accelerator, read into its canonical name and a count."""

import difflib
import re

from tradewind.catalog.accelerators import ACCELERATORS

_BRANDS = {"nvidia", "geforce", "tesla", "amd", "instinct", "intel", "habana", "google", "cloud", "aws"}
_PUNCTUATION = re.compile(r"[^a-z0-9]+")
_TPU_SLICE = re.compile(r"(?:tpu[- ]?)?(v\d+[a-z]*)-(\d+)", re.IGNORECASE)
# The number in a slice's name counts TensorCores before v5e and for v5p, two a chip; chips otherwise
# (Cloud TPU documentation, "TPU versions").
_CORES_PER_CHIP = {"TPU-v2": 2, "TPU-v3": 2, "TPU-v4": 2, "TPU-v5p": 2}


class AcceleratorError(ValueError):
    """An accelerator was written in a way that we cannot read; the message says what to write instead."""


class UnknownAcceleratorError(AcceleratorError):
    """No accelerator has this name; `nearest` is the known name most like it, if any is."""

    def __init__(self, text: str) -> None:
        self.nearest = _nearest(text)
        hint = f"did you mean {self.nearest}?" if self.nearest else "no known name is like it"
        super().__init__(f"unknown accelerator {text!r}: {hint}")


def canonical_name(text: str) -> str:
    """`a100 80GB`, `NVIDIA-A100-80GB` → `A100-80GB`. Raises UnknownAcceleratorError."""
    name = _NAME_OF.get(_fold(text))
    if name is None:
        raise UnknownAcceleratorError(text)
    return name


def parse_accelerators(text: str) -> tuple[str, int]:
    """The canonical name and the count on one node.

    `H100:8` → H100, 8; `L4` → L4, 1; in chips: `tpu-v5litepod-8` → TPU-v5e, 8, `tpu-v5p-8` → TPU-v5p, 4.
    Raises AcceleratorError for a count that is not a whole number above 0, and for an unknown name.
    """
    name, colon, digits = text.strip().partition(":")
    count = _positive(digits.strip(), text) if colon else 1
    if tpu_slice := _TPU_SLICE.fullmatch(name.strip()):
        if count != 1:
            raise AcceleratorError(f"{text!r}: the slice already says how many, write {name.strip()!r}")
        return _slice_chips(tpu_slice.group(1), _positive(tpu_slice.group(2), text), text)
    return canonical_name(name), count


def _slice_chips(version: str, size: int, text: str) -> tuple[str, int]:
    name = canonical_name(f"TPU-{version}")
    chips, rest = divmod(size, _CORES_PER_CHIP.get(name, 1))
    if rest:
        raise AcceleratorError(f"{text!r}: the size of a {name} slice counts TensorCores, two a chip")
    return name, chips


def _positive(digits: str, text: str) -> int:
    if not (digits.isascii() and digits.isdecimal() and int(digits) > 0):
        raise AcceleratorError(f"{text!r}: the count must be a whole number above 0, as in 'H100:8'")
    return int(digits)


def _fold(text: str) -> str:
    """The letters and digits of a name without case and brand: what two spellings of it share."""
    words = [word for word in _PUNCTUATION.split(text.lower()) if word and word not in _BRANDS]
    return "".join(words)


def _nearest(text: str) -> str | None:
    keys = difflib.get_close_matches(_fold(text), _NAME_OF, n=1, cutoff=0.5)
    return _NAME_OF[keys[0]] if keys else None


_NAME_OF = {
    _fold(spelling): accelerator.name
    for accelerator in ACCELERATORS.values()
    for spelling in (accelerator.name, *accelerator.aliases)
}
