"""Writes tests/fixtures/checkpoints/pix2pix.safetensors: what diffusers' InstructPix2Pix pipeline makes of the tiny
checkpoint `tiny_pix2pix` of checkpoints.py, whose numbers follow from its tensors' names.

Run from the repository root: `python tests/reference/pix2pix.py`.
"""

import torch
from checkpoints import OUTPUT, TINY, TINY_CLIP, TINY_VAE, fill, text_state
from diffusers import AutoencoderKL, EulerDiscreteScheduler, StableDiffusionInstructPix2PixPipeline, UNet2DConditionModel
from safetensors.torch import save_file
from transformers import CLIPTextConfig, CLIPTextModel

PROMPT = [320, 1125, 539, 320, 2368]  # "a photo of a cat"
# As many steps as divide 999: at timesteps between whole numbers the one interpolates levels, the other their logarithms.
STEPS, SEED, TEXT, PICTURE = 4, 7, 5.0, 1.5


def filled(model):
    model.load_state_dict({k: fill(k, v.shape).float() for k, v in model.state_dict().items()})
    return model.eval()


@torch.no_grad()
def main():
    torch.set_num_threads(1)
    text = CLIPTextModel(CLIPTextConfig(vocab_size=49408, max_position_embeddings=77, eos_token_id=49407, **TINY_CLIP)).eval()
    text.load_state_dict({k: fill(ours, v.shape).float() for ours, (k, v) in text_state(text).items()})
    encode = lambda ids: text(torch.tensor([[49406, *ids, *[49407] * (76 - len(ids))]])).last_hidden_state
    vae = filled(AutoencoderKL(**TINY_VAE, scaling_factor=0.18215))
    unet = filled(UNet2DConditionModel(**TINY["tiny_pix2pix"][0]))
    scheduler = EulerDiscreteScheduler(
        beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", timestep_spacing="linspace",
    )
    pipeline = StableDiffusionInstructPix2PixPipeline(
        vae, None, None, unet, scheduler, None, None, requires_safety_checker=False,
    )
    pipeline.set_progress_bar_config(disable=True)
    y, x, c = torch.meshgrid(torch.arange(64), torch.arange(64), torch.arange(3), indexing="ij")
    picture = ((7 * x + 3 * y + 50 * c) % 256).permute(2, 0, 1)[None].float() / 255
    noise = torch.randn(1, 4, 8, 8, generator=torch.Generator().manual_seed(SEED))
    scheduler.set_timesteps(STEPS)
    top = scheduler.sigmas[0]
    latents = pipeline(
        prompt_embeds=encode(PROMPT), negative_prompt_embeds=encode([]), image=picture, num_inference_steps=STEPS,
        guidance_scale=TEXT, image_guidance_scale=PICTURE, output_type="latent",
        # The pipeline multiplies by the highest level; samplers here begin with that of noise added to a picture of 0.
        latents=noise * (1 + top**2).sqrt() / top,
    ).images
    save_file({"latent": (latents / 0.18215).contiguous()}, f"{OUTPUT}/pix2pix.safetensors")


if __name__ == "__main__":
    main()
