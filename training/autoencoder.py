"""Train the small AutoencoderKL: eight times smaller, four latent channels.

  python autoencoder.py --cache CACHE --out WORK --samples 90000 [--init MODEL/vae]

Most of it on crops of 64×64, a fourth of the cost; the last quarter on whole pictures. At the end the latents' mean and spread are folded into the
outermost 1×1 convolutions, so that SD 1.x's scaling factor is right for it. Goes on from WORK/autoencoder.pt; writes WORK/vae in diffusers' layout.
"""
import argparse
import math
import os
os.environ.setdefault('OMP_NUM_THREADS', '1')
import random
import time
import zlib

import numpy as np
import torch
from torch.nn import functional as F

import parallel
from compose import SIZE, Art, sample
from latents import to_tensor

SCALING = 0.18215
CONFIG = dict(in_channels=3, out_channels=3, down_block_types=('DownEncoderBlock2D',) * 4, up_block_types=('UpDecoderBlock2D',) * 4,
              block_out_channels=(16, 32, 64, 96), layers_per_block=1, latent_channels=4, norm_num_groups=8, sample_size=SIZE)


def make_vae(init=None):
    from diffusers import AutoencoderKL
    return AutoencoderKL.from_pretrained(init, torch_dtype=torch.float32) if init else AutoencoderKL(**CONFIG)


def held_out(noun):
    """4 % of the nouns: the autoencoder never sees their art alone on white, by which it is measured."""
    return zlib.crc32(noun.encode()) % 25 == 7


def crop(im, size, rng):
    """A part with something in it, if one is found soon."""
    for _ in range(4):
        x, y = rng.randint(0, SIZE - size), rng.randint(0, SIZE - size)
        part = im[y:y + size, x:x + size]
        if part[::4, ::4].std((0, 1)).max() > 12:
            break
    return part


def batch(art, rng, n, size):
    """n pictures; of crops, two of each composed picture. Mirrored and with exchanged colours at times: shapes are what matters."""
    out = []
    while len(out) < n:
        im, rec = sample(art, rng)
        if any(held_out(s['noun']) for s in rec['subjects']):
            continue
        if rng.random() < 0.5:
            im = im[:, ::-1]
        if rng.random() < 0.25:
            im = im[..., rng.choice([(0, 2, 1), (1, 0, 2), (1, 2, 0), (2, 0, 1), (2, 1, 0)])]
        out += [im] if size == SIZE else [crop(im, size, rng), crop(im, size, rng)]
    return to_tensor(out[:n])


def slopes(x):
    return x[..., :, 1:] - x[..., :, :-1], x[..., 1:, :] - x[..., :-1, :]


def distance(out, x):
    """L1, a little L2, and the slopes' L1 at three scales: an edge term in the place of a learnt perceptual net."""
    total = (out - x).abs().mean() + 0.5 * (out - x).pow(2).mean()
    for weight in (0.5, 0.5, 0.35):
        total = total + weight * sum((p - q).abs().mean() for p, q in zip(slopes(out), slopes(x)))
        out, x = F.avg_pool2d(out, 2), F.avg_pool2d(x, 2)
    return total


def psnr(out, x):
    return float((10 * torch.log10(4 / (out.clamp(-1, 1) - x).pow(2).mean((1, 2, 3)).clamp_min(1e-8))).mean())


@torch.no_grad()
def measure(vae, art, most=96):
    """-> PSNR in dB on art of nouns it never saw."""
    rows = [i for i, r in enumerate(art.rows) if held_out(r['noun'])][:most]
    x = to_tensor([sample(art, random.Random(0), i)[0] for i in rows])
    return psnr(torch.cat([vae.decode(vae.encode(part).latent_dist.mean).sample for part in x.split(16)]), x), len(rows)


