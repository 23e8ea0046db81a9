"""Writes tests/fixtures/networks: tiny checkpoints of the real classes, and what they compute.

Run from the repository root: `python tests/reference/networks.py`. Every folder has the layout, the
file names, the tensor names and the config keys of the checkpoint it stands for; only widths are tiny
and weights random. Weights are stored as f16; the reference loads those very numbers and computes in
f32. Norms and biases are randomised as well, so that a swapped or forgotten one is noticed.
"""

import json
import os
import shutil
import zlib

import torch
from diffusers import AutoencoderKL, DDIMScheduler, EulerDiscreteScheduler, PNDMScheduler, UNet2DConditionModel
from safetensors.torch import load_file, save_file
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection, CLIPTokenizer

FOLDER = "tests/fixtures/networks"
PROMPTS = ["a red cat, 3d", "the cat's hat on a mat " * 12]
NULL = [None, None]


# ---- weights


def generator(name: str) -> torch.Generator:
    return torch.Generator().manual_seed(zlib.crc32(name.encode()))


def randomise(model: torch.nn.Module, name: str) -> None:
    """Fills every parameter: activations stay near 1, and no two norms or biases are alike."""
    draw = generator(name)
    for key, parameter in sorted(model.named_parameters()):
        values = torch.randn(parameter.shape, generator=draw)
        is_norm = "norm" in key.rsplit(".", 2)[-2]
        if key.endswith("bias"):
            values = values * 0.2
        elif is_norm:
            values = 1 + values * 0.2
        elif "embedding" in key and "linear" not in key:
            values = values * 0.5
        else:
            values = values * parameter[0].numel() ** -0.5
        parameter.copy_(values.half().float())


def save_weights(model, folder: str, name="model", keys=lambda key: key, extra=None) -> None:
    tensors = {keys(key): value.half().contiguous() for key, value in model.state_dict().items()}
    save_file(tensors | (extra or {}), f"{folder}/{name}.safetensors", metadata={"format": "pt"})


def check_same(made, loaded) -> None:
    """What the file gives back, renamed and as f16, is to the bit what was made."""
    made, loaded = made.state_dict(), loaded.state_dict()
    assert made.keys() == loaded.keys()
    for key, value in made.items():
        assert torch.equal(value, loaded[key]) and loaded[key].dtype == torch.float32, key


def write_json(path: str, value) -> None:
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8", newline="\n") as file:
        json.dump(value, file, indent=2, sort_keys=True)
        file.write("\n")


def write_config(model, folder: str, only=None) -> None:
    """`only`: the keys that the published file has; the rest are left to the class's defaults."""
    config = json.loads(model.to_json_string())
    if only:
        config = {key: value for key, value in config.items() if key.startswith("_") or key in only}
    config.pop("_name_or_path", None)
    write_json(f"{folder}/config.json", config)


# ---- what the reference records


class Recorder:
    """Keeps the output of every named module of a run, for the first element of the batch."""

    def __init__(self, model, wanted):
        self.outputs = {}
        self.handles = [
            module.register_forward_hook(self.hook(name))
            for name, module in model.named_modules()
            if name and wanted(name, module)
        ]

    def hook(self, name):
        def keep(_module, _inputs, output):
            output = output if isinstance(output, torch.Tensor) else output[0]
            if name == "add_time_proj":  # six rows per element of the batch
                output = output.reshape(2, -1)
            self.outputs[name] = output[:1].float().contiguous().clone()

        return keep

    def take(self, prefix: str) -> dict[str, torch.Tensor]:
        for handle in self.handles:
            handle.remove()
        return {prefix + name: value for name, value in self.outputs.items()}


