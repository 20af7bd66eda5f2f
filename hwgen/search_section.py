"""``[search]`` of the configuration file: what may be chosen for each layer, and what is looked for.

    [search]
    weight = [2, 3, 4, 6, 8]                  # bits: fixed point, fitted to the numbers
    input = ["3/tensor", "4/tensor", "fixed<8,1>"]
    objectives = ["accuracy", "luts"]
    constraints = ["luts<=4000"]

    [search.types.conv2d]
    weight = ["4/channel", "ternary/channel"] # a scale a channel, fitted

    [search.patterns."block[0-9]+[.]query"]
    weight = [4, 8]
    together = true                           # one choice for all of them

    [search.layers."fc1"]
    parallelism = ["4x4", "8x8"]

As for formats, the most specific section that says something of a role decides: layers, patterns, types, then ``[search]`` itself.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from hwgen.cost.area import Target

Bits = Annotated[int, Field(ge=1, le=16)]
Choices = Annotated[list[Bits | str], Field(min_length=1)]


class SearchRoles(BaseModel):
    """What may be chosen for the roles of some layers.  together: they all take the same choice."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    weight: Choices | None = None
    bias: Choices | None = None
    input: Choices | None = None
    output: Choices | None = None
    parallelism: Annotated[list[str], Field(min_length=1)] | None = None
    together: bool = False

    @property
    def formats(self) -> dict[str, list[int | str]]:
        """The choices of formats by role."""
        roles = {"weight": self.weight, "bias": self.bias, "input": self.input, "output": self.output}
        return {role: list(choices) for role, choices in roles.items() if choices is not None}


class SearchSection(SearchRoles):
    """The whole section.  objectives: names of measures, never code; the command line takes code as well.

    device: into which designs must fit (`hwgen.cost.devices`).  dsp: whether products may go to multiplier blocks.
    confirm: whether the front's ends are synthesized.
    """

    strategy: str | None = None
    trials: Annotated[int, Field(ge=1)] | None = None
    batch: Annotated[int, Field(ge=1)] | None = None
    seed: Annotated[int, Field(ge=0)] | None = None
    objectives: Annotated[list[str], Field(min_length=1)] | None = None
    constraints: list[str] = []
    target: Annotated[Target, Field(strict=False)] | None = None
    device: str | None = None
    dsp: bool | None = None
    confirm: bool | None = None
    types: dict[str, SearchRoles] = {}
    patterns: dict[str, SearchRoles] = {}
    layers: dict[str, SearchRoles] = {}
