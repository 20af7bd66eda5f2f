"""hls4ml's emulation of an ONNX file: ``python hls4ml_referee.py MODEL INPUTS.npy FOLDER OUTPUTS.npy``.

A process of its own: asserts of hls4ml's C++ end the process.  Every precision that the file does not say is pinned so wide that
nothing is lost.  INPUTS: (samples, channels, positions…); OUTPUTS: (samples, elements), channels first as in the file.
"""

from __future__ import annotations

import sys

import numpy as np

WIDE = "fixed<40,28>"


def emulate(model: str, inputs: str, folder: str, outputs: str) -> None:
    import hls4ml
    from qonnx.core.modelwrapper import ModelWrapper
    from qonnx.transformation.channels_last import ConvertToChannelsLastAndClean
    from qonnx.transformation.gemm_to_matmul import GemmToMatMul
    from qonnx.util.cleanup import cleanup_model

    wrapped = cleanup_model(ModelWrapper(model))
    wrapped = wrapped.transform(ConvertToChannelsLastAndClean(make_input_channels_last=True)).transform(GemmToMatMul())
    wrapped = cleanup_model(wrapped)
    config = hls4ml.utils.config_from_onnx_model(wrapped, granularity="name", backend="Vitis", default_precision=WIDE)
    for layer in config["LayerName"].values():
        layer["Precision"] = dict.fromkeys(layer["Precision"], WIDE)
    made = hls4ml.converters.convert_from_onnx_model(
        wrapped, output_dir=folder, io_type="io_parallel", backend="Vitis", hls_config=config
    )
    made.compile()
    x = np.load(inputs, allow_pickle=False).astype(np.float32)
    result = made.predict(np.ascontiguousarray(np.moveaxis(x, 1, -1)))
    np.save(outputs, np.asarray(result).reshape(len(x), -1))


if __name__ == "__main__":
    emulate(*sys.argv[1:])
