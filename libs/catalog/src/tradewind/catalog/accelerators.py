"""The accelerators that we know, each under the one name that offers and requests use.

Names follow what SkyPilot's users write, so that task files move over. Memory is the maker's nominal figure
for one accelerator. A form factor (SXM, PCIe, NVL) is a variant: it satisfies a request for the plain name,
while a request for the variant is satisfied only by offers whose source names it.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Accelerator:
    """One kind of accelerator; `aliases` are other spellings of `name` in the wild."""

    name: str
    maker: str
    memory_gib: int
    aliases: tuple[str, ...] = ()
    variant_of: str | None = None


def _nvidia(name: str, memory_gib: int, *aliases: str) -> Accelerator:
    return Accelerator(name, "NVIDIA", memory_gib, aliases)


def _form(name: str, memory_gib: int, *aliases: str) -> Accelerator:
    plain, _, _ = name.rpartition("-")
    return Accelerator(name, "NVIDIA", memory_gib, aliases, variant_of=plain)


_KNOWN = (
    # Data centre, newest first. Aliases hold the product labels of NVIDIA's Kubernetes plugin too.
    _nvidia("B300", 288),
    _nvidia("GB200", 186),
    _nvidia("B200", 180, "B200-180GB", "B200-SXM", "B200-SXM6"),
    _nvidia("GH200", 96, "GH200-96GB", "GH200-480GB"),
    _nvidia("H200", 141, "H200-141GB"),
    _form("H200-SXM", 141, "H200-SXM5"),
    _form("H200-NVL", 141),
    _nvidia("H100", 80, "H100-80GB", "H100-80G"),
    _form("H100-SXM", 80, "H100-SXM5", "H100-80GB-SXM5", "H100-80G-SXM5", "H100-80GB-HBM3"),
    _form("H100-PCIe", 80, "H100-80GB-PCIe", "H100-80G-PCIe", "H100-80G-PCIe-NVLink"),
    _form("H100-NVL", 94, "H100-94GB"),
    _form("H100-MEGA", 80, "H100-MEGA-80GB"),  # GCP's a3-megagpu: SXM with a faster network
    _nvidia("A100-80GB", 80, "A100-80G", "A100-80"),
    _form("A100-80GB-SXM", 80, "A100-80GB-SXM4", "A100-SXM4-80GB", "A100-80G-SXM4"),
    _form("A100-80GB-PCIe", 80, "A100-PCIe-80GB", "A100-80G-PCIe", "A100-80G-PCIe-NVLink"),
    _nvidia("A100", 40, "A100-40GB", "A100-40G", "A100-SXM4", "A100-SXM4-40GB", "A100-PCIe-40GB"),
    _nvidia("V100-32GB", 32, "V100-32G", "V100-SXM2-32GB", "V100-SXM3-32GB", "V100-PCIe-32GB"),
    _nvidia("V100", 16, "V100-16GB", "V100-SXM2-16GB", "V100-PCIe-16GB"),
    _nvidia("P100", 16, "P100-16GB", "P100-PCIe-16GB"),
    _nvidia("K80", 12),
    _nvidia("L40S", 48, "L40S-48GB"),
    _nvidia("L40", 48, "L40-48GB"),
    _nvidia("L4", 24, "L4-24GB"),
    _nvidia("A40", 48, "A40-48GB"),
    _nvidia("A30", 24, "A30-24GB"),
    _nvidia("A16", 16),
    _nvidia("A10G", 24),
    _nvidia("A10", 24, "A10-24GB"),
    _nvidia("T4G", 16),
    _nvidia("T4", 16, "T4-16GB"),
    _nvidia("P4", 8),
    _nvidia("M60", 8),
    # Workstation and consumer.
    _nvidia("RTXPRO6000", 96, "RTX-PRO-6000-Blackwell", "RTX-PRO-6000-Blackwell-Server-Edition"),
    _form("RTXPRO6000-WK", 96, "RTXPRO6000WS", "RTX-PRO-6000-Blackwell-Workstation-Edition"),
    _nvidia("RTX6000-Ada", 48, "RTX-6000-Ada-Generation"),
    _nvidia("RTX5880-Ada", 48, "RTX-5880-Ada-Generation"),
    _nvidia("RTX5000-Ada", 32, "RTX-5000-Ada-Generation"),
    _nvidia("RTX4000-Ada", 20, "RTX-4000-Ada-Generation"),
    _nvidia("RTXA6000", 48, "A6000"),
    _nvidia("RTXA5000", 24, "A5000"),
    _nvidia("RTXA4500", 20, "A4500"),
    _nvidia("RTXA4000", 16, "A4000"),
    _nvidia("RTX6000", 24, "Quadro-RTX-6000"),
    _nvidia("P4000", 8, "Quadro-P4000"),
    _nvidia("M4000", 8, "Quadro-M4000"),
    _nvidia("RTX5090", 32, "5090"),
    _nvidia("RTX4090", 24, "4090"),
    _nvidia("RTX3090", 24, "3090"),
    _nvidia("RTX3080", 10, "3080"),
    _nvidia("RTX3070", 8, "3070"),
    # Other makers.
    Accelerator("MI355X", "AMD", 288),
    Accelerator("MI325X", "AMD", 256),
    Accelerator("MI300X", "AMD", 192, ("MI300X-192GB", "MI300X-OAM")),
    Accelerator("MI250X", "AMD", 128),
    Accelerator("MI250", "AMD", 128),
    Accelerator("Gaudi3", "Intel", 128, ("HL-325",)),
    Accelerator("Gaudi2", "Intel", 96, ("HL-225",)),
    Accelerator("Gaudi", "Intel", 32, ("Gaudi1", "HL-205", "Gaudi HL-205")),
    Accelerator("Trainium2", "AWS", 96, ("Trn2",)),
    Accelerator("Trainium", "AWS", 32, ("Trainium1", "Trn1")),
    Accelerator("Inferentia2", "AWS", 32, ("Inf2",)),
    Accelerator("Inferentia", "AWS", 8, ("Inferentia1", "Inf1")),
    Accelerator("TPU-v6e", "Google", 32, ("TPU Trillium",)),
    Accelerator("TPU-v5p", "Google", 95),
    Accelerator("TPU-v5e", "Google", 16, ("TPU-v5litepod", "TPU v5 lite")),
    Accelerator("TPU-v4", "Google", 32),
    Accelerator("TPU-v3", "Google", 32),
    Accelerator("TPU-v2", "Google", 16),
)

ACCELERATORS: dict[str, Accelerator] = {accelerator.name: accelerator for accelerator in _KNOWN}


def satisfies(offered: str, wanted: str) -> bool:
    """Whether an offer of `offered` answers a request for `wanted`, both canonical names."""
    return offered == wanted or ACCELERATORS[offered].variant_of == wanted
