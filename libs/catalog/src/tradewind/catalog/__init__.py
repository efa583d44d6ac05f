"""Offers of every cloud, as data with a small reader.

`Catalog.load()` reads files. The modules `offers`, `accelerators`, `accelerator_names` and `cloud_file` are
pure: code that may do no I/O (a service's `domain/`) imports from those, not from here.
"""

from tradewind.catalog.accelerator_names import (
    AcceleratorError,
    UnknownAcceleratorError,
    canonical_name,
    parse_accelerators,
)
from tradewind.catalog.accelerators import ACCELERATORS, Accelerator, satisfies
from tradewind.catalog.catalog import Catalog
from tradewind.catalog.cloud_file import CloudFileError
from tradewind.catalog.offers import Arch, Cloud, Offer, OfferKey

__all__ = [
    "ACCELERATORS",
    "Accelerator",
    "AcceleratorError",
    "Arch",
    "Catalog",
    "Cloud",
    "CloudFileError",
    "Offer",
    "OfferKey",
    "UnknownAcceleratorError",
    "canonical_name",
    "parse_accelerators",
    "satisfies",
]
