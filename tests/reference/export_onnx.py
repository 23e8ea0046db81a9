"""Exports the networks of a checkpoint to ONNX, for the comparison with onnxruntime-web in `make bench-networks`.

Run from the repository root: `python tests/reference/export_onnx.py [--quarter | --whole]`. Of the bundled model, into
build/bench/onnx/sprite, which is not committed: its text encoder (`text`), its UNet for one and for two pictures (`unet1`,
`unet2`), its autoencoder's decoder (`vae`); and of random weights the decoder of a tiny autoencoder of the usual size
(`taesd`), which is written for our engine, too, as build/bench/vae/taesd.safetensors, beside a copy of the model. With
`--quarter` the UNet is one as Stable Diffusion 1.5's at a quarter of its width, of random weights, in build/bench/quarter, else a
copy. With `--whole` all three networks are as Stable Diffusion 1.5's, of random weights, in build/bench/whole, for pictures of
512 x 512: 12 GB of disk and of memory, and about 20 minutes.

Besides, build/bench/onnx/convolutions: single ones of 3 x 3, those of onnxruntime's pull request 26603, each named by its
inputs, outputs and the map's side, and several times in one network, so that what a call costs is shared.

f32, opset 17, fixed shapes, latents of the size that the UNet's config says. flops.json has the floating-point operations of
each as torch counts them, moved.json how many numbers its convolutions and linear layers have as weights, and how many they
read and write of maps, each once: what passes through memory at least, but for what fits a cache. Every file is run with
onnxruntime against torch before the script says yes.

The name is not onnx.py because a script's folder comes first in Python's search path, and `import onnx`
in any of the scripts here would find it.
"""

import argparse
import json
import pathlib
import shutil
import tempfile
import warnings

import onnx
import onnxruntime
import safetensors.torch
import torch
from diffusers import AutoencoderKL, AutoencoderTiny, UNet2DConditionModel
from torch.utils.flop_counter import FlopCounterMode
from transformers import CLIPTextConfig, CLIPTextModel

TOLERANCE = 1e-4
TOKENS = 77
BENCH = pathlib.Path("build/bench")
SPRITE = pathlib.Path("www/public/models/sprite")
COPY = BENCH / "sprite"
QUARTER = BENCH / "quarter"
WHOLE = BENCH / "whole"
# Inputs, outputs, side.
CONVOLUTIONS = ((128, 128, 512), (2560, 1280, 8), (1280, 1280, 8))
TIMES = 10


class Bare(torch.nn.Module):
    """A network with positional arguments and a bare tensor as its result."""

    def __init__(self, network, call):
        super().__init__()
        self.network = network
        self.call = call

    def forward(self, *inputs):
        return self.call(self.network, *inputs)


class Convolutions(torch.nn.Module):
    """One convolution of as many multiples of a map as there are scales: its first numbers, added up."""

    def __init__(self, inputs: int, outputs: int, side: int):
        super().__init__()
        self.conv = torch.nn.Conv2d(inputs, outputs, 3, padding=1)
        # A map of its own: one that came with each call would be most of what a call costs.
        self.register_buffer("map", torch.randn(1, inputs, side, side))

    def forward(self, scales):
        return sum(self.conv(self.map * scale)[..., 0, 0] for scale in scales.split(1))


def make_quarter() -> None:
    """Writes a copy of the bundled model whose UNet is Stable Diffusion 1.5's at a quarter of its width: groups of as many
    channels, and heads as large as the whole one's; prompts stay the model's."""
    shutil.rmtree(QUARTER, ignore_errors=True)
    shutil.copytree(SPRITE, QUARTER, ignore=shutil.ignore_patterns("unet", "*.png", "*.md"))
    width = UNet2DConditionModel.load_config(SPRITE, subfolder="unet")["cross_attention_dim"]
    torch.manual_seed(0)
    unet = UNet2DConditionModel(
        sample_size=32,
        block_out_channels=(80, 160, 320, 320),
        attention_head_dim=2,
        norm_num_groups=8,
        cross_attention_dim=width,
    )
    unet.half().save_pretrained(QUARTER / "unet")


def make_whole() -> None:
    """Writes networks of Stable Diffusion 1.5's shapes, with the bundled model's schedule and tokenizer."""
    shutil.rmtree(WHOLE, ignore_errors=True)
    shutil.copytree(SPRITE, WHOLE, ignore=shutil.ignore_patterns("unet", "vae", "text_encoder", "*.png", "*.md"))
    torch.manual_seed(0)
    text = CLIPTextConfig(hidden_size=768, intermediate_size=3072, num_attention_heads=12)
    CLIPTextModel(text).half().save_pretrained(WHOLE / "text_encoder")
    UNet2DConditionModel(sample_size=64, cross_attention_dim=768).half().save_pretrained(WHOLE / "unet")
    widths = (128, 256, 512, 512)
    vae = AutoencoderKL(
        down_block_types=("DownEncoderBlock2D",) * len(widths),
        up_block_types=("UpDecoderBlock2D",) * len(widths),
        block_out_channels=widths,
        layers_per_block=2,
        sample_size=512,
    )
    vae.half().save_pretrained(WHOLE / "vae")


