"""Writes tests/fixtures/checkpoints: every tensor of published checkpoints in both programs' names (`*.txt.z`, by zlib), and what
tiny checkpoints compute (`tiny.safetensors`; `pruned.safetensors` has those of denoising networks alone).

Run from the repository root: `python tests/reference/checkpoints.py`. A line is `theirs ours shape`: the name in a
single-file checkpoint (CompVis' and Stability's programs), the name in diffusers' layout, and the shape in the single
file. The networks are diffusers' own classes at full size without memory (meta device), from the published configs,
which are written out below since nothing is downloaded. That the names mean what they are said to mean is checked with
diffusers' own converter: what it makes of a file with our left column has exactly the names of our right column.

The tiny checkpoints (`tiny_*`) have numbers that follow from a tensor's name and are made here and in the tests alike
(`fill`, tests/support/tiny.rs), so that none have to be stored.
"""

import re
import zlib

import numpy as np
import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from diffusers.loaders.single_file_utils import convert_ldm_unet_checkpoint, convert_ldm_vae_checkpoint
from safetensors.torch import save_file
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection

OUTPUT = "tests/fixtures/checkpoints"

SD1 = dict(
    block_out_channels=(320, 640, 1280, 1280), attention_head_dim=8, cross_attention_dim=768, in_channels=4,
)
SD2 = dict(
    block_out_channels=(320, 640, 1280, 1280), attention_head_dim=(5, 10, 20, 20), cross_attention_dim=1024,
    use_linear_projection=True, in_channels=4,
)
SDXL = dict(
    block_out_channels=(320, 640, 1280), attention_head_dim=(5, 10, 20), cross_attention_dim=2048,
    use_linear_projection=True, transformer_layers_per_block=(1, 2, 10), addition_embed_type="text_time",
    addition_time_embed_dim=256, projection_class_embeddings_input_dim=2816, in_channels=4,
    down_block_types=("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
    up_block_types=("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
)
REFINER = dict(
    block_out_channels=(384, 768, 1536, 1536), attention_head_dim=(6, 12, 24, 24), cross_attention_dim=1280,
    use_linear_projection=True, transformer_layers_per_block=4, addition_embed_type="text_time",
    addition_time_embed_dim=256, projection_class_embeddings_input_dim=2560, in_channels=4,
    down_block_types=("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D", "DownBlock2D"),
    up_block_types=("UpBlock2D", "CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
)
# Pruned: SSD-1B's attention is of different depths in a level and has left the middle; small Stable Diffusion has lost a
# residual block of each level, and the middle.
SSD_1B = SDXL | dict(
    mid_block_type="UNetMidBlock2D", transformer_layers_per_block=(1, (2, 2), (4, 4)),
    reverse_transformer_layers_per_block=((4, 4, 10), (2, 1, 1), 1),
)
SMALL_SD = SD1 | dict(layers_per_block=1, mid_block_type=None)
# Vega is SSD-1B with less attention. KOALA has lost a residual block of each level of SDXL, and the smaller one the middle.
VEGA = SDXL | dict(mid_block_type="UNetMidBlock2D", transformer_layers_per_block=(1, 1, 2))
KOALA_1B = SDXL | dict(layers_per_block=1, transformer_layers_per_block=(1, 2, 6))
KOALA_700M = SDXL | dict(layers_per_block=1, transformer_layers_per_block=(1, 2, 5), mid_block_type=None)
# BK-SDM: the base one has lost the residual blocks, the small one the middle, too (as small Stable Diffusion), the tiny one
# also the lowest level.
BK_SDM_BASE = SD1 | dict(layers_per_block=1)
LOWEST_LEVEL_LOST = dict(
    block_out_channels=(320, 640, 1280), down_block_types=("CrossAttnDownBlock2D",) * 3, up_block_types=("CrossAttnUpBlock2D",) * 3,
)
BK_SDM_TINY = SMALL_SD | LOWEST_LEVEL_LOST
BK_SDM_V2_TINY = SD2 | LOWEST_LEVEL_LOST | dict(attention_head_dim=(5, 10, 20), layers_per_block=1, mid_block_type=None)
VAE = dict(
    block_out_channels=(128, 256, 512, 512), layers_per_block=2, latent_channels=4,
    down_block_types=("DownEncoderBlock2D",) * 4, up_block_types=("UpDecoderBlock2D",) * 4,
)
CLIP_L = dict(hidden_size=768, intermediate_size=3072, num_hidden_layers=12, num_attention_heads=12, projection_dim=768)
CLIP_H = dict(hidden_size=1024, intermediate_size=4096, num_hidden_layers=24, num_attention_heads=16, projection_dim=1024, hidden_act="gelu")
CLIP_G = dict(hidden_size=1280, intermediate_size=5120, num_hidden_layers=32, num_attention_heads=20, projection_dim=1280, hidden_act="gelu")

# (unet, [(prefix, text encoder, layout)], extra tensors that such files carry)
FAMILIES = {
    "sd15": (SD1, [("cond_stage_model.transformer.", CLIP_L, "transformers")], ["model_ema.decay", "betas", "alphas_cumprod"]),
    "sd15_inpainting": (SD1 | dict(in_channels=9), [("cond_stage_model.transformer.", CLIP_L, "transformers")], []),
    "sd15_lcm": (SD1 | dict(time_cond_proj_dim=256), [], []),
    "sd21": (SD2, [("cond_stage_model.model.", CLIP_H, "open_clip")], ["cond_stage_model.model.logit_scale"]),
    "sdxl": (
        SDXL,
        [("conditioner.embedders.0.transformer.", CLIP_L, "transformers"), ("conditioner.embedders.1.model.", CLIP_G, "open_clip")],
        ["denoiser.sigmas", "conditioner.embedders.1.model.logit_scale"],
    ),
    "ssd_1b": (SSD_1B, [], []),
    "small_sd": (SMALL_SD, [], []),
    "vega": (VEGA, [], []),
    "koala_700m": (KOALA_700M, [], []),
    "koala_1b": (KOALA_1B, [], []),
    "bk_sdm_base": (BK_SDM_BASE, [], []),
    "bk_sdm_tiny": (BK_SDM_TINY, [], []),
    "bk_sdm_v2_tiny": (BK_SDM_V2_TINY, [], []),
    "sdxl_refiner": (REFINER, [("conditioner.embedders.0.model.", CLIP_G, "open_clip")], []),
}

TINY_UNET = dict(
    block_out_channels=(32, 64), attention_head_dim=8, cross_attention_dim=32, in_channels=4, sample_size=8,
    down_block_types=("CrossAttnDownBlock2D", "DownBlock2D"), up_block_types=("UpBlock2D", "CrossAttnUpBlock2D"),
)
TINY_VAE = dict(
    block_out_channels=(32, 32, 32, 64), layers_per_block=2, latent_channels=4,
    down_block_types=("DownEncoderBlock2D",) * 4, up_block_types=("UpDecoderBlock2D",) * 4,
)
# Heads and activations as our engine reads them off such widths; see UnetConfig::from_shapes and ClipConfig::from_shapes.
TINY_CLIP = dict(hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=1, projection_dim=32)
TINY_CLIP_2 = dict(hidden_size=64, intermediate_size=128, num_hidden_layers=3, num_attention_heads=1, projection_dim=64)
TINY = {
    "tiny_sd1": (TINY_UNET, [("cond_stage_model.transformer.", TINY_CLIP, "transformers")], ["model_ema.decay"]),
    "tiny_sd1_inpainting": (TINY_UNET | dict(in_channels=9), [("cond_stage_model.transformer.", TINY_CLIP, "transformers")], []),
    "tiny_sd2": (
        TINY_UNET | dict(use_linear_projection=True, cross_attention_dim=64, attention_head_dim=(8, 1)),
        [("cond_stage_model.model.", TINY_CLIP_2, "open_clip")], ["v_pred"],
    ),
    "tiny_sdxl": (
        TINY_UNET | dict(
            use_linear_projection=True, cross_attention_dim=96, attention_head_dim=(8, 1), transformer_layers_per_block=(1, 2),
            addition_embed_type="text_time", addition_time_embed_dim=256, projection_class_embeddings_input_dim=64 + 6 * 256,
            down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"), up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
        ),
        [("conditioner.embedders.0.transformer.", TINY_CLIP, "transformers"), ("conditioner.embedders.1.model.", TINY_CLIP_2, "open_clip")], [],
    ),
    "tiny_ssd_1b": (
        TINY_UNET | dict(
            use_linear_projection=True, cross_attention_dim=96, attention_head_dim=(8, 1), mid_block_type="UNetMidBlock2D",
            transformer_layers_per_block=(1, (2, 1)), reverse_transformer_layers_per_block=((1, 2, 3), 1),
            addition_embed_type="text_time", addition_time_embed_dim=256, projection_class_embeddings_input_dim=64 + 6 * 256,
            down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"), up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
        ),
        [("conditioner.embedders.0.transformer.", TINY_CLIP, "transformers"), ("conditioner.embedders.1.model.", TINY_CLIP_2, "open_clip")], [],
    ),
    "tiny_small_sd": (
        TINY_UNET | dict(
            layers_per_block=1, mid_block_type=None, block_out_channels=(32, 32, 64),
            down_block_types=("CrossAttnDownBlock2D", "CrossAttnDownBlock2D", "DownBlock2D"),
            up_block_types=("UpBlock2D", "CrossAttnUpBlock2D", "CrossAttnUpBlock2D"),
        ),
        [("cond_stage_model.transformer.", TINY_CLIP, "transformers")], [],
    ),
    "tiny_pix2pix": (TINY_UNET | dict(in_channels=8), [("cond_stage_model.transformer.", TINY_CLIP, "transformers")], []),
    # As in the published one, the highest and the lowest level do not attend, but the middle below them does.
    "tiny_sdxl_refiner": (
        TINY_UNET | dict(
            block_out_channels=(32, 32, 64), attention_head_dim=(8, 8, 1), transformer_layers_per_block=2,
            use_linear_projection=True, cross_attention_dim=64,
            addition_embed_type="text_time", addition_time_embed_dim=256, projection_class_embeddings_input_dim=64 + 5 * 256,
            down_block_types=("DownBlock2D", "CrossAttnDownBlock2D", "DownBlock2D"), up_block_types=("UpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
        ),
        [("conditioner.embedders.0.model.", TINY_CLIP_2, "open_clip")], [],
    ),
}

# Pruned networks by themselves, as they are published to be put into another checkpoint's place.
TINY_SDXL_UNET, TINY_SD1_UNET = TINY["tiny_sdxl"][0], TINY["tiny_small_sd"][0]
THREE_LEVELS = dict(
    block_out_channels=(32, 32, 64), attention_head_dim=(8, 8, 1), transformer_layers_per_block=(1, 2, 3),
    down_block_types=SDXL["down_block_types"], up_block_types=SDXL["up_block_types"],
)
PRUNED = {
    "tiny_vega": TINY_SDXL_UNET | THREE_LEVELS | dict(mid_block_type="UNetMidBlock2D", transformer_layers_per_block=(1, 1, 2)),
    "tiny_koala_700m": TINY_SDXL_UNET | THREE_LEVELS | dict(layers_per_block=1, mid_block_type=None),
    "tiny_koala_1b": TINY_SDXL_UNET | THREE_LEVELS | dict(layers_per_block=1),
    "tiny_bk_sdm_base": TINY_SD1_UNET | dict(mid_block_type="UNetMidBlock2DCrossAttn"),
    "tiny_bk_sdm_tiny": TINY_SD1_UNET | dict(
        down_block_types=("CrossAttnDownBlock2D",) * 3, up_block_types=("CrossAttnUpBlock2D",) * 3,
    ),
}

RESNET = [
    ("norm1", "in_layers.0"), ("conv1", "in_layers.2"), ("time_emb_proj", "emb_layers.1"), ("norm2", "out_layers.0"),
    ("conv2", "out_layers.3"), ("conv_shortcut", "skip_connection"),
]


def resnet(rest):
    for ours, theirs in RESNET:
        if rest.startswith(ours + "."):
            return theirs + rest[len(ours):]
    raise AssertionError(rest)


def ldm_unet_name(name, layers, last_level_attends):
    """diffusers' name of a UNet's tensor -> ldm's."""
    whole = [
        ("time_embedding.linear_1", "time_embed.0"), ("time_embedding.linear_2", "time_embed.2"),
        ("time_embedding.cond_proj", "time_embed.cond_proj"),
        ("add_embedding.linear_1", "label_emb.0.0"), ("add_embedding.linear_2", "label_emb.0.2"),
        ("conv_in", "input_blocks.0.0"), ("conv_norm_out", "out.0"), ("conv_out", "out.2"),
    ]
    for ours, theirs in whole:
        if name.startswith(ours + "."):
            return theirs + name[len(ours):]
    if m := re.fullmatch(r"mid_block\.(resnets|attentions)\.(\d)\.(.*)", name):
        kind, i, rest = m.groups()
        return f"middle_block.1.{rest}" if kind == "attentions" else f"middle_block.{2 * int(i)}.{resnet(rest)}"
    m = re.fullmatch(r"(down|up)_blocks\.(\d)\.(resnets|attentions|downsamplers|upsamplers)\.(\d)\.(.*)", name)
    way, level, kind, i, rest = m[1], int(m[2]), m[3], int(m[4]), m[5]
    if way == "down":
        first = 1 + level * (layers + 1)
        if kind == "downsamplers":
            return f"input_blocks.{first + layers}.0.op{rest.removeprefix('conv')}"
        place = first + i
        return f"input_blocks.{place}.1.{rest}" if kind == "attentions" else f"input_blocks.{place}.0.{resnet(rest)}"
    first = level * (layers + 1)
    if kind == "upsamplers":
        return f"output_blocks.{first + layers}.{2 if last_level_attends[level] else 1}.{rest}"
    place = first + i
    return f"output_blocks.{place}.1.{rest}" if kind == "attentions" else f"output_blocks.{place}.0.{resnet(rest)}"


def ldm_vae_name(name, levels):
    """diffusers' name of an autoencoder's tensor -> ldm's."""
    name = name.replace("conv_shortcut", "nin_shortcut").replace("conv_norm_out", "norm_out")
    name = re.sub(r"mid_block\.resnets\.(\d)", lambda m: f"mid.block_{int(m[1]) + 1}", name)
    for ours, theirs in [("group_norm", "norm"), ("to_q", "q"), ("to_k", "k"), ("to_v", "v"), (r"to_out\.0", "proj_out")]:
        name = re.sub(rf"mid_block\.attentions\.0\.{ours}\.", f"mid.attn_1.{theirs}.", name)
    name = re.sub(r"encoder\.down_blocks\.(\d)\.resnets\.", r"encoder.down.\1.block.", name)
    name = re.sub(r"encoder\.down_blocks\.(\d)\.downsamplers\.0\.", r"encoder.down.\1.downsample.", name)
    up = lambda m: f"decoder.up.{levels - 1 - int(m[1])}."
    name = re.sub(r"decoder\.up_blocks\.(\d)\.", up, name)
    return name.replace(".resnets.", ".block.").replace(".upsamplers.0.", ".upsample.")


def open_clip(state):
    """transformers' tensors -> [(open_clip's name, ours joined by +, shape)]."""
    rows = []
    for name, tensor in state.items():
        short = name.removeprefix("text_model.")
        shape = tuple(tensor.shape)
        if m := re.fullmatch(r"(encoder\.layers\.(\d+)\.self_attn)\.q_proj\.(weight|bias)", short):
            path, layer, kind = m.groups()
            three = "+".join(f"text_model.{path}.{p}_proj.{kind}" for p in "qkv")
            rows.append((f"transformer.resblocks.{layer}.attn.in_proj_{kind}", three, (3 * shape[0],) + shape[1:]))
        elif re.search(r"\.[kv]_proj\.", short):
            pass
        elif short == "embeddings.position_embedding.weight":
            rows.append(("positional_embedding", name, shape))
        elif short == "text_projection.weight":
            rows.append(("text_projection", name, shape[::-1]))
        else:
            theirs = short
            for ours, other in [
                ("embeddings.token_embedding", "token_embedding"), ("final_layer_norm", "ln_final"), ("encoder.layers", "transformer.resblocks"),
                ("layer_norm1", "ln_1"), ("layer_norm2", "ln_2"), ("self_attn.out_proj", "attn.out_proj"), ("mlp.fc1", "mlp.c_fc"), ("mlp.fc2", "mlp.c_proj"),
            ]:
                theirs = theirs.replace(ours, other)
            rows.append((theirs, name, shape))
    return rows


def write(name, rows):
    text = "".join(f"{theirs} {ours} {'x'.join(map(str, shape)) or '-'}\n" for theirs, ours, shape in rows)
    with open(f"{OUTPUT}/{name}.txt.z", "wb") as file:
        file.write(zlib.compress(text.encode(), 9))


def fill(name, shape):
    """A tensor's numbers: splitmix64 from the FNV-1a hash of its name, as large as keeps activations near 1, in f16."""
    seed = 0xCBF29CE484222325
    for byte in name.encode():
        seed = (seed ^ byte) * 0x100000001B3 % 2**64
    with np.errstate(over="ignore"):
        z = np.uint64(seed) + np.arange(1, int(np.prod(shape)) + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        z = z ^ (z >> np.uint64(31))
    u = (z >> np.uint64(40)).astype(np.float32) / np.float32(2**23) - np.float32(1)
    if len(shape) > 1 and "embeddings." not in name:
        u = u * np.float32((3 / int(np.prod(shape[1:]))) ** 0.5)
    elif len(shape) == 1:
        u = u * np.float32(0.1) + np.float32(name.endswith("weight"))
    return torch.from_numpy(u.reshape(shape).astype(np.float16))


def text_state(model):
    """A text encoder's tensors in a file's names; the library leaves `text_model.` out."""
    named = model.state_dict().items()
    return {k if k.startswith(("text_projection", "text_model.")) else f"text_model.{k}": (k, v) for k, v in named}


def unet_numbers(family, config, is_refiner=False):
    """What a tiny denoising network computes, and of what."""
    out = {}
    noise = lambda label, *shape: fill(f"{family}.{label}", (*shape, 1)).reshape(shape).float()
    unet = UNet2DConditionModel(**config).eval()
    unet.load_state_dict({k: fill(k, v.shape).float() for k, v in unet.state_dict().items()})
    context = noise("context", 1, 77, config["cross_attention_dim"])
    sample = noise("sample", 1, config["in_channels"], 8, 8)
    added = {}
    if "addition_embed_type" in config:
        out["pooled"] = noise("pooled", 1, 64)
        # The refiner is told a score in place of the size wanted.
        last = [6.0] if is_refiner else [64.0, 64.0]
        added = dict(text_embeds=out["pooled"], time_ids=torch.tensor([[64.0, 64.0, 0.0, 0.0, *last]]))
    out |= dict(context=context, sample=sample)
    out["unet"] = unet(sample, 500, context, added_cond_kwargs=added).sample
    return out


def named(family, out):
    return {f"{family}.{name}": value.detach().contiguous() for name, value in out.items()}


def numbers(family, config, encoders):
    """What a tiny checkpoint computes."""
    out = unet_numbers(family, config, is_refiner="addition_embed_type" in config and len(encoders) == 1)
    vae = AutoencoderKL(**TINY_VAE).eval()
    vae.load_state_dict({k: fill(k, v.shape).float() for k, v in vae.state_dict().items()})
    out["vae"] = vae.decode(out["sample"][:, :4]).sample
    ids = torch.tensor([[49406, 320, 1125, 539, 320, 2368, 49407]])
    for i, (_, encoder, layout) in enumerate(encoders):
        kind = CLIPTextModelWithProjection if layout == "open_clip" else CLIPTextModel
        model = kind(CLIPTextConfig(vocab_size=49408, max_position_embeddings=77, eos_token_id=49407, **encoder)).eval()
        model.load_state_dict({k: fill(ours, v.shape).float() for ours, (k, v) in text_state(model).items()})
        answer = model(ids, output_hidden_states=True)
        out[f"text{i}"] = answer.hidden_states[-2]
        out[f"pooled{i}"] = answer.text_embeds if layout == "open_clip" else answer.pooler_output
    return named(family, out)


def unet_rows(family, config):
    """Every tensor of a denoising network: theirs, ours, shape."""
    with torch.device("meta"):
        unet = UNet2DConditionModel(**config)
    attends = [kind.startswith("Cross") for kind in unet.config.up_block_types]
    state = unet.state_dict()
    ldm = {ldm_unet_name(ours, unet.config.layers_per_block, attends): (ours, tensor) for ours, tensor in state.items()}
    assert len(ldm) == len(state)
    back = convert_ldm_unet_checkpoint(
        {f"model.diffusion_model.{k}": v for k, (_, v) in ldm.items() if "cond_proj" not in k}, dict(unet.config)
    )
    assert all(back[ours] is tensor for theirs, (ours, tensor) in ldm.items() if "cond_proj" not in theirs), family
    return [(f"model.diffusion_model.{theirs}", ours, tuple(t.shape)) for theirs, (ours, t) in ldm.items()]


def main():
    torch.set_num_threads(1)
    for family, (config, encoders, extras) in (FAMILIES | TINY).items():
        rows = unet_rows(family, config)
        with torch.device("meta"):
            vae = AutoencoderKL(**(TINY_VAE if family in TINY else VAE))
        state = vae.state_dict()
        theirs = {ldm_vae_name(ours, 4): (ours, tensor) for ours, tensor in state.items()}
        assert len(theirs) == len(state)
        back = convert_ldm_vae_checkpoint({f"first_stage_model.{k}": v for k, (_, v) in theirs.items()}, dict(vae.config))
        assert {k for k in back} == set(state), family
        # Attention is a 1x1 convolution in the single file.
        shape = lambda name, t: tuple(t.shape) + ((1, 1) if ".attn_1." in name and t.dim() == 2 else ())
        rows += [(f"first_stage_model.{name}", ours, shape(name, t)) for name, (ours, t) in theirs.items()]
        for prefix, encoder, layout in encoders:
            with torch.device("meta"):
                config = CLIPTextConfig(vocab_size=49408, max_position_embeddings=77, **encoder)
                model = CLIPTextModelWithProjection(config) if layout == "open_clip" else CLIPTextModel(config)
            text = {ours: tensor for ours, (_, tensor) in text_state(model).items()}
            if layout == "open_clip":
                rows += [(prefix + theirs, ours, shape) for theirs, ours, shape in open_clip(text)]
            else:
                rows += [(prefix + name, name, tuple(t.shape)) for name, t in text.items()]
                rows.append((f"{prefix}text_model.embeddings.position_ids", "-", (1, 77)))
        rows += [(extra, "-", ()) for extra in extras]
        write(family, rows)
    for family, config in PRUNED.items():
        write(family, unet_rows(family, config))
    with torch.no_grad():
        tiny = [numbers(family, config, encoders) for family, (config, encoders, _) in TINY.items()]
        pruned = [named(family, unet_numbers(family, config)) for family, config in PRUNED.items()]
    for file, all_of in [("tiny", tiny), ("pruned", pruned)]:
        save_file({name: value for one in all_of for name, value in one.items()}, f"{OUTPUT}/{file}.safetensors")


if __name__ == "__main__":
    main()
