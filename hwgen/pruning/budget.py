"""What a share of weights is a share of."""

from __future__ import annotations

from enum import StrEnum

from hwgen.errors import HwgenError


class Budget(StrEnum):
    """What a share is of: each layer's weights, or those of all layers together."""

    LAYER = "layer"
    GLOBAL = "global"

    @staticmethod
    def of(text: str) -> Budget:
        """Raises HwgenError for another word."""
        if text not in [*Budget]:
            raise HwgenError("usage", f"budget {text!r}", "is not known", "use layer or global")
        return Budget(text)