UNET_MODULES = {
    "Attention",
    "BasicTransformerBlock",
    "CrossAttnDownBlock2D",
    "CrossAttnUpBlock2D",
    "DownBlock2D",
    "Downsample2D",
    "FeedForward",
    "ResnetBlock2D",
    "TimestepEmbedding",
    "Timesteps",
    "Transformer2DModel",
    "UNetMidBlock2DCrossAttn",
    "UpBlock2D",
    "Upsample2D",
}
VAE_MODULES = {
    "Attention",
    "Decoder",
    "DownEncoderBlock2D",
    "Downsample2D",
    "Encoder",
    "ResnetBlock2D",
    "UNetMidBlock2D",
    "UpDecoderBlock2D",
    "Upsample2D",
}
OUTER = {"conv_in", "conv_norm_out", "conv_out", "quant_conv", "post_quant_conv"}
TEXT_MODULES = {"CLIPTextEmbeddings", "CLIPAttention", "CLIPMLP", "CLIPEncoderLayer"}


def by_class(classes):
    return lambda name, module: type(module).__name__ in classes or name.rsplit(".", 1)[-1] in OUTER


def save_reference(tensors: dict, folder: str) -> None:
    for name, value in tensors.items():
        if value.is_floating_point():
            assert torch.isfinite(value).all(), name
            assert value.numel() < 16 or 0.02 < value.std() < 50, f"{folder} {name}: spread {value.std()}"
        tensors[name] = value.contiguous()
    save_file(tensors, f"{folder}/reference.safetensors")


# ---- UNets


# (case, height, width, timesteps, tokens). An odd latent forces the sizes of the upsamplers; two chunks
# of 77 tokens are what a long prompt gives; timesteps between whole numbers are what sigma schedules ask.
UNET_CASES = [
    ("even", 8, 16, [801.0, 801.0], 77),
    ("odd", 9, 13, [21.5, 21.5], 154),
    ("mixed", 8, 8, [999.0, 0.0], 77),
]


def unet(folder: str, config: dict, only=None, cases=UNET_CASES, blocks=True) -> None:
    folder = f"{FOLDER}/{folder}"
    os.makedirs(f"{folder}/unet", exist_ok=True)
    model = UNet2DConditionModel(**config).eval()
    randomise(model, f"{folder}/unet")
    write_config(model, f"{folder}/unet", only)
    save_weights(model, f"{folder}/unet", "diffusion_pytorch_model")
    made, model = model, UNet2DConditionModel.from_pretrained(f"{folder}/unet", dtype=torch.float32).eval()
    check_same(made, model)
    config = model.config

    tensors = {}
    for case, height, width, timesteps, tokens in cases:
        draw = generator(f"{folder} {case}")
        sample = torch.randn(2, config.in_channels, height, width, generator=draw)
        states = torch.randn(2, tokens, config.cross_attention_dim, generator=draw)
        inputs = {"sample": sample, "timestep": torch.tensor(timesteps), "encoder_hidden_states": states}
        if config.addition_embed_type == "text_time":
            pooled = config.projection_class_embeddings_input_dim - 6 * config.addition_time_embed_dim
            inputs["text_embeds"] = torch.randn(2, pooled, generator=draw)
            # Original size, crop, target size; height before width in each.
            inputs["time_ids"] = torch.tensor([[1024.0, 768, 0, 16, 1024, 768], [512, 640, 8, 0, 520, 648]])
        if config.time_cond_proj_dim:
            inputs["timestep_cond"] = torch.randn(2, config.time_cond_proj_dim, generator=draw)
        recorder = Recorder(model, by_class(UNET_MODULES) if blocks and case == "even" else lambda *_: False)
        arguments = dict(inputs)
        if "text_embeds" in arguments:
            added = {key: arguments.pop(key) for key in ("text_embeds", "time_ids")}
            arguments["added_cond_kwargs"] = added
        output = model(**arguments).sample
        tensors |= {f"{case}.{key}": value for key, value in inputs.items()} | {f"{case}.output": output}
        tensors |= recorder.take(f"{case}.")
    save_reference(tensors, f"{folder}/unet")


