"""Fits the colours of a latent for step previews: red, green, blue as a linear function of the channels.

  python tests/reference/latent_preview.py [MODEL_FOLDER]

Makes pictures with the model, shrinks each to its latent's size and solves for the matrix and the bias by
least squares. Writes latent_preview.json into the model's folder (default: the bundled model).
"""

import json
import sys
from pathlib import Path

import torch
from diffusers import StableDiffusionPipeline

PROMPTS = [
    "a cat", "a red dragon, 3d", "a blue car", "a pizza, flat", "a purple butterfly", "a smiling face with sunglasses",
    "a ghost on a black background", "a cat on a blue background, flat", "a fox on a green background",
    "a heart on a yellow background", "a penguin on a light blue background, 3d", "a mushroom on a pink background",
    "a tree on a beige background", "a sailing boat on a teal background", "a rocket on a navy background",
    "a strawberry on a white background",
]

folder = Path(sys.argv[1] if len(sys.argv) > 1 else "www/public/models/sprite")
torch.set_num_threads(1)
pipe = StableDiffusionPipeline.from_pretrained(folder, safety_checker=None, torch_dtype=torch.float32)
pipe.set_progress_bar_config(disable=True)
generator = torch.Generator().manual_seed(0)
with torch.no_grad():
    latents = pipe(PROMPTS, num_inference_steps=12, guidance_scale=5.0, height=128, width=128,
                   generator=generator, output_type="latent").images
    pictures = pipe.vae.decode(latents / pipe.vae.config.scaling_factor).sample.clamp(-1, 1)
small = torch.nn.functional.avg_pool2d(pictures, 8)
x = latents.permute(0, 2, 3, 1).reshape(-1, 4).double()
x = torch.cat([x, torch.ones(len(x), 1, dtype=torch.float64)], 1)
y = small.permute(0, 2, 3, 1).reshape(-1, 3).double()
solution = torch.linalg.lstsq(x, y).solution
error = (x @ solution - y).pow(2).mean().sqrt().item()
rounded = [[round(v, 4) for v in row] for row in solution.tolist()]
text = json.dumps({"matrix": rounded[:4], "bias": rounded[4]})
(folder / "latent_preview.json").write_text(text + "\n")
print(f"{text}\nroot mean square error {error:.3f} of 2")
