"""Writes tests/fixtures/networks/controlnet and tests/fixtures/controlnets: control nets and adapters, and what they do.

Run from the repository root, after networks.py: `python tests/reference/controlnets.py`. The nets are tiny ones of
diffusers' classes with random weights, f16 in the file, for the UNets of networks.py, whose inputs they are given.
Their hints are pixel `i` = (37·i mod 101) / 100, in the order of `[batch, channels, height, width]`. A reference holds
each residual for the first element of the batch, and the UNet's whole answer with them.
"""

import json
import os
import shutil

import numpy
import torch
from diffusers import (
    AutoencoderKL,
    ControlNetModel,
    EulerDiscreteScheduler,
    StableDiffusionControlNetPipeline,
    T2IAdapter,
    UNet2DConditionModel,
)
from diffusers.loaders.single_file_utils import convert_controlnet_checkpoint
from networks import FOLDER, generator, randomise, save_reference, write_config
from PIL import Image
from safetensors.torch import load_file, save_file
from transformers import CLIPTextModel, CLIPTokenizer

NETS = f"{FOLDER}/controlnet"
OUT = "tests/fixtures/controlnets"
CASES = ("even", "odd")

# What a net cannot be seen to have in its tensors is as in the published ones (8 heads where levels are no wider than
# here; as many groups as divide every level), but in SDXL's, which have their configs beside them.
SD15 = dict(
    block_out_channels=(16, 16, 24, 24),
    norm_num_groups=8,
    cross_attention_dim=32,
    conditioning_embedding_out_channels=(4, 8, 12, 16),
)
SD21 = SD15 | dict(block_out_channels=(8, 16, 24, 24), layers_per_block=1, use_linear_projection=True)
SDXL = dict(
    down_block_types=("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
    block_out_channels=(8, 16, 24),
    layers_per_block=1,
    norm_num_groups=4,
    cross_attention_dim=56,
    attention_head_dim=(2, 4, 6),
    transformer_layers_per_block=(1, 2, 3),
    use_linear_projection=True,
    addition_embed_type="text_time",
    addition_time_embed_dim=16,
    projection_class_embeddings_input_dim=116,
    conditioning_embedding_out_channels=(4, 8, 12, 16),
)
# SDXL's small nets attend nowhere, not even in the middle.
SDXL_SMALL = SDXL | dict(
    down_block_types=("DownBlock2D",) * 3, mid_block_type="UNetMidBlock2D", controlnet_conditioning_channel_order="bgr"
)


def hint(channels: int, height: int, width: int) -> torch.Tensor:
    count = 2 * channels * height * width
    return ((torch.arange(count) * 37 % 101) / 100).reshape(2, channels, height, width)


def unet_of(family: str):
    folder = f"{FOLDER}/{family}/unet"
    return UNet2DConditionModel.from_pretrained(folder, dtype=torch.float32).eval(), load_file(
        f"{folder}/reference.safetensors"
    )


def arguments(inputs: dict, case: str) -> dict:
    get = {key.removeprefix(f"{case}."): value for key, value in inputs.items() if key.startswith(f"{case}.")}
    found = {key: get[key] for key in ("sample", "timestep", "encoder_hidden_states")}
    if "text_embeds" in get:
        found["added_cond_kwargs"] = {key: get[key] for key in ("text_embeds", "time_ids")}
    return found


def save(tensors: dict, name: str) -> None:
    os.makedirs(f"{OUT}/{name}")
    save_reference(tensors, f"{OUT}/{name}")


def half_weights(model) -> dict:
    return {key: value.half().contiguous() for key, value in model.state_dict().items()}


def made(kind, config: dict, seed: str):
    model = kind(**config).eval()
    randomise(model, seed)
    draw = generator(f"{seed} hint")
    for key, parameter in sorted(model.named_parameters()):
        if "cond_embedding" in key and key.endswith("weight"):  # a convolution, whatever it is called
            values = torch.randn(parameter.shape, generator=draw) * parameter[0].numel() ** -0.5
            parameter.copy_(values.half().float())
    return model


# ---- control nets


def ldm_name(name: str, layers: int) -> str:
    """What the first control nets, CompVis' and lllyasviel's, call a tensor."""
    outer = {
        "conv_in": "input_blocks.0.0",
        "time_embedding.linear_1": "time_embed.0",
        "time_embedding.linear_2": "time_embed.2",
        "add_embedding.linear_1": "label_emb.0.0",
        "add_embedding.linear_2": "label_emb.0.2",
        "controlnet_mid_block": "middle_block_out.0",
        "controlnet_cond_embedding.conv_in": "input_hint_block.0",
        "controlnet_cond_embedding.conv_out": "input_hint_block.14",
    }
    inner = {
        "norm1": "in_layers.0",
        "conv1": "in_layers.2",
        "time_emb_proj": "emb_layers.1",
        "norm2": "out_layers.0",
        "conv2": "out_layers.3",
        "conv_shortcut": "skip_connection",
    }
    path, kind = name.rsplit(".", 1)
    if path in outer:
        return f"{outer[path]}.{kind}"
    parts = path.split(".")
    if parts[0] == "controlnet_cond_embedding":
        return f"input_hint_block.{2 * int(parts[2]) + 2}.{kind}"
    if parts[0] == "controlnet_down_blocks":
        return f"zero_convs.{parts[1]}.0.{kind}"
    if parts[0] == "down_blocks":
        level, what, i, *rest = parts[1:]
        block = 1 + int(level) * (layers + 1) + (layers if what == "downsamplers" else int(i))
        place = {"resnets": "0", "attentions": "1", "downsamplers": "0.op"}[what]
        start = f"input_blocks.{block}.{place}"
    else:
        what, i, *rest = parts[1:]
        start = f"middle_block.{1 if what == 'attentions' else 2 * int(i)}"
    if what == "downsamplers":
        return f"{start}.{kind}"
    rest = [inner[rest[0]]] if what == "resnets" else rest
    return ".".join([start, *rest, kind])


def ldm_names(model) -> dict[str, str]:
    """By our name, checked against diffusers' way back."""
    layers = model.config.layers_per_block
    weights = model.state_dict()
    names = {name: ldm_name(name, layers) for name in weights}
    back = convert_controlnet_checkpoint({names[name]: value for name, value in weights.items()}, dict(model.config))
    assert back.keys() == weights.keys(), back.keys() ^ weights.keys()
    assert all(back[name] is value for name, value in weights.items())
    return names


def residuals(output, prefix: str) -> dict[str, torch.Tensor]:
    named = {f"{prefix}.skip.{i}": map[:1] for i, map in enumerate(output.down_block_res_samples)}
    return named | {f"{prefix}.middle": output.mid_block_res_sample[:1]}


def control_net(family: str, config: dict, name: str) -> dict[str, torch.Tensor]:
    """The net, and what it and the UNet give for each case, at three quarters of its strength."""
    model = made(ControlNetModel, config, f"controlnet {name}")
    unet, inputs = unet_of(family)
    if name == "sdxl":
        os.makedirs(f"{NETS}/{name}")
        write_config(model, f"{NETS}/{name}")
        save_file(half_weights(model), f"{NETS}/{name}/diffusion_pytorch_model.safetensors")
    elif name == "sd21":
        names = ldm_names(model)
        weights = {f"control_model.{names[key]}": value for key, value in half_weights(model).items()}
        save_file(weights, f"{NETS}/{name}.safetensors")
    else:
        if name == "sdxl_small":
            os.makedirs(f"{NETS}/{name}")
            write_config(model, f"{NETS}/{name}")
        path = f"{NETS}/{name}/model" if name == "sdxl_small" else f"{NETS}/{name}"
        save_file(half_weights(model), f"{path}.safetensors")
    tensors = {}
    for case in CASES:
        given = arguments(inputs, case)
        _, _, height, width = given["sample"].shape
        output = model(**given, controlnet_cond=hint(3, 8 * height, 8 * width))
        tensors |= residuals(output, case)
        tensors[f"{case}.output"] = unet(
            **given,
            down_block_additional_residuals=[map * 0.75 for map in output.down_block_res_samples],
            mid_block_additional_residual=output.mid_block_res_sample * 0.75,
        ).sample
        plain = inputs[f"{case}.output"]
        assert (tensors[f"{case}.output"] - plain).std() > 0.02 * plain.std(), f"{name} {case}: no effect"
    if name == "sd15":
        write = dict(sorted(ldm_names(model).items()))
        with open(f"{OUT}/ldm_names.json", "w", encoding="utf-8", newline="\n") as file:
            json.dump(write, file, indent=0)
            file.write("\n")
        model.register_to_config(global_pool_conditions=True)
        given = arguments(inputs, "even")
        tensors |= residuals(model(**given, controlnet_cond=hint(3, 64, 128)), "pooled")
        model.register_to_config(global_pool_conditions=False)
    save(tensors, name)
    return model


def control_lora(rank: int) -> None:
    """Stability's files: of a net made from a UNet, products of two matrices that are added to the UNet's weights."""
    unet, inputs = unet_of("sd15")
    model = made(ControlNetModel, SD15, "control lora")
    names, base = ldm_names(model), unet.state_dict()
    tensors = {"lora_controlnet": torch.zeros(0)}
    draw = generator("control lora parts")
    for name, parameter in sorted(model.named_parameters()):
        own = name not in base or parameter.dim() == 1  # of the net alone; and norms and biases, which are few numbers
        if own:
            tensors[names[name]] = parameter.half()
            continue
        outputs, inputs_ = parameter.shape[:2]
        shape = [[outputs, rank], [rank, inputs_]]
        if parameter.dim() == 4:
            shape = [[outputs, rank, 1, 1], [rank, *parameter.shape[1:]]]
        spread = 0.5 * parameter[0].numel() ** -0.25
        up, down = (torch.randn(one, generator=draw).mul(spread * rank**-0.25).half() for one in shape)
        product = up.float().flatten(1) @ down.float().flatten(1)
        parameter.copy_(base[name] + product.reshape(parameter.shape))
        path = names[name].removesuffix("weight")
        tensors |= {f"{path}up": up, f"{path}down": down}
    save_file({key: value.contiguous() for key, value in tensors.items()}, f"{NETS}/control_lora.safetensors")
    given = arguments(inputs, "even")
    save(residuals(model(**given, controlnet_cond=hint(3, 64, 128)), "even"), "control_lora")


# ---- adapters


def adapter(family: str, config: dict, name: str, also=None) -> None:
    """The adapter, and what it and the UNet give for each case at half of its strength; once together with a net."""
    model = made(T2IAdapter, config, f"adapter {name}")
    unet, inputs = unet_of(family)
    save_file(half_weights(model), f"{NETS}/{name}.safetensors")
    tensors = {}
    for case in CASES:
        given = arguments(inputs, case)
        _, _, height, width = given["sample"].shape
        factor = model.downscale_factor
        height, width = (-(-8 * side // factor) * factor for side in (height, width))
        maps = model(hint(config["in_channels"], height, width))
        tensors |= {f"{case}.map.{i}": map[:1] for i, map in enumerate(maps)}
        half = [map * 0.5 for map in maps]
        output = unet(**given, down_intrablock_additional_residuals=list(half)).sample
        tensors[f"{case}.output"] = output
        plain = inputs[f"{case}.output"]
        assert (output - plain).std() > 0.02 * plain.std(), f"{name} {case}: no effect"
        if also is not None and case == "even":
            net = also(**given, controlnet_cond=hint(3, height, width))
            tensors["both.output"] = unet(
                **given,
                down_intrablock_additional_residuals=list(half),
                down_block_additional_residuals=net.down_block_res_samples,
                mid_block_additional_residual=net.mid_block_res_sample,
            ).sample
    save(tensors, name)


# ---- a whole run


def run(net) -> None:
    """Four steps of Euler, at whole timesteps, on the tiny Stable Diffusion 1.5 with a net, as its pipeline does it."""
    folder = f"{FOLDER}/sd15"
    parts = {
        "vae": AutoencoderKL.from_pretrained(f"{folder}/vae", dtype=torch.float32),
        "text_encoder": CLIPTextModel.from_pretrained(f"{folder}/text_encoder", dtype=torch.float32),
        "tokenizer": CLIPTokenizer.from_pretrained(f"{folder}/tokenizer"),
        "unet": unet_of("sd15")[0],
        "controlnet": net,
        "scheduler": EulerDiscreteScheduler(
            beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", timestep_spacing="linspace"
        ),
    }
    pipeline = StableDiffusionControlNetPipeline(
        **parts, safety_checker=None, feature_extractor=None, requires_safety_checker=False
    )
    pipeline.set_progress_bar_config(disable=True)
    height, width = 64, 96
    pixels = (numpy.arange(height * width * 3) * 37 % 101 * 2).astype(numpy.uint8).reshape(height, width, 3)
    Image.fromarray(pixels).save(f"{OUT}/hint.png")
    picture = torch.from_numpy(pixels).permute(2, 0, 1)[None].float() / 255
    noise = torch.randn(1, 4, height // 8, width // 8, generator=torch.Generator().manual_seed(7))
    pipeline.scheduler.set_timesteps(4)
    sigmas = pipeline.scheduler.sigmas
    # ComfyUI begins a run with noise of 1 + σ², diffusers with this spacing of σ².
    start = noise * (1 + sigmas[0] ** 2) ** 0.5 / pipeline.scheduler.init_noise_sigma
    latents = pipeline(
        prompt="a red cat, 3d",
        negative_prompt="the hat",
        image=picture,
        latents=start,
        num_inference_steps=4,
        guidance_scale=5.0,
        controlnet_conditioning_scale=0.75,
        output_type="latent",
    ).images
    save({"sigmas": sigmas.float(), "latents": latents}, "run")


@torch.no_grad()
def main() -> None:
    torch.set_num_threads(1)
    for folder in (NETS, OUT):
        shutil.rmtree(folder, ignore_errors=True)
        os.makedirs(folder)
    sd15 = control_net("sd15", SD15, "sd15")
    control_net("sd21", SD21, "sd21")
    control_net("sdxl", SDXL, "sdxl")
    control_net("sdxl", SDXL_SMALL, "sdxl_small")
    control_lora(4)
    sd15_maps = dict(in_channels=3, channels=[16, 16, 24, 24], num_res_blocks=2, downscale_factor=8)
    adapter("sd15", sd15_maps | dict(adapter_type="full_adapter"), "adapter_sd15", also=sd15)
    light = sd15_maps | dict(in_channels=1, channels=[16, 16, 24], num_res_blocks=4, adapter_type="light_adapter")
    adapter("sd15", light, "adapter_sd15_light")
    sdxl = sd15_maps | dict(channels=[8, 16, 24, 24], downscale_factor=16, adapter_type="full_adapter_xl")
    adapter("sdxl", sdxl, "adapter_sdxl")
    run(sd15)
    for path, _, files in sorted(os.walk(NETS)) + sorted(os.walk(OUT)):
        for file in sorted(files):
            print(f"{path}/{file}: {os.path.getsize(f'{path}/{file}')} bytes")


if __name__ == "__main__":
    main()
