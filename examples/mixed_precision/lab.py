# %% [markdown]
# # Mixed precision: which type for which layer?
#
# A network computes with numbers, and hardware pays for every bit of them. How few bits are enough, and of which kind? Must all
# layers have the same? This lab answers it for a small network that reads handwritten digits:
#
# 1. one type for all layers: integers, minifloats, powers of two, blocks that share an exponent; and what makes it fast
# 2. a grid of types per layer, searched by brute force
# 3. the same grid searched by random, TPE and hwgen's greedy strategy: who is fast?
# 4. a space that brute force cannot search
# 5. the chosen design as hardware, compared with what the search saw
#
# It runs in about a minute on a CPU; the data come with scikit-learn. As a script, from the root of the repository:
# `python -m examples.mixed_precision.run`. Install `pip install -e ".[examples]"` first.

# %%
import shutil
import sys
from collections import OrderedDict
from pathlib import Path

# a notebook begins in its own folder, a script in the root of the repository
sys.path.insert(0, str(Path.cwd().parents[1] if Path.cwd().name == "mixed_precision" else Path.cwd()))

import numpy as np
import torch
from matplotlib.figure import Figure
from torch import nn

import hwgen
from examples.digits import load
from examples.mixed_precision.replay import curve, replayed
from examples.mixed_precision.tables import choices, designs, dimensions, uniform
from examples.show import console, layers, results
from examples.training import SEED, make_deterministic, train
from hwgen.config import read_config
from hwgen.data import Dataset
from hwgen.flow import BuildOptions
from hwgen.search.plots import save, write_plots
from hwgen.search.study import Request, search
from hwgen.search_section import SearchSection

SCREEN = console()
FOLDER = Path(sys.path[0]) / "build" / "mixed_precision"
shutil.rmtree(FOLDER, ignore_errors=True)

# %% [markdown]
# ## The network
#
# Three linear layers, trained in float. A third of the training images is kept back: the search judges by these. The test images
# are not looked at before the last step.
#
# **Question.** Why may the search not judge by the test images?
#
# *Answer.* It tries hundreds of designs and keeps the best. Some are best by luck on exactly these images; the accuracy on images
# that took part in a choice promises more than new images will give.

# %%
make_deterministic()
digits = load()
given, judging = Dataset({"input": digits.train_images}, digits.train_labels).split(2 / 3, SEED)

model = nn.Sequential(OrderedDict(
    fc1=nn.Linear(64, 24), relu1=nn.ReLU(), fc2=nn.Linear(24, 16), relu2=nn.ReLU(), fc3=nn.Linear(16, 10),
))
train(model, given.inputs["input"], given.targets, epochs=60)
with torch.no_grad():
    in_float = float((model(torch.from_numpy(judging.inputs["input"])).numpy().argmax(axis=1) == judging.targets).mean())
graph = hwgen.import_model(model, torch.zeros(1, 64), "digits")
SCREEN.print(f"accuracy in float: {in_float:.1%} of {judging.samples} images that the training did not see")

# %% [markdown]
# ## 1. One type for all layers
#
# `4` means fixed point with 4 bits, its binary point fitted to the weights. The other types are written out:
#
# | type | an element is |
# |---|---|
# | `ternary/tensor` | −s, 0 or s, one s for the layer |
# | `minifloat<2,1,bias=3>` | sign, 2 bits of exponent, 1 of mantissa |
# | `log<3,zero,bias=6>` | sign and a power of two, or zero |
# | `mxint<3,4,8>` | an integer of 3 bits; 8 neighbours share an exponent of 4 bits (block floating point) |
# | `bminifloat<2,1,4,8>` | a minifloat; 8 neighbours share an exponent |
#
# Every trial is judged by the integers that the hardware computes, never by an emulation in float: *accuracy* is exact. *Total
# bits* is the size of all weights and biases, *LUTs* are estimated, *latency* in clock cycles is predicted and exact.

# %%
TYPES = [2, "ternary/tensor", 3, "mxint<3,4,8>", 4, "minifloat<2,1,bias=3>", "log<3,zero,bias=6>", "bminifloat<2,1,4,8>", 6, 8]
one_type = SearchSection(weight=TYPES, input=[6], together=True)
alike = search(graph, judging, FOLDER / "one_type", Request(strategy="exhaustive", trials=len(TYPES), section=one_type))
rows = [(choices(alike, trial.key), measures) for trial, measures in alike.judged]
SCREEN.print(designs("The same type of weights in all layers, inputs of 6 bits", rows, dimensions(alike)))