# The keys of the config.json published with Stable Diffusion 1.5: the other options are defaults.
SD15_UNET_KEYS = {
    "act_fn", "attention_head_dim", "block_out_channels", "center_input_sample", "cross_attention_dim",
    "down_block_types", "downsample_padding", "flip_sin_to_cos", "freq_shift", "in_channels",
    "layers_per_block", "mid_block_scale_factor", "norm_eps", "norm_num_groups", "out_channels",
    "sample_size", "up_block_types",
}  # fmt: skip
SD15_VAE_KEYS = {
    "act_fn", "block_out_channels", "down_block_types", "in_channels", "latent_channels",
    "layers_per_block", "norm_num_groups", "out_channels", "sample_size", "up_block_types",
}  # fmt: skip

SD15_UNET = dict(
    sample_size=16,
    block_out_channels=(16, 16, 24, 24),
    layers_per_block=2,
    norm_num_groups=8,
    cross_attention_dim=32,
    attention_head_dim=8,  # the number of heads, whatever its name
)
SD21_UNET = SD15_UNET | dict(
    block_out_channels=(8, 16, 24, 24),
    layers_per_block=1,
    norm_num_groups=4,
    attention_head_dim=(2, 4, 6, 6),  # 5, 10, 20, 20 in the real one: a head is 64 wide at every level
    use_linear_projection=True,
    upcast_attention=True,
)
SDXL_UNET = dict(
    sample_size=16,
    down_block_types=("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
    up_block_types=("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
    block_out_channels=(8, 16, 24),
    layers_per_block=1,
    norm_num_groups=4,
    cross_attention_dim=56,  # both text encoders side by side
    attention_head_dim=(2, 4, 6),
    transformer_layers_per_block=(1, 2, 3),  # 1, 2, 10
    use_linear_projection=True,
    upcast_attention=None,  # null in the published file
    addition_embed_type="text_time",
    addition_time_embed_dim=16,
    projection_class_embeddings_input_dim=116,  # six time ids of 16, and the pooled text of 20
)
TINY_UNET = dict(
    sample_size=8,
    down_block_types=("CrossAttnDownBlock2D", "DownBlock2D"),
    up_block_types=("UpBlock2D", "CrossAttnUpBlock2D"),
    block_out_channels=(8, 16),
    layers_per_block=1,
    norm_num_groups=4,
    cross_attention_dim=12,
    attention_head_dim=2,
)
VARIANTS = {
    # Latent, mask and masked latent side by side.
    "inpaint": dict(in_channels=9),
    # Options that the three families never set; an eps this large tells whose eps it is.
    "flip": dict(flip_sin_to_cos=False, freq_shift=1, norm_eps=1e-3),
    # Guidance as an input of the time embedding, as in latent consistency models.
    "lcm": dict(time_cond_proj_dim=20),
    # Pruned: levels of different lengths, attention of different depths, and a middle without it.
    "pruned": dict(
        down_block_types=("CrossAttnDownBlock2D",) * 2,
        up_block_types=("CrossAttnUpBlock2D",) * 2,
        layers_per_block=(1, 2),
        transformer_layers_per_block=(1, (2, 1)),
        reverse_transformer_layers_per_block=((1, 2, 3), (2, 1)),
        mid_block_type="UNetMidBlock2D",
    ),
    "no_middle": dict(mid_block_type=None),
}


# ---- autoencoders


def vae(folder: str, config: dict, seed: str, only=None, old_names=False, blocks=True) -> None:
    folder = f"{FOLDER}/{folder}"
    os.makedirs(folder, exist_ok=True)
    model = AutoencoderKL(**config).eval()
    randomise(model, seed)
    write_config(model, folder, only)
    save_weights(model, folder, "diffusion_pytorch_model", old_attention_name if old_names else lambda key: key)
    made, model = model, AutoencoderKL.from_pretrained(folder, dtype=torch.float32).eval()
    check_same(made, model)

    draw = generator(seed + " inputs")
    pixels = torch.rand(2, 3, 16, 24, generator=draw) * 2 - 1
    latent = torch.randn(2, model.config.latent_channels, 2, 3, generator=draw)
    recorder = Recorder(model, by_class(VAE_MODULES) if blocks else lambda *_: False)
    posterior = model.encode(pixels).latent_dist
    image = model.decode(latent).sample
    tensors = {
        "encode.pixels": pixels,
        "encode.moments": posterior.parameters,
        "encode.mean": posterior.mean,
        "encode.std": posterior.std,
        "decode.latent": latent,
        "decode.image": image,
    }
    save_reference(tensors | recorder.take(""), folder)


def old_attention_name(key: str) -> str:
    """The names that autoencoders saved before diffusers 0.18, Stable Diffusion 1.5's among them, have."""
    names = {".to_q.": ".query.", ".to_k.": ".key.", ".to_v.": ".value.", ".to_out.0.": ".proj_attn."}
    for new, old in names.items():
        key = key.replace(new, old)
    return key


VAE = dict(
    down_block_types=("DownEncoderBlock2D",) * 4,
    up_block_types=("UpDecoderBlock2D",) * 4,
    block_out_channels=(8, 8, 16, 16),
    layers_per_block=2,
    norm_num_groups=4,
    sample_size=64,
)
VAE_NO_QUANT = VAE | dict(
    layers_per_block=1,
    latent_channels=16,
    use_quant_conv=False,
    use_post_quant_conv=False,
    scaling_factor=0.3611,
)


# ---- text


def byte_symbols() -> list[str]:
    """One visible character per byte, in the order of CLIP's vocabulary file."""
    visible = [*range(33, 127), *range(161, 173), *range(174, 256)]
    hidden = [byte for byte in range(256) if byte not in visible]
    return [chr(byte) for byte in visible] + [chr(256 + i) for i in range(len(hidden))]


def tokenizer(folder: str, pad: str) -> CLIPTokenizer:
    """A tokenizer of 540 entries in the files that published checkpoints ship: no tokenizer.json."""
    words = "the cat hat mat red on 's"
    merges = []
    for word in words.split():
        pieces = [*word[:-1], word[-1] + "</w>"]
        while len(pieces) > 1:
            merges.append((pieces[0], pieces[1]))
            pieces[:2] = [pieces[0] + pieces[1]]
    merges = list(dict.fromkeys(merges))
    symbols = byte_symbols()
    entries = [*symbols, *(symbol + "</w>" for symbol in symbols)]
    entries += [first + second for first, second in merges]
    entries += ["<|startoftext|>", "<|endoftext|>"]
    entries = list(dict.fromkeys(entries))
    vocabulary = {entry: index for index, entry in enumerate(entries)}

    os.makedirs(folder, exist_ok=True)
    with open(f"{folder}/vocab.json", "w", encoding="utf-8", newline="\n") as file:
        json.dump(vocabulary, file, ensure_ascii=False, separators=(",", ":"))
    with open(f"{folder}/merges.txt", "w", encoding="utf-8", newline="\n") as file:
        file.write("#version: 0.2\n" + "".join(f"{first} {second}\n" for first, second in merges))

    def special(content, normalized=True):
        return {"content": content, "lstrip": False, "normalized": normalized, "rstrip": False, "single_word": False}

    start, end = "<|startoftext|>", "<|endoftext|>"
    write_json(
        f"{folder}/special_tokens_map.json",
        {"bos_token": special(start), "eos_token": special(end), "pad_token": pad, "unk_token": special(end)},
    )
    config = {
        "add_prefix_space": False,
        "bos_token": {"__type": "AddedToken"} | special(start),
        "do_lower_case": True,
        "eos_token": {"__type": "AddedToken"} | special(end),
        "errors": "replace",
        "model_max_length": 77,
        "pad_token": pad,
        "tokenizer_class": "CLIPTokenizer",
        "unk_token": {"__type": "AddedToken"} | special(end),
    }
    write_json(f"{folder}/tokenizer_config.json", config)
    return CLIPTokenizer.from_pretrained(folder)


def encode(tokens: CLIPTokenizer) -> torch.Tensor:
    return tokens(PROMPTS, padding="max_length", truncation=True, max_length=77, return_tensors="pt")["input_ids"]


def text_encoder(folder: str, ids: torch.Tensor, vocabulary: int, projection=False, old_file=False, **config):
    """Returns hidden states and pooled output as SDXL's pipeline takes them."""
    folder = f"{FOLDER}/{folder}"
    os.makedirs(folder, exist_ok=True)
    settings = CLIPTextConfig(
        vocab_size=vocabulary,
        max_position_embeddings=77,
        # As published: wrong, and it makes the pooled token the one with the largest id.
        bos_token_id=0,
        eos_token_id=2,
        pad_token_id=1,
        **config,
    )
    kind = CLIPTextModelWithProjection if projection else CLIPTextModel
    model = kind(settings).eval()
    randomise(model, folder)
    settings.architectures = [kind.__name__]
    settings.dtype = "float16"
    write_config_transformers(settings, folder)
    extra = {"text_model.embeddings.position_ids": torch.arange(77).reshape(1, 77)} if old_file else None
    save_weights(model, folder, keys=lambda key: key if projection else f"text_model.{key}", extra=extra)
    made, model = model, kind.from_pretrained(folder, dtype=torch.float32).eval()
    check_same(made, model)
    body = model.text_model if projection else model

    recorder = Recorder(body, lambda _, module: type(module).__name__ in TEXT_MODULES)
    output = model(ids, output_hidden_states=True)
    states = output.hidden_states
    layers = settings.num_hidden_layers
    assert len(states) == layers + 1
    assert torch.equal(body.final_layer_norm(states[-1]), output.last_hidden_state)
    tensors = {
        "input_ids": ids.int(),
        "last_hidden_state": output.last_hidden_state,
        # Before the last layer, as SDXL takes it; and with the final norm on top, as "clip skip" takes it.
        "penultimate": states[-2],
        "penultimate_normed": body.final_layer_norm(states[-2]),
        "pooled": body(ids).pooler_output,
    }
    if projection:
        tensors["text_embeds"] = output.text_embeds
    prefix = "text_model."
    blocks = recorder.take(prefix)
    assert torch.equal(blocks[f"{prefix}encoder.layers.{layers - 1}"], states[-1][:1])
    save_reference(tensors | blocks, folder)
    return states[-2], tensors.get("text_embeds", tensors["pooled"])


def write_config_transformers(config, folder: str) -> None:
    values = json.loads(config.to_json_string(use_diff=False))
    kept = {
        "architectures", "attention_dropout", "bos_token_id", "dropout", "eos_token_id", "hidden_act",
        "hidden_size", "initializer_factor", "initializer_range", "intermediate_size", "layer_norm_eps",
        "max_position_embeddings", "model_type", "num_attention_heads", "num_hidden_layers",
        "pad_token_id", "projection_dim", "transformers_version", "vocab_size",
    }  # fmt: skip
    values = {key: value for key, value in values.items() if key in kept}
    write_json(f"{folder}/config.json", values | {"torch_dtype": "float16"})


# ---- checkpoints


def scheduler(folder: str, kind, **config) -> None:
    steps = dict(num_train_timesteps=1000, beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear")
    values = kind(**steps, **config).config
    values = {"_class_name": kind.__name__} | {
        key: value for key, value in values.items() if key != "_use_default_values"
    }
    write_json(f"{FOLDER}/{folder}/scheduler/scheduler_config.json", values)


def index(folder: str, pipeline: str, scheduler_class: str, **more) -> None:
    parts = {
        "scheduler": ["diffusers", scheduler_class],
        "text_encoder": ["transformers", "CLIPTextModel"],
        "tokenizer": ["transformers", "CLIPTokenizer"],
        "unet": ["diffusers", "UNet2DConditionModel"],
        "vae": ["diffusers", "AutoencoderKL"],
    }
    head = {"_class_name": pipeline, "_diffusers_version": "0.42.1"}
    write_json(f"{FOLDER}/{folder}/model_index.json", head | parts | more)


def sd15() -> None:
    tokens = tokenizer(f"{FOLDER}/sd15/tokenizer", pad="<|endoftext|>")
    text = dict(hidden_size=32, intermediate_size=128, num_attention_heads=4, num_hidden_layers=3, projection_dim=32)
    text_encoder("sd15/text_encoder", encode(tokens), len(tokens), old_file=True, hidden_act="quick_gelu", **text)
    unet("sd15", SD15_UNET, SD15_UNET_KEYS)
    vae("sd15/vae", VAE, "vae", SD15_VAE_KEYS, old_names=True)
    scheduler("sd15", PNDMScheduler, skip_prk_steps=True, set_alpha_to_one=False, steps_offset=1)
    index(
        "sd15", "StableDiffusionPipeline", "PNDMScheduler", feature_extractor=NULL, image_encoder=NULL,
        safety_checker=NULL, requires_safety_checker=False,
    )  # fmt: skip


def sd21() -> None:
    tokens = tokenizer(f"{FOLDER}/sd21/tokenizer", pad="!")
    text = dict(hidden_size=32, intermediate_size=128, num_attention_heads=2, num_hidden_layers=3, projection_dim=16)
    text_encoder("sd21/text_encoder", encode(tokens), len(tokens), hidden_act="gelu", **text)
    unet("sd21", SD21_UNET)
    vae("sd21/vae", VAE | dict(layers_per_block=1), "sd21 vae", blocks=False)
    scheduler(
        "sd21", DDIMScheduler, prediction_type="v_prediction", clip_sample=False, set_alpha_to_one=False, steps_offset=1
    )
    index(
        "sd21", "StableDiffusionPipeline", "DDIMScheduler", feature_extractor=NULL, image_encoder=NULL,
        safety_checker=NULL, requires_safety_checker=False,
    )  # fmt: skip


def sdxl() -> None:
    first = tokenizer(f"{FOLDER}/sdxl/tokenizer", pad="<|endoftext|>")
    second = tokenizer(f"{FOLDER}/sdxl/tokenizer_2", pad="!")
    small = dict(hidden_size=24, intermediate_size=96, num_attention_heads=3, num_hidden_layers=3, projection_dim=24)
    large = dict(hidden_size=32, intermediate_size=128, num_attention_heads=4, num_hidden_layers=4, projection_dim=20)
    states_1, _ = text_encoder(
        "sdxl/text_encoder", encode(first), len(first), old_file=True, hidden_act="quick_gelu", **small
    )
    states_2, pooled = text_encoder(
        "sdxl/text_encoder_2", encode(second), len(second), projection=True, old_file=True, hidden_act="gelu", **large
    )
    # What the pipeline hands to the UNet.
    embeds = {"prompt_embeds": torch.cat([states_1, states_2], dim=-1), "pooled_prompt_embeds": pooled}
    save_reference(embeds, f"{FOLDER}/sdxl")
    unet("sdxl", SDXL_UNET)
    vae("sdxl/vae", VAE | dict(layers_per_block=1, scaling_factor=0.13025), "sdxl vae", blocks=False)
    scheduler("sdxl", EulerDiscreteScheduler, steps_offset=1, timestep_spacing="leading")
    index(
        "sdxl", "StableDiffusionXLPipeline", "EulerDiscreteScheduler", feature_extractor=NULL, image_encoder=NULL,
        force_zeros_for_empty_prompt=True, text_encoder_2=["transformers", "CLIPTextModelWithProjection"],
        tokenizer_2=["transformers", "CLIPTokenizer"],
    )  # fmt: skip


@torch.no_grad()
def main() -> None:
    torch.set_num_threads(1)
    for folder in ("sd15", "sd21", "sdxl", "variants"):  # not what other scripts put beside them
        shutil.rmtree(f"{FOLDER}/{folder}", ignore_errors=True)
    sd15()
    sd21()
    sdxl()
    for name, options in VARIANTS.items():
        unet(f"variants/{name}", TINY_UNET | options, cases=[UNET_CASES[2]], blocks=False)
    vae("variants/vae_no_quant/vae", VAE_NO_QUANT, "vae_no_quant", blocks=False)
    for path, _, files in sorted(os.walk(FOLDER)):
        for file in sorted(files):
            if file.endswith(".safetensors"):
                size = os.path.getsize(f"{path}/{file}")
                print(f"{path}/{file}: {len(load_file(f'{path}/{file}'))} tensors, {size} bytes")


if __name__ == "__main__":
    main()
