"""Searching for the formats and the parallelism of each layer: spaces, strategies, trials, a journal, and the Pareto front."""
