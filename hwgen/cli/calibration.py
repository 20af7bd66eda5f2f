"""Options of quantization after training."""

from __future__ import annotations

from typing import Annotated

import typer

Method = Annotated[
    str | None,
    typer.Option("--method", metavar="NAME", help="Choose the ranges of the formats that are put in: min-max, percentile or mse."),
]
Share = Annotated[
    float | None, typer.Option("--share", metavar="SHARE", help="Of the numbers that --method percentile holds (0.9999)."),
]
PowerOfTwoScales = Annotated[
    bool, typer.Option("--power-of-two-scales", help="Scales that --method chooses are powers of two: shifts in hardware."),
]
Equalize = Annotated[
    bool, typer.Option("--equalize", help="Scale channels between layers so that the weights on both sides spread alike."),
]
RoundWeights = Annotated[
    bool, typer.Option("--round", help="Learn for each weight whether it is rounded up or down (needs --calibration)."),
]
BiasCorrection = Annotated[
    bool, typer.Option("--bias-correction", help="Put the mean error of each channel into its bias (needs --calibration)."),
]