# %% [markdown]
# **Question.** `mxint<3,4,8>` takes fewer bits than `4` and more LUTs. Why?
#
# *Answer.* Bits are what a memory holds. The multipliers here work with constants on one grid for the layer: an element of a block
# with a small exponent needs a finer grid than its neighbours, so the code that is multiplied is wider than the 3 bits kept.
#
# **Question.** All latencies are nearly equal. Why does precision not change them?
#
# *Answer.* A multiplier takes one product a cycle whatever its width. Latency follows from the number of multipliers. That is a
# dimension of a search as well: `8x4` takes 8 inputs and 4 outputs of a layer at a time.

# %%
LANES = ["2x2", "4x4", "8x4", "8x8", "16x8"]
multipliers = SearchSection(weight=[4], input=[4], parallelism=LANES, together=True)
fast = search(graph, judging, FOLDER / "parallelism", Request(strategy="exhaustive", trials=len(LANES), section=multipliers))
rows = [(choices(fast, trial.key), measures) for trial, measures in fast.judged]
SCREEN.print(designs("4 bits everywhere, more and more multipliers", rows, dimensions(fast)))

# %% [markdown]
# **Question.** What would a narrower type win if latency were what counts?
#
# *Answer.* LUTs, that are spent on more multipliers: a narrow design with many is as large as a wide one with few.

# %% [markdown]
# ## 2. A grid of types per layer, by brute force
#
# Five types of weights in each of three layers, and two widths of the inputs: 5³ · 2 = 250 designs. All are tried. What is wanted
# is not one design but a *Pareto front*: all designs of which no other is better in one objective and not worse in the other.

# %%
GRID = SearchSection(
    layers={name: {"weight": [2, 3, "mxint<3,4,8>", "minifloat<2,1,bias=3>", 6]} for name in ("fc1", "fc2", "fc3")},
    input=[3, 5], together=True,
)
whole = search(graph, judging, FOLDER / "grid", Request(strategy="exhaustive", trials=250, section=GRID))
rows = [(choices(whole, trial.key), measures) for trial, measures in whole.front]
SCREEN.print(designs(f"The front of all {len(whole.judged)} designs", rows, dimensions(whole)))
SCREEN.print(designs("For comparison", uniform(whole)))
pictures = write_plots(FOLDER / "grid", whole, name="brute force")

# %% [markdown]
# ![The front and uniform designs](../../build/mixed_precision/grid/plots/front.svg)
#
# ![Bits of each layer](../../build/mixed_precision/grid/plots/bits.svg)
#
# **Question.** Which layer gets the most bits on the front, which the fewest?
#
# *Answer.* Look at the columns of the second picture. The first layer has three quarters of the weights, so bits are won there; the
# last has few, and its errors go straight into the scores, so it keeps more.

# %% [markdown]
# ## 3. Random, TPE and greedy on the same grid
#
# Brute force has measured every point, so any strategy can be replayed on its results without another trial, with ten seeds
# each. A curve is the hypervolume that a strategy's front dominates after so many trials, in parts of that of the true front:
# the median of the seeds.
#
# *Random* draws points. *TPE* (optuna) models where good points lie and draws there. *Greedy* (hwgen's own) measures how much each
# layer loses and wins alone, and then asks for the points that promise most.

# %%
SEEDS, TRIALS = range(10), 64
curves = {
    name: np.median([curve(whole, replayed(whole, name, seed, TRIALS)) for seed in SEEDS], axis=0)
    for name in ("random", "tpe", "greedy")
}
curves["brute force"] = curve(whole, whole)[:TRIALS]
figure = Figure(figsize=(8, 5), layout="constrained")
axes = figure.add_subplot(xlabel="trials", ylabel="share of the true front's hypervolume", title="Best against trials")
for name, values in curves.items():
    axes.step(range(1, len(values) + 1), values, where="post", label=name)
axes.legend()
save(figure, FOLDER / "strategies.svg")
for name, values in curves.items():
    SCREEN.print(f"{name:12}" + "  ".join(f"{values[n - 1]:.1%} after {n}" for n in (16, 32, 64)))

# %% [markdown]
# ![Best against trials](../../build/mixed_precision/strategies.svg)
#
# **Question.** Brute force stands still for long. Why?
#
# *Answer.* It goes through the grid in order: the first half has inputs of 3 bits, and the first layer keeps each of its types for
# 25 trials. What is good is found when its turn comes. Use it where all of the grid can be tried.
#
# **Question.** Greedy is behind in the beginning and ahead in the end. Why?
#
# *Answer.* Its first trials are probes: everything large, everything small, each layer alone at its least and in its middle. Few
# of them lie on the front, but they tell what each layer loses and wins.
#
# **Question.** Random search is not far behind. When is it much worse?
#
# *Answer.* Where the space is large and good points are rare. Try it in the next part: `strategy="random"`.

