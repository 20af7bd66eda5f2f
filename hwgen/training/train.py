"""Quantization-aware training of a graph with formats: the graph comes back with trained weights, and scales where these are free.

    trained = train(graph, data, TrainOptions(epochs=20))
    trained.graph

Adam with a learning rate that falls along a cosine.  The result is the best whole epoch by the metric on data that is held back,
the start among them.  Same graph, data and options: the same result, to the bit, wherever it was interrupted.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final, Protocol

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from hwgen.data import Dataset
from hwgen.errors import HwgenError
from hwgen.ir.graph import Array, Graph
from hwgen.ir.text import print_graph
from hwgen.metrics import METRICS, Metric
from hwgen.training.checkpoint import Checkpoint, EpochRecord, State, load, save
from hwgen.training.determinism import deterministic
from hwgen.training.losses import AUTO, Loss, choose_loss
from hwgen.training.module import GraphModule
from hwgen.training.norm import BatchNorm
from hwgen.training.parameters import free_scales

_EVALUATED_AT_A_TIME: Final = 256


@dataclass(frozen=True, slots=True)
class TrainOptions:
    """learning_rate: at the beginning.  batch: samples a step.  seed: of the order of samples, and of the part held back.

    loss: see `hwgen.training.losses`.  held_back: share of the data that judges, where no data for this is given.
    learn_scales: of formats with a free scale, where the graph lowers whatever they become (`free_scales`).
    power_of_two_scales: such scales are powers of two.  keep_zeros: weights that are 0 stay so (a pruned model).
    """

    epochs: int = 20
    learning_rate: float = 1e-3
    batch: int = 64
    seed: int = 0
    loss: str = AUTO
    held_back: float = 0.2
    learn_scales: bool = True
    power_of_two_scales: bool = False
    keep_zeros: bool = False


@dataclass(frozen=True)
class Trained:
    """graph: with the best weights.  history: an entry an epoch, the start first.  best: the number of the epoch that was kept.

    metric: that judged.  validation: the data that it was judged on.  interrupted: whether epochs are missing.
    """

    graph: Graph
    history: tuple[EpochRecord, ...]
    best: int
    metric: Metric
    loss: str
    validation: Dataset
    interrupted: bool


Progress = Callable[[EpochRecord], None]


class Pruner(Protocol):
    """What is pruned in the course of a training; ``repr`` says all that its masks depend on (`hwgen.pruning.gradual`)."""

    def masks(self, graph: Graph, done: float) -> Mapping[str, npt.NDArray[np.bool_]]:
        """Of weights, by the names of their constants: False where a weight is 0 when that share of the epochs is over."""
        ...

    def complete(self, done: float) -> bool:
        """Whether all is pruned that will be."""
        ...


def train(
    graph: Graph, data: Dataset, options: TrainOptions | None = None, *, validation: Dataset | None = None,
    metric: Metric | None = None, checkpoint: Path | None = None, resume: bool = False,
    progress: Progress = lambda _: None, pruner: Pruner | None = None,
) -> Trained:
    """Trains ``graph``, a graph of reals with quantizers, on ``data`` with targets.

    validation: judges, instead of a part of the data.  metric: None for the loss's own (accuracy, auc or mse).
    checkpoint: a file that is written after each epoch; resume: go on from it, if it is there.
    pruner: asked for masks before each epoch; the epochs until all is pruned are not kept.
    An interrupt (Ctrl-C) ends the training with the best whole epoch so far.
    Raises HwgenError for data that do not fit, a loss that is no number, a checkpoint of another training.
    """
    options = options or TrainOptions()
    _check(options)
    if data.targets is None:
        raise HwgenError("data", "training data", "has no targets", "give them as y")
    loss = choose_loss(graph, data.targets, options.loss)
    if validation is None:
        validation, data = data.split(options.held_back, options.seed)
    with deterministic():
        run = _Run(graph, data, validation, options, loss, metric or METRICS[loss.metric], checkpoint, pruner)
        return run.whole(resume, progress)


def _check(options: TrainOptions) -> None:
    for name, value, least in (("epochs", options.epochs, 1), ("batch", options.batch, 1), ("seed", options.seed, 0)):
        if value < least:
            raise HwgenError("usage", f"--{name}", f"{value} is too few", f"give at least {least}")
    if not 0 < options.learning_rate < math.inf:
        raise HwgenError("usage", "--lr", f"{options.learning_rate} is no learning rate", "give a small positive number")


class _Run:
    """One training."""

    def __init__(
        self, graph: Graph, data: Dataset, validation: Dataset, options: TrainOptions, loss: Loss, metric: Metric,
        checkpoint: Path | None, pruner: Pruner | None,
    ) -> None:
        self.pruner = pruner
        self.options, self.loss, self.metric, self.checkpoint = options, loss, metric, checkpoint
        self.data, self.validation, self.graph = data, validation, graph
        learned = free_scales(graph) if options.learn_scales else ()
        self.module = GraphModule(
            graph, outputs=(loss.value, *graph.outputs), learned=learned, power_of_two_scales=options.power_of_two_scales
        )
        self.norms = any(isinstance(m, BatchNorm) for m in self.module.modules())
        self.masks = [(p, (p != 0).to(p.dtype)) for p in self.module.parameters() if p.ndim > 1] if options.keep_zeros else []
        self.optimizer = torch.optim.Adam(self.module.parameters(), options.learning_rate)
        self.random = torch.Generator().manual_seed(options.seed)
        self.inputs = [_tensor(data.inputs[v.name]) for v in graph.inputs]
        self.targets = loss.targets(_targets(data))

    @property
    def key(self) -> str:
        """Of all that the result depends on."""
        parts = (print_graph(self.graph), self.data.sha256, self.validation.sha256, self.metric.name, repr(asdict(self.options)))
        parts += () if self.pruner is None else (repr(self.pruner),)
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()

    def whole(self, resume: bool, progress: Progress) -> Trained:
        """All epochs that are left."""
        kept = None
        if self.checkpoint is not None:
            kept = load(self.checkpoint, self.key) if resume else None
        history, best, best_state = self._begin(kept)
        for record in history:
            progress(record)
        interrupted = False
        try:
            for number in range(len(history), self.options.epochs + 1):
                self._prune(number)
                record = self._judged(number, self._epoch(number))
                history.append(record)
                if not self._complete(best) or self._better(record, history[best]):
                    best, best_state = number, self._state()
                self._keep(history, best, best_state)
                progress(record)
        except KeyboardInterrupt:
            interrupted = True
        self.module.load_state_dict(best_state)
        trained = self.module.to_graph()
        return Trained(trained, tuple(history), best, self.metric, self.loss.name, self.validation, interrupted)

    def _complete(self, number: int) -> bool:
        """Whether all was pruned in that epoch that should be."""
        return self.pruner is None or (number > 0 and self.pruner.complete(number / self.options.epochs))

    def _prune(self, number: int) -> None:
        if self.pruner is None:
            return
        masks = self.pruner.masks(self.module.to_graph(), number / self.options.epochs)
        named = ((self.module.weight_named(name), mask) for name, mask in masks.items())
        self.masks = [(p, torch.from_numpy(mask).to(p)) for p, mask in named if p is not None]
        with torch.no_grad():
            for parameter, mask in self.masks:
                parameter.mul_(mask)

    def _begin(self, kept: Checkpoint | None) -> tuple[list[EpochRecord], int, State]:
        if kept is None:
            start = self._judged(0, None)
            return [start], 0, self._state()
        self.module.load_state_dict(kept.state)
        self.optimizer.load_state_dict(kept.optimizer)
        self.random.set_state(kept.random)
        return list(kept.history), kept.best, kept.best_state

    def _state(self) -> State:
        return {name: tensor.detach().clone() for name, tensor in self.module.state_dict().items()}

    def _keep(self, history: list[EpochRecord], best: int, best_state: State) -> None:
        if self.checkpoint is not None:
            state, optimizer, random = self._state(), self.optimizer.state_dict(), self.random.get_state()
            save(self.checkpoint, Checkpoint(self.key, tuple(history), best, state, best_state, optimizer, random))

    def _better(self, one: EpochRecord, other: EpochRecord) -> bool:
        """By the metric; of equals the smaller loss."""
        if one.metric != other.metric:
            return self.metric.better(one.metric, other.metric)
        return one.validation_loss < other.validation_loss

    def _epoch(self, number: int) -> float:
        """One pass over the data; the mean loss of its batches."""
        options, total, batches = self.options, 0.0, 0
        share = (number - 1) / options.epochs
        for group in self.optimizer.param_groups:
            group["lr"] = options.learning_rate * (1 + math.cos(math.pi * share)) / 2
        self.module.train()
        order = torch.randperm(len(self.targets), generator=self.random)
        for chosen in order.split(options.batch):
            if self.norms and len(chosen) < 2:
                continue  # one sample has no variance
            self.optimizer.zero_grad()
            outputs: tuple[Tensor, ...] = self.module(*(x[chosen] for x in self.inputs))
            loss = self.loss.function(outputs[0], self.targets[chosen])
            value = float(loss.detach())
            if not math.isfinite(value):
                what = f"the loss is {value} in epoch {number}"
                raise HwgenError("training", f"training of {self.graph.name!r}", what, "use a smaller learning rate (--lr)")
            loss.backward()
            self.optimizer.step()
            with torch.no_grad():
                for parameter, mask in self.masks:
                    parameter.mul_(mask)
            total, batches = total + value, batches + 1
        return total / max(1, batches)

    def _judged(self, number: int, loss: float | None) -> EpochRecord:
        """After an epoch; before the first its loss is that of the validation data."""
        self.module.eval()
        parts: list[tuple[Tensor, ...]] = []
        with torch.no_grad():
            for begin in range(0, self.validation.samples, _EVALUATED_AT_A_TIME):
                part = self.validation.part(slice(begin, begin + _EVALUATED_AT_A_TIME))
                parts.append(self.module(*(_tensor(part.inputs[v.name]) for v in self.graph.inputs)))
        looked_at, *outputs = (torch.cat(arrays) for arrays in zip(*parts, strict=True))
        targets = _targets(self.validation)
        value = float(self.loss.function(looked_at, self.loss.targets(targets)))
        metric = self.metric(tuple(o.numpy() for o in outputs), targets)
        return EpochRecord(number, value if loss is None else loss, value, metric)


def _tensor(array: Array) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(array, dtype=np.float32))


def _targets(data: Dataset) -> Array:
    if data.targets is None:
        raise HwgenError("data", "validation data", "has no targets", "give them as y")
    return data.targets
