"""Compose pictures and encode them once: the denoiser is trained on what this writes.

`python latents.py --cache CACHE --vae MODEL/vae --out WORK --n 44000` writes `latents.npy` (n, 4, 16, 16) float16, already times the scaling factor,
`small.npy` (n, 64, 64, 3) uint8, the same pictures for the classifier, and `records.json`. About 4 minutes on two cores.
"""
import argparse
import json
import os
os.environ.setdefault('OMP_NUM_THREADS', '1')
import random
import shutil

import numpy as np
import torch

import parallel
from compose import SIZE, Art, sample


def to_tensor(pictures):
    """uint8 (n, h, w, 3) -> -1…1 (n, 3, h, w), channels last."""
    x = torch.from_numpy(np.stack(pictures)).permute(0, 3, 1, 2)
    return x.float().div_(127.5).sub_(1).contiguous(memory_format=torch.channels_last)


def encode(vae, x):
    """The mean of the latents times the scaling factor, float32."""
    with torch.no_grad(), torch.autocast('cpu', torch.bfloat16):
        z = vae.quant_conv(vae.encoder(x)).float()[:, :4]
    return z * vae.config.scaling_factor


def load_vae(path):
    from diffusers import AutoencoderKL
    return AutoencoderKL.from_pretrained(path, torch_dtype=torch.float32).eval().to(memory_format=torch.channels_last)


def worker(rank, a, _key):
    torch.set_num_threads(1)
    art, vae = Art(a.cache), load_vae(a.vae)
    # Each picture of the art once as it is, then composed ones.
    mine = range(rank, a.n, a.procs)
    latents = np.empty((len(mine), 4, SIZE // 8, SIZE // 8), np.float16)
    small = np.empty((len(mine), SIZE // 2, SIZE // 2, 3), np.uint8)
    records = []
    for start in range(0, len(mine), 32):
        pictures = []
        for k in mine[start:start + 32]:
            im, rec = sample(art, random.Random(f'{a.seed} {k}'), k if k < len(art.rows) else None)
            pictures.append(im)
            records.append(rec)
        x = to_tensor(pictures)
        end = start + len(pictures)
        latents[start:end] = encode(vae, x).half().numpy()
        small[start:end] = np.stack(pictures).reshape(-1, SIZE // 2, 2, SIZE // 2, 2, 3).mean((2, 4)).round().astype(np.uint8)
        if rank == 0 and start % 1280 == 0:
            print(f'{start * a.procs} of {a.n}', flush=True)
    part = os.path.join(a.out, f'part{rank}')
    os.makedirs(part, exist_ok=True)
    np.save(os.path.join(part, 'latents.npy'), latents)
    np.save(os.path.join(part, 'small.npy'), small)
    json.dump(records, open(os.path.join(part, 'records.json'), 'w'))


def join(a):
    """The parts in the order of the pictures."""
    parts = [os.path.join(a.out, f'part{r}') for r in range(a.procs)]
    for name in ('latents.npy', 'small.npy'):
        loaded = [np.load(os.path.join(p, name)) for p in parts]
        whole = np.empty((a.n, *loaded[0].shape[1:]), loaded[0].dtype)
        for r, part in enumerate(loaded):
            whole[r::a.procs] = part
        np.save(os.path.join(a.out, name), whole)
    records = [None] * a.n
    for r, p in enumerate(parts):
        records[r::a.procs] = json.load(open(os.path.join(p, 'records.json')))
        shutil.rmtree(p)
    json.dump(records, open(os.path.join(a.out, 'records.json'), 'w'))
    z = np.load(os.path.join(a.out, 'latents.npy'), mmap_mode='r')[::7].astype(np.float32)
    print('latents', z.mean((0, 2, 3)).round(3), 'std', z.std((0, 2, 3)).round(3))


if __name__ == '__main__':
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument('--cache', required=True)
    p.add_argument('--vae', required=True)
    p.add_argument('--out', required=True)
    p.add_argument('--n', type=int, default=44000)
    p.add_argument('--seed', type=int, default=1)
    p.add_argument('--procs', type=int, default=2)
    a = p.parse_args()
    os.makedirs(a.out, exist_ok=True)
    parallel.run(worker, a, a.procs)
    join(a)
