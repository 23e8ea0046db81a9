"""Exports the UNet of a checkpoint to ONNX, for the comparison with onnxruntime-web in `make bench-unet`.

Run from the repository root:
`python tests/reference/export_onnx.py [--quarter] [MODEL_FOLDER] [OUTPUT]`, by default of the bundled model to
build/bench/sprite_unet.onnx, which is not committed. With `--quarter`, of a UNet as Stable Diffusion 1.5's at a quarter of
its width, of random weights, which is first put into a copy of the bundled model, build/bench/quarter. f32, opset 17, fixed shapes: `sample [2, 4, h, w]`
with the size of the checkpoint's config, `timestep [2]`, `encoder_hidden_states [2, 77, c]`, all f32, to
`out_sample`. The file is run with onnxruntime against torch before the script says yes.

The name is not onnx.py because a script's folder comes first in Python's search path, and `import onnx`
in any of the scripts here would find it.
"""

import argparse
import os
import pathlib
import shutil
import warnings

import onnx
import onnxruntime
import torch
from diffusers import UNet2DConditionModel

TOLERANCE = 1e-4


class Plain(torch.nn.Module):
    """The UNet with positional arguments and a bare tensor as its result."""

    def __init__(self, unet):
        super().__init__()
        self.unet = unet

    def forward(self, sample, timestep, encoder_hidden_states):
        return self.unet(sample, timestep, encoder_hidden_states, return_dict=False)[0]


QUARTER = pathlib.Path("build/bench/quarter")


def make_quarter(model: pathlib.Path) -> None:
    """Writes a copy of the model whose UNet is Stable Diffusion 1.5's at a quarter of its width: groups of as many
    channels, and heads as large as the whole one's; prompts stay the model's."""
    shutil.rmtree(QUARTER, ignore_errors=True)
    shutil.copytree(model, QUARTER, ignore=shutil.ignore_patterns("unet", "*.png", "*.md"))
    width = UNet2DConditionModel.load_config(model, subfolder="unet")["cross_attention_dim"]
    torch.manual_seed(0)
    unet = UNet2DConditionModel(
        sample_size=32,
        block_out_channels=(80, 160, 320, 320),
        attention_head_dim=2,
        norm_num_groups=8,
        cross_attention_dim=width,
    )
    unet.half().save_pretrained(QUARTER / "unet")


def inputs(config, seed: int) -> tuple[torch.Tensor, ...]:
    draw = torch.Generator().manual_seed(seed)
    size = config.sample_size
    return (
        torch.randn(2, config.in_channels, size, size, generator=draw),
        torch.full((2,), 1000.0 * torch.rand(1, generator=draw).item()),
        torch.randn(2, 77, config.cross_attention_dim, generator=draw),
    )


@torch.no_grad()
def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--quarter", action="store_true", help="a quarter of Stable Diffusion 1.5 instead")
    parser.add_argument("model", nargs="?", default="www/public/models/sprite")
    parser.add_argument("output", nargs="?")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    if arguments.quarter:
        make_quarter(pathlib.Path(arguments.model))
        arguments.model = QUARTER
    if arguments.output is None:
        arguments.output = f"build/bench/{pathlib.Path(arguments.model).name}_unet.onnx"

    unet = UNet2DConditionModel.from_pretrained(arguments.model, subfolder="unet", dtype=torch.float32)
    model = Plain(unet).eval()
    os.makedirs(os.path.dirname(arguments.output) or ".", exist_ok=True)
    names = ["sample", "timestep", "encoder_hidden_states"]
    # Of fixed shapes that is what we want, and the exporter being the older one is chosen below.
    warnings.simplefilter("ignore", torch.jit.TracerWarning)
    warnings.simplefilter("ignore", DeprecationWarning)
    torch.onnx.export(
        model,
        inputs(unet.config, seed=0),
        arguments.output,
        input_names=names,
        output_names=["out_sample"],
        opset_version=17,
        # The TorchScript exporter: the other one needs onnxscript and starts at opset 18.
        dynamo=False,
    )
    onnx.checker.check_model(arguments.output)

    session = onnxruntime.InferenceSession(arguments.output, providers=["CPUExecutionProvider"])
    worst = 0.0
    for seed in (0, 1, 2):  # 0 was traced; others show that nothing of it was baked in
        example = inputs(unet.config, seed)
        expected = model(*example)
        (got,) = session.run(None, {name: value.numpy() for name, value in zip(names, example, strict=True)})
        worst = max(worst, (torch.from_numpy(got) - expected).abs().max().item() / expected.abs().max().item())
    print(f"{arguments.output}: {os.path.getsize(arguments.output)} bytes, largest relative difference {worst:.2e}")
    if worst > TOLERANCE:
        raise SystemExit(f"the export differs from torch by more than {TOLERANCE}")


if __name__ == "__main__":
    main()