def parts(model: pathlib.Path):
    """Of every part: its name, the network, and what draws its inputs."""
    load = {"dtype": torch.float32}
    text = CLIPTextModel.from_pretrained(model, subfolder="text_encoder", **load)
    unet = UNet2DConditionModel.from_pretrained(model, subfolder="unet", **load)
    vae = AutoencoderKL.from_pretrained(model, subfolder="vae", **load)
    torch.manual_seed(1)
    tiny = AutoencoderTiny()
    (BENCH / "vae").mkdir(exist_ok=True)
    safetensors.torch.save_file(tiny.half().state_dict(), BENCH / "vae/taesd.safetensors")
    tiny.float()
    size = unet.config.sample_size

    def latent(batch):
        return lambda draw: {"sample": torch.randn(batch, 4, size, size, generator=draw)}

    def unet_inputs(batch):
        return lambda draw: {
            **latent(batch)(draw),
            "timestep": torch.full((batch,), 1000.0 * torch.rand(1, generator=draw).item()),
            "encoder_hidden_states": torch.randn(batch, TOKENS, unet.config.cross_attention_dim, generator=draw),
        }

    def ids(draw):
        return {"input_ids": torch.randint(0, text.config.vocab_size, (1, TOKENS), generator=draw)}

    denoise = Bare(unet, lambda unet, *inputs: unet(*inputs, return_dict=False)[0])
    yield "text", Bare(text, lambda text, ids: text(ids).last_hidden_state), ids
    yield "unet1", denoise, unet_inputs(1)
    yield "unet2", denoise, unet_inputs(2)
    yield "vae", Bare(vae, lambda vae, sample: vae.decode(sample, return_dict=False)[0]), latent(1)
    yield "taesd", Bare(tiny, lambda tiny, sample: tiny.decode(sample, return_dict=False)[0]), latent(1)


def convolutions():
    """As `parts`."""
    torch.manual_seed(0)
    for sizes in CONVOLUTIONS:
        yield "conv-{}-{}-{}".format(*sizes), Convolutions(*sizes), lambda draw: {"scales": 0.5 + torch.rand(TIMES, generator=draw)}


def export_all(parts, folder: pathlib.Path) -> None:
    """Writes networks into a folder, and of each its floating-point operations and the numbers that they move."""
    folder.mkdir(parents=True, exist_ok=True)
    counts = {name: export(network.eval(), inputs, folder / f"{name}.onnx") for name, network, inputs in parts}
    for i, what in enumerate(("flops", "moved")):
        (folder / f"{what}.json").write_text(json.dumps({name: count[i] for name, count in counts.items()}, indent=1) + "\n")


def export(network, inputs, path: pathlib.Path) -> tuple[int, dict[str, int]]:
    """Writes a network, checks it, and gives its floating-point operations and the numbers that they move."""
    example = inputs(torch.Generator().manual_seed(0))
    with tempfile.TemporaryDirectory(dir=path.parent) as folder:
        written = pathlib.Path(folder) / path.name
        torch.onnx.export(
            network,
            tuple(example.values()),
            str(written),
            input_names=list(example),
            output_names=["out"],
            opset_version=17,
            # The TorchScript exporter: the other one needs onnxscript and starts at opset 18.
            dynamo=False,
        )
        # Beyond 2 GB the weights lie beside it, each in a file of its own.
        if len(list(written.parent.iterdir())) == 1:
            written.replace(path)
        else:
            data = path.with_suffix(".data")
            data.unlink(missing_ok=True)
            onnx.save_model(onnx.load(written), path, save_as_external_data=True, location=data.name)
    onnx.checker.check_model(str(path))
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    worst = 0.0
    for seed in (0, 1, 2):  # 0 was traced; others show that nothing of it was baked in
        example = inputs(torch.Generator().manual_seed(seed))
        expected = network(*example.values())
        (got,) = session.run(None, {name: value.numpy() for name, value in example.items()})
        worst = max(worst, (torch.from_numpy(got) - expected).abs().max().item() / expected.abs().max().item())
    print(f"{path}: largest relative difference {worst:.2e}")
    if worst > TOLERANCE:
        raise SystemExit(f"the export differs from torch by more than {TOLERANCE}")
    moved = {"weights": 0, "maps": 0}

    def count(layer, inputs, output):
        moved["weights"] += layer.weight.numel()
        moved["maps"] += inputs[0].numel() + output.numel()

    layers = [layer for layer in network.modules() if isinstance(layer, torch.nn.Conv2d | torch.nn.Linear)]
    hooks = [layer.register_forward_hook(count) for layer in layers]
    with FlopCounterMode(display=False) as counter:
        network(*example.values())
    for hook in hooks:
        hook.remove()
    return counter.get_total_flops(), moved


@torch.no_grad()
def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    size = parser.add_mutually_exclusive_group()
    size.add_argument("--quarter", action="store_true", help="with a quarter of Stable Diffusion 1.5 as its UNet")
    size.add_argument("--whole", action="store_true", help="networks as Stable Diffusion 1.5's")
    a = parser.parse_args()
    # Of fixed shapes that is what we want, and the exporter being the older one is chosen above.
    warnings.simplefilter("ignore", torch.jit.TracerWarning)
    warnings.simplefilter("ignore", DeprecationWarning)
    BENCH.mkdir(parents=True, exist_ok=True)
    if a.quarter:
        model = QUARTER
        make_quarter()
    elif a.whole:
        model = WHOLE
        make_whole()
    else:
        model = COPY
        shutil.copytree(SPRITE, COPY, ignore=shutil.ignore_patterns("*.png", "*.md"), dirs_exist_ok=True)
    export_all(parts(model), BENCH / "onnx" / model.name)
    export_all(convolutions(), BENCH / "onnx/convolutions")


if __name__ == "__main__":
    main()
