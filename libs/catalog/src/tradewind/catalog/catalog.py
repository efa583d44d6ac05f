"""The catalog: every offer that we know of, found by infra or by accelerator."""

from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import Self

from tradewind.catalog.accelerators import ACCELERATORS
from tradewind.catalog.cloud_file import parse_cloud_file
from tradewind.catalog.offers import Cloud, Offer

SEED = Path(__file__).parent / "seed"


class Catalog:
    """All clouds and their offers. It does not change: a newer catalog is another object.

    What has no price (this machine, Docker, a machine behind SSH, a cluster of your own) is not in it.
    """

    clouds: tuple[Cloud, ...]
    offers: tuple[Offer, ...]

    def __init__(self, clouds: Iterable[Cloud], offers: Iterable[Offer]) -> None:
        self.clouds = tuple(clouds)
        self.offers = tuple(offers)
        self._by_infra: defaultdict[str, list[Offer]] = defaultdict(list)
        self._by_accelerator: defaultdict[str, list[Offer]] = defaultdict(list)
        for offer in self.offers:
            self._by_infra[offer.infra].append(offer)
            if offer.accelerator is not None:
                self._by_accelerator[offer.accelerator].append(offer)
                if plain := ACCELERATORS[offer.accelerator].variant_of:
                    self._by_accelerator[plain].append(offer)

    @classmethod
    def load(cls, folder: Path = SEED) -> Self:
        """Read every cloud file (`*.csv`) of a folder.

        Raises CloudFileError, with file and line, and FileNotFoundError for a folder without such files.
        """
        parsed = [
            parse_cloud_file(path.read_text(encoding="utf-8"), file=path.name)
            for path in sorted(folder.glob("*.csv"))
        ]
        if not parsed:
            raise FileNotFoundError(f"no cloud file (*.csv) in {folder}")
        return cls((cloud for cloud, _ in parsed), (offer for _, offers in parsed for offer in offers))

    def by_infra(self, infra: str) -> tuple[Offer, ...]:
        """The offers of one infra, none for an infra that is not in the catalog."""
        return tuple(self._by_infra.get(infra, ()))

    def by_accelerator(self, name: str, count: int | None = None) -> tuple[Offer, ...]:
        """The offers that satisfy a canonical name (variants too), `count` a machine where that is given."""
        offers = self._by_accelerator.get(name, ())
        return tuple(offer for offer in offers if count is None or offer.accelerator_count == count)
