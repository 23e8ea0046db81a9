"""Draw pictures with a trained model: the teacher with guidance (DDIM, arXiv:2010.02502), the student without (LCM, arXiv:2310.04378)."""
import numpy as np
import torch

from denoiser import alphas_cumprod


def trailing(steps):
    """Timesteps from 999 down, the first always the noisiest."""
    return [round(1000 - 1000 / steps * k) - 1 for k in range(steps)]


def tokens(tokenizer, words):
    return tokenizer(words, padding='max_length', max_length=77, truncation=True, return_tensors='pt').input_ids


def noise_of(seed, shape):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


@torch.no_grad()
def latents(unet, text, tokenizer, words, seeds, steps, cfg):
    """-> (n, 4, 16, 16), scaled. `cfg` of 1 is the student's way: no negative prompt, and new noise after each step."""
    n = len(words)
    ac = alphas_cumprod()
    hidden = text(tokens(tokenizer, list(words))).last_hidden_state
    if cfg > 1:
        hidden = torch.cat([text(tokens(tokenizer, ['']))[0].expand(n, -1, -1), hidden])
    generators = [torch.Generator().manual_seed(s) for s in seeds]
    draw = lambda: torch.stack([torch.randn(4, 16, 16, generator=g) for g in generators])
    x = draw()
    times = trailing(steps)
    for t, after in zip(times, [*times[1:], None]):
        inputs = (torch.cat([x, x]) if cfg > 1 else x).contiguous(memory_format=torch.channels_last)
        v = unet(inputs, t, hidden).sample.float()
        if cfg > 1:
            v = v[:n] + cfg * (v[n:] - v[:n])
        signal, spread = ac[t].sqrt(), (1 - ac[t]).sqrt()
        clean = signal * x - spread * v
        if after is None:
            return clean
        other = spread * x + signal * v if cfg > 1 else draw()
        x = ac[after].sqrt() * clean + (1 - ac[after]).sqrt() * other


@torch.no_grad()
def pictures(unet, text, tokenizer, vae, words, seeds, steps, cfg, batch=25):
    """-> (n, 3, 128, 128) in -1…1, float32."""
    out = []
    for k in range(0, len(words), batch):
        z = latents(unet, text, tokenizer, words[k:k + batch], seeds[k:k + batch], steps, cfg)
        out.append(vae.decode((z / vae.config.scaling_factor).contiguous(memory_format=torch.channels_last)).sample.float().clamp(-1, 1))
    return torch.cat(out)


def grid(images, words, path, columns=10):
    """Pictures with their prompts under them, for the eye."""
    from PIL import Image, ImageDraw
    rows = -(-len(images) // columns)
    g = Image.new('RGB', (columns * 136, rows * 154), 'white')
    d = ImageDraw.Draw(g)
    for k, (im, text) in enumerate(zip(images, words)):
        x, y = k % columns * 136 + 4, k // columns * 154 + 2
        g.paste(Image.fromarray(((im.permute(1, 2, 0).numpy() + 1) * 127.5 + 0.5).astype(np.uint8)), (x, y))
        d.text((x, y + 129), text[:22], fill='black')
        d.text((x, y + 140), text[22:44], fill='black')
    g.save(path)
