"""Distil guidance and steps into a LoRA: four steps without guidance that look like twenty with (LCM-LoRA, arXiv:2311.05556).

  python student.py --cache CACHE --work WORK --model MODEL --out lcm.safetensors --samples 60000

The student predicts the clean latent at t; its target is what a copy of it (EMA) predicts one teacher step (DDIM with guidance) further. With
v-prediction the clean latent is the input itself where there is no noise, so that no skip weights are needed and any LCM sampler runs it. Written
with kohya's names, which ComfyUI and diffusers load.
"""
import argparse
import copy
import os
os.environ.setdefault('OMP_NUM_THREADS', '1')
import random
import time

import numpy as np
import torch
from torch import nn

import denoiser
import norms
import parallel
from denoiser import Captions, alphas_cumprod


class Low(nn.Module):
    """`base` + up · down · alpha / rank, for a linear layer or a convolution; `base` is not trained."""

    def __init__(self, base, rank):
        super().__init__()
        self.base = base
        if isinstance(base, nn.Conv2d):
            self.down = nn.Conv2d(base.in_channels, rank, base.kernel_size, base.stride, base.padding, bias=False)
            self.up = nn.Conv2d(rank, base.out_channels, 1, bias=False)
        else:
            self.down, self.up = nn.Linear(base.in_features, rank, bias=False), nn.Linear(rank, base.out_features, bias=False)
        nn.init.normal_(self.down.weight, std=1 / rank)
        nn.init.zeros_(self.up.weight)

    def forward(self, x, *_):
        return self.base(x) + self.up(self.down(x))


def add_lora(unet, rank):
    """Put a Low about every linear layer and convolution but the outermost ones. -> {module name: Low}."""
    unet.requires_grad_(False)
    lows = {}
    for name, m in list(unet.named_modules()):
        if isinstance(m, (nn.Linear, nn.Conv2d)) and name not in ('conv_in', 'conv_out'):
            low = Low(m, rank)
            parent, _, leaf = name.rpartition('.')
            holder = unet.get_submodule(parent)
            if isinstance(holder, (nn.ModuleList, nn.Sequential)):
                holder[int(leaf)] = low
            else:
                setattr(holder, leaf, low)
            lows[name] = low
    return lows


def write(lows, path):
    """kohya's file: `lora_unet_NAME.{lora_down,lora_up}.weight` and `.alpha`, float16."""
    from safetensors.torch import save_file
    tensors = {}
    for name, low in lows.items():
        key = 'lora_unet_' + name.replace('.', '_')
        tensors[key + '.lora_down.weight'] = low.down.weight.detach().half().contiguous()
        tensors[key + '.lora_up.weight'] = low.up.weight.detach().half().contiguous()
        tensors[key + '.alpha'] = torch.tensor(float(low.down.weight.shape[0])).half()
    save_file(tensors, path, metadata=dict(format='pt', ss_network_module='networks.lora'))


def read(lows, path):
    """The numbers of a file of `write` into {module name: Low} of the same rank."""
    from safetensors.torch import load_file
    tensors = load_file(path)
    for name, low in lows.items():
        key = 'lora_unet_' + name.replace('.', '_')
        low.down.weight.data.copy_(tensors[key + '.lora_down.weight'])
        low.up.weight.data.copy_(tensors[key + '.lora_up.weight'])


def merge(unet, path):
    """Add a file of `write` to the weights of a UNet."""
    from safetensors.torch import load_file
    tensors = load_file(path)
    names = {'lora_unet_' + n.replace('.', '_'): m for n, m in unet.named_modules()}
    for key in (k[:-len('.alpha')] for k in tensors if k.endswith('.alpha')):
        up, down = tensors[key + '.lora_up.weight'].float(), tensors[key + '.lora_down.weight'].float()
        m = names[key]
        m.weight.data += (up.flatten(1) @ down.flatten(1)).view_as(m.weight) * (tensors[key + '.alpha'].float() / down.shape[0])