# %% [markdown]
# ## 4. A space that brute force cannot search
#
# Now each layer chooses its weights' type among six that did well in part 1, and its inputs' width among five. Greedy and TPE get
# 96 trials each. Nobody wants designs that read every third digit wrongly: at most two images in a hundred may be lost against
# float. Such a constraint keeps both strategies where it matters.

# %%
LEAST = in_float - 0.02
LARGE = SearchSection(weight=[2, 3, "minifloat<2,1,bias=3>", 4, 5, 6], input=[2, 3, 4, 5, 6])
studies = {
    name: search(
        graph, judging, FOLDER / name, Request(strategy=name, trials=96, section=LARGE, constraints=(f"accuracy>={LEAST}",))
    )
    for name in ("tpe", "greedy")
}
for name, study in studies.items():
    rows = [(choices(study, trial.key), measures) for trial, measures in study.front]
    SCREEN.print(designs(f"The front of {name}, of {study.space.size:,} designs", rows, dimensions(study)))
SCREEN.print(designs("For comparison", uniform(studies["greedy"])))
pictures = write_plots(FOLDER / "greedy", studies["greedy"], [("tpe", studies["tpe"])], "greedy")

# %% [markdown]
# ![Best against trials](../../build/mixed_precision/greedy/plots/best.svg)
#
# ![The front and uniform designs](../../build/mixed_precision/greedy/plots/front.svg)
#
# ![Bits of each layer](../../build/mixed_precision/greedy/plots/bits.svg)
#
# **Question.** How far are the uniform designs (diamonds) from the front?
#
# *Answer.* Compare LUTs at equal accuracy: 6 bits everywhere take about half as much again as a design of the front, 16 bits many
# times as much. 4 bits everywhere lie near it: this network is small, and its layers are much alike.
#
# **Question.** The two strategies end with different fronts. Which one is right?
#
# *Answer.* Neither is proven to be. One image is a quarter of a percent, so differences of that size are luck. What helps: more
# trials, other seeds (`Request(seed=1)`), and above all more images.

# %% [markdown]
# ## 5. The chosen design as hardware
#
# We take the smallest design of both fronts. Its configuration file lies in the study; `hwgen build --config` takes the same file.
# The images of the search, and the test images, go through the simulated RTL.

# %%
smallest = {name: min(study.front, key=lambda pair: pair[1]["luts"]) for name, study in studies.items()}
winner = min(smallest, key=lambda name: smallest[name][1]["luts"])
trial, measures = smallest[winner]
settings = read_config(FOLDER / winner / "front" / f"{trial.number:04d}.toml").layers
images = np.concatenate([judging.inputs["input"], digits.test_images])
report = hwgen.build(
    model, FOLDER / "hardware", example=torch.zeros(1, 64), inputs=images, samples=len(images),
    options=BuildOptions(formats=settings, folding=settings),
)
predictions = report.outputs[0].argmax(axis=1)
built = float((predictions[: judging.samples] == judging.targets).mean())
tested = float((predictions[judging.samples :] == digits.test_labels).mean())
seen = report.verification.performance
as_judged = round(built * judging.samples) == round(measures["accuracy"] * judging.samples)
same = report.ok and as_judged and seen is not None and seen.latency_cycles == measures["latency"]
SCREEN.print(layers(report.flow))
SCREEN.print(results(report, {
    f"trial {trial.number} of {winner}": choices(studies[winner], trial.key),
    "accuracy of the trial": f"{measures['accuracy']:.2%}",
    "accuracy of the RTL": f"{built:.2%} of the same images",
    "accuracy of the RTL on test images": f"{tested:.2%} of {len(digits.test_labels)}",
    "what is built is what was tried": "yes" if same else "NO",
}))

# %% [markdown]
# **Question.** The accuracy of the RTL equals that of the trial exactly. In a flow that judges by a float emulation it is only
# near. What makes the difference?
#
# *Answer.* The trial computed the integer graph from which the RTL is made, bit for bit; there is no second arithmetic whose
# rounding could differ.
#
# **To go on.** Put `"total_bits"` in the place of `"luts"` (`Request(objectives=("accuracy", "total_bits"))`): which types win now?
# Give each trial a short training (`retraining=(given, 2, 1e-3)`): how low can the bits go?
