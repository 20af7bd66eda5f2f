"""Every pass on random graphs, held to what its `Effect` promises."""
