"""Writes tests/fixtures/taesd: a tiny AutoencoderTiny, and what it makes of a picture and a latent.

Run from the repository root: `python tests/reference/taesd.py`. The one network is written three times, as people
have it: diffusers' file, ComfyUI's of both halves, and a file for each half with bare numbers, whose decoder counts
the squeezing of the latent as its first layer.
"""

import os

import torch
from diffusers import AutoencoderTiny
from safetensors.torch import save_file

FOLDER = "tests/fixtures/taesd"
WIDTH = 5


def shifted(key: str) -> str:
    layer, rest = key.split(".", 1)
    return f"{int(layer) + 1}.{rest}"


@torch.no_grad()
def main() -> None:
    torch.set_num_threads(1)
    draw = torch.Generator().manual_seed(20)
    vae = AutoencoderTiny(
        encoder_block_out_channels=(WIDTH,) * 4,
        decoder_block_out_channels=(WIDTH,) * 4,
        num_encoder_blocks=(1, 2, 1, 1),
        num_decoder_blocks=(1, 1, 2, 1),
    ).eval()
    for name, parameter in sorted(vae.named_parameters()):
        values = torch.randn(parameter.shape, generator=draw)
        scale = 0.3 if parameter.dim() == 1 else 1.4 * parameter[0].numel() ** -0.5
        parameter.copy_((values * scale).half().float())

    halves = {
        half: {key.removeprefix(f"{half}.layers."): value.half() for key, value in vae.state_dict().items() if key.startswith(half)}
        for half in ("encoder", "decoder")
    }
    halves["decoder"] = {shifted(key): value for key, value in halves["decoder"].items()}
    for folder in ("vae", "vae_approx"):
        os.makedirs(f"{FOLDER}/{folder}", exist_ok=True)
    save_file({key: value.half() for key, value in vae.state_dict().items()}, f"{FOLDER}/vae/small.safetensors")
    both = {f"taesd_{half}.{key}": value for half, part in halves.items() for key, value in part.items()}
    both |= {"vae_scale": torch.tensor(0.5), "vae_shift": torch.tensor(0.0)}
    save_file(both, f"{FOLDER}/vae/both.safetensors")
    for half, part in halves.items():
        save_file(part, f"{FOLDER}/vae_approx/taesd_{half}.safetensors")

    reference = {}

    def keep(name: str):
        def hook(_module, _inputs, output) -> None:
            reference[f"blocks.{name}"] = output.clone()

        return hook

    for name, module in vae.named_modules():
        if type(module).__name__ in ("AutoencoderTinyBlock", "Conv2d") and ".conv." not in name:
            module.register_forward_hook(keep(name))
    # Latents of more than 3 are squeezed.
    reference["image"] = torch.rand(1, 3, 24, 16, generator=draw)
    reference["latent"] = torch.randn(1, 4, 3, 2, generator=draw) * 3
    reference["encoded"] = vae.encode(reference["image"] * 2 - 1).latents
    reference["decoded"] = vae.decode(reference["latent"]).sample / 2 + 0.5
    for name in ("encoded", "decoded"):
        assert reference[name].std() > 0.1, (name, reference[name].std())
    save_file({key: value.contiguous() for key, value in reference.items()}, f"{FOLDER}/reference.safetensors")
    print({key: tuple(value.shape) for key, value in reference.items()})


if __name__ == "__main__":
    main()