def worker(rank, a, key):
    from diffusers.models.attention_processor import AttnProcessor
    torch.set_num_threads(1)
    norms.quicken()
    torch.manual_seed(a.seed)
    latents, records = denoiser.data(a.work)
    teacher, text = denoiser.load(a.model)
    teacher.set_attn_processor(AttnProcessor())
    teacher, text = teacher.to(memory_format=torch.channels_last).requires_grad_(False), text.requires_grad_(False)
    student = copy.deepcopy(teacher)
    lows = add_lora(student, a.rank)
    if a.init:
        read(lows, a.init)
    target = copy.deepcopy(student)
    wanted = {n for n, p in student.named_parameters() if p.requires_grad}
    followers = [p for n, p in target.named_parameters() if n in wanted]
    params = [p for n, p in student.named_parameters() if n in wanted]
    group = parallel.Group(rank, a.procs, key, sum(p.numel() for p in params))
    torch.manual_seed(a.seed + 1 + rank)
    rng = random.Random(a.seed + rank)
    captions = Captions(argparse.Namespace(**vars(a), drop=0.0), rng)
    opt = torch.optim.AdamW(params, lr=a.lr, betas=(0.9, 0.99), weight_decay=0.0)
    ac = alphas_cumprod()
    hop = 1000 // a.grid
    empty = text(captions.tokenizer([''], padding='max_length', max_length=77, truncation=True, return_tensors='pt').input_ids).last_hidden_state
    coefficients = lambda t: (ac[t].sqrt().view(-1, 1, 1, 1), (1 - ac[t]).sqrt().view(-1, 1, 1, 1))
    run_student, run_target, run_teacher = (torch.compile(m, dynamic=False) if a.compile else m for m in (student, target, teacher))
    seen, per_step, begun, losses, order = 0, a.batch * a.procs, time.time(), [], []
    while seen < a.samples:
        for g in opt.param_groups:
            g['lr'] = a.lr * min(1, (seen + per_step) / (30 * per_step)) * max(0.02, 1 - seen / a.samples)
        if len(order) < a.batch:
            order = list(range(rank, len(latents), a.procs))
            rng.shuffle(order)
        picks, order = order[:a.batch], order[a.batch:]
        n = len(picks)
        x = latents[picks].float()
        # The grid of the teacher's steps; its last step ends at the picture itself.
        step = ((torch.arange(n) + torch.rand(n)) / n * a.grid).long().clamp_(0, a.grid - 1)[torch.randperm(n)]
        t, before = (step + 1) * hop - 1, (step * hop - 1).clamp(min=0)
        (signal, spread), (signal2, spread2) = coefficients(t), coefficients(before)
        noisy = (signal * x + spread * torch.randn_like(x)).contiguous(memory_format=torch.channels_last)
        with torch.no_grad(), torch.autocast('cpu', torch.bfloat16):
            hidden = text(captions.ids([records[i] for i in picks])).last_hidden_state
            v = run_teacher(torch.cat([noisy, noisy]), torch.cat([t, t]), torch.cat([empty.expand(n, -1, -1).to(hidden.dtype), hidden])).sample.float()
            v = v[:n] + a.cfg * (v[n:] - v[:n])
            clean, eps = signal * noisy - spread * v, spread * noisy + signal * v
            nearer = (signal2 * clean + spread2 * eps).contiguous(memory_format=torch.channels_last)
            goal = signal2 * nearer - spread2 * run_target(nearer, before, hidden).sample.float()
            goal = torch.where((step == 0).view(-1, 1, 1, 1), clean, goal)
        with torch.autocast('cpu', torch.bfloat16):
            v = run_student(noisy, t, hidden).sample.float()
        # Pseudo-Huber (arXiv:2310.14189): few far-off latents must not rule the batch.
        d = signal * noisy - spread * v - goal
        loss = ((d * d + a.huber ** 2).sqrt() - a.huber).mean()
        opt.zero_grad(set_to_none=True)
        loss.backward()
        group.average(params)
        torch.nn.utils.clip_grad_norm_(params, 1.0)
        opt.step()
        with torch.no_grad():
            torch._foreach_lerp_(followers, params, 1 - a.ema)
        seen += per_step
        losses.append(float(loss.detach()))
        if rank == 0 and seen // per_step % 25 == 0:
            print(f'{seen} of {a.samples}: loss {np.mean(losses[-25:]):.4f}, {seen / (time.time() - begun):.1f} a second', flush=True)
            write({n: target.get_submodule(n) for n in lows}, a.out)
    if rank == 0:
        write({n: target.get_submodule(n) for n in lows}, a.out)
        print('bytes', os.path.getsize(a.out))


if __name__ == '__main__':
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument('--cache', required=True)
    p.add_argument('--work', required=True)
    p.add_argument('--model', required=True, help='the teacher, in diffusers\' layout')
    p.add_argument('--out', required=True)
    p.add_argument('--init', help='a student of the same rank to begin with')
    p.add_argument('--samples', type=int, default=60_000)
    p.add_argument('--batch', type=int, default=32, help='of each process')
    p.add_argument('--rank', type=int, default=8)
    p.add_argument('--grid', type=int, default=40, help='steps of the teacher')
    p.add_argument('--cfg', type=float, default=5.0)
    p.add_argument('--lr', type=float, default=1e-3)
    p.add_argument('--ema', type=float, default=0.95)
    p.add_argument('--huber', type=float, default=0.03)
    p.add_argument('--seed', type=int, default=7)
    p.add_argument('--procs', type=int, default=2)
    p.add_argument('--compile', type=int, default=1)
    a = p.parse_args()
    a.tokenizer = os.path.join(a.model, 'tokenizer')
    parallel.run(worker, a, a.procs)