@torch.no_grad()
def fold(vae, art, n=1024):
    """Make each latent channel of mean 0 and spread 1 / SCALING, by quant_conv and post_quant_conv alone."""
    rng = random.Random(5)
    z = torch.cat([vae.quant_conv(vae.encoder(batch(art, rng, 32, SIZE)))[:, :4] for _ in range(n // 32)])
    mean, gain = z.mean((0, 2, 3)), 1 / (z.std((0, 2, 3)) * SCALING)
    into, out = vae.quant_conv, vae.post_quant_conv
    into.weight[:4] *= gain.view(4, 1, 1, 1)
    into.bias[:4] = (into.bias[:4] - mean) * gain
    into.bias[4:] += 2 * gain.log()
    out.bias += (out.weight[:, :, 0, 0] * mean.view(1, 4)).sum(1)
    out.weight /= gain.view(1, 4, 1, 1)
    vae.register_to_config(scaling_factor=SCALING)


def worker(rank, a, key):
    torch.set_num_threads(1)
    torch.manual_seed(a.seed)
    vae = make_vae(a.init).to(memory_format=torch.channels_last)
    params = list(vae.parameters())
    ema = [p.detach().clone() for p in params]
    opt = torch.optim.AdamW(params, lr=a.lr, betas=(0.9, 0.98), weight_decay=1e-4, fused=True)
    seen, checkpoint = 0, os.path.join(a.out, 'autoencoder.pt')
    if os.path.exists(checkpoint):
        s = torch.load(checkpoint, weights_only=True)
        for p, q in zip(params, s['params'], strict=True):
            p.data.copy_(q)
        ema, seen = s['ema'], s['seen']
        opt.load_state_dict(s['opt'])
    group = parallel.Group(rank, a.procs, key, sum(p.numel() for p in params))
    art, rng = Art(a.cache), random.Random(a.seed + seen * a.procs + rank)
    torch.manual_seed(a.seed + seen * a.procs + rank)
    begun, saved, started = time.time(), time.time(), seen
    while seen < a.samples:
        # A whole picture counts as the four crops it costs.
        size, n = (64, a.batch) if seen < 0.75 * a.samples else (SIZE, a.batch // 4)
        for g in opt.param_groups:
            g['lr'] = a.lr * min(1, (seen - started + 1) / (150 * a.batch * a.procs)) * (0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * seen / a.samples)))
        x = batch(art, rng, n, size)
        with torch.autocast('cpu', torch.bfloat16):
            mean, logvar = vae.quant_conv(vae.encoder(x)).float().chunk(2, 1)
            logvar = logvar.clamp(-30, 20)
            out = vae.decoder(vae.post_quant_conv(mean + torch.randn_like(mean) * (0.5 * logvar).exp())).float()
        spread = 0.5 * (mean.pow(2) + logvar.exp() - 1 - logvar).sum((1, 2, 3)).mean() / (size * size)
        loss = distance(out, x) + a.kl * 1024 * spread
        opt.zero_grad(set_to_none=True)
        loss.backward()
        group.average(params)
        torch.nn.utils.clip_grad_norm_(params, 1.0)
        opt.step()
        seen += a.batch * a.procs
        step = (seen - started) // (a.batch * a.procs)
        with torch.no_grad():
            averaged = seen // (a.batch * a.procs)
            torch._foreach_lerp_(ema, params, 1 - min(0.998, (1 + averaged) / (10 + averaged)))
        if rank == 0 and step % 50 == 0:
            print(f'{seen} of {a.samples}: PSNR {psnr(out.detach(), x):.2f}, {(seen - started) / (time.time() - begun):.1f} a second', flush=True)
        if rank == 0 and (time.time() - saved > 240 or seen >= a.samples):
            saved = time.time()
            torch.save(dict(params=[p.data for p in params], ema=ema, opt=opt.state_dict(), seen=seen), checkpoint + '.part')
            os.replace(checkpoint + '.part', checkpoint)
    if rank == 0:
        for p, q in zip(params, ema):
            p.data.copy_(q)
        vae.eval()
        fold(vae, art)
        if any(held_out(n.name) for n in art.nouns):          # a small part of the world may have none
            print('PSNR %.2f dB on %d pictures of nouns it never saw' % measure(vae, art))
        vae.save_pretrained(os.path.join(a.out, 'vae'))


if __name__ == '__main__':
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument('--cache', required=True)
    p.add_argument('--out', required=True)
    p.add_argument('--init')
    p.add_argument('--samples', type=int, default=90_000, help='crops; a whole picture counts as four')
    p.add_argument('--batch', type=int, default=16, help='crops of each process')
    p.add_argument('--lr', type=float, default=1.5e-3)
    p.add_argument('--kl', type=float, default=4e-6)
    p.add_argument('--seed', type=int, default=7)
    p.add_argument('--procs', type=int, default=2)
    a = p.parse_args()
    os.makedirs(a.out, exist_ok=True)
    parallel.run(worker, a, a.procs)
