"""One thing on sale."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Product:
    """Prices are whole cents; ``units`` is how many are on the shelf."""

    sku: str
    name: str
    price_cents: int
    units: int = 0
    tags: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not self.sku or not self.name:
            raise ValueError("a product needs a sku and a name")
        if self.price_cents < 0 or self.units < 0:
            raise ValueError(f"{self.sku}: neither price nor units can be below zero")

    @property
    def text(self) -> str:
        """All that a person may search for."""
        return " ".join((self.name, *self.tags))
