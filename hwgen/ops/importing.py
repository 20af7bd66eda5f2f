"""What an operator's import rule sees of the foreign node: checked access, and no way to overlook anything.

An attribute that a rule does not ask for makes the import fail, so that nothing of a model is silently ignored.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from hwgen.errors import HwgenError
from hwgen.ir.graph import Array, Attrs, Value


class ImportCall(Protocol):
    """One foreign node while it is imported."""

    @property
    def path(self) -> str:
        """The node as the user knows it."""
        ...

    @property
    def input_count(self) -> int:
        """Number of inputs given, absent optional ones at the end not counted."""
        ...

    def value(self, index: int) -> Value:
        """Input ``index`` as a value; refuses where it is missing."""
        ...

    def has(self, index: int) -> bool:
        """Whether optional input ``index`` is given."""
        ...

    def is_constant(self, index: int) -> bool:
        """Whether input ``index`` is known at import."""
        ...

    def constant(self, index: int) -> Array:
        """Input ``index`` as an array known at import; refuses where it is computed."""
        ...

    def emit(self, op: str, attrs: Attrs, inputs: Sequence[Value], *, suffix: str = "") -> Value:
        """Adds a node; its value takes the foreign node's output name (with a suffix for inner steps)."""
        ...

    def emit_constant(self, data: Array, *, suffix: str) -> Value:
        """Adds a constant of real numbers."""
        ...

    def refuse(self, what: str, fix: str) -> HwgenError:
        """The error that names this node."""
        ...


class OnnxCall(ImportCall, Protocol):
    """A node of an ONNX graph."""

    @property
    def opset(self) -> int:
        """Version of the operator set that the node belongs to."""
        ...

    @property
    def output_count(self) -> int:
        """Number of outputs that the node names."""
        ...

    def integer(self, name: str, default: int | None = None) -> int:
        """Integer attribute; refuses where it is missing and has no default."""
        ...

    def real(self, name: str, default: float | None = None) -> float:
        """Float attribute."""
        ...

    def integers(self, name: str) -> tuple[int, ...] | None:
        """List-of-integers attribute."""
        ...

    def reals(self, name: str) -> tuple[float, ...]:
        """List-of-floats attribute; refuses where it is missing."""
        ...

    def text(self, name: str, default: str | None = None) -> str:
        """String attribute."""
        ...

    def ignore(self, name: str) -> None:
        """States that an attribute has no bearing on inference."""
        ...


class TorchCall(ImportCall, Protocol):
    """A call in an exported torch graph."""

    def argument(self, index: int, name: str, default: object = ...) -> object:
        """Positional or keyword argument that is no tensor."""
        ...

    def values(self, index: int) -> tuple[Value, ...]:
        """Argument ``index``, a list of tensors."""
        ...


OnnxRule = Callable[[OnnxCall], Value | tuple[Value, ...]]
TorchRule = Callable[[TorchCall], Value | tuple[Value, ...]]
"""An import rule: the value that a node makes, or all of several, in order."""
