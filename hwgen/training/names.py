"""Modules and parameters under the names that values of a graph have: ``fc1.weight`` is parameter ``weight`` of module ``fc1``."""

from __future__ import annotations

from torch import nn


def place(root: nn.Module, name: str, child: nn.Module | nn.Parameter) -> str:
    """Makes ``child`` reachable under ``name``, a path with dots, and gives the name that it got.

    A part that names something else already (``train``, a parameter) gets a ``_`` behind it; an empty one is ``_``.
    """
    *above, last = (part or "_" for part in name.split("."))
    at, path = root, list[str]()
    for part in above:
        key = part
        while key not in dict(at.named_children()) and hasattr(at, key):
            key += "_"
        if not hasattr(at, key):
            at.add_module(key, nn.Module())
        at = at.get_submodule(key)
        path.append(key)
    key = last
    while hasattr(at, key):
        key += "_"
    if isinstance(child, nn.Parameter):
        at.register_parameter(key, child)
    else:
        at.add_module(key, child)
    return ".".join([*path, key])
