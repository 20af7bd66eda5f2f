"""Training of a graph with its formats: as a torch module, by the user's own loop or by `hwgen train`."""
