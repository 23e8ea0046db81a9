"""Coach a model: what a judge of latents says of the pictures it draws is followed backwards into a LoRA.

  python coach.py --cache CACHE --work WORK --model MODEL --lora lcm.safetensors --out lcm.safetensors                    # the student
  python coach.py --cache CACHE --work WORK --model MODEL --steps 10 --cfg 5 --out teacher.safetensors                    # the teacher

The student's four steps are followed all the way (DRaFT, arXiv:2309.17400). Of the teacher's, with guidance, one at random has a gradient, which reaches it
along the solver's own sums and not through the networks in between (DRTune, arXiv:2405.00760): `export.py merge` adds what it learnt to its weights.
The coach is WORK/coach.pt (`classifier.py --latents`), which shares neither pictures' pixels nor weights with the judge of the score. `--hold` keeps the
model near what it was: the squared distance of a clean latent, after one step at random, from that of the model as it came.
"""
import argparse
import copy
import os
os.environ.setdefault('OMP_NUM_THREADS', '1')
import random
import time

import numpy as np
import torch

import classifier
import denoiser
import norms
import parallel
from compose import Art
from denoiser import Captions, alphas_cumprod
from drawing import tokens, trailing
from student import add_lora, read, write


def worker(rank, a, key):
    from diffusers.models.attention_processor import AttnProcessor
    torch.set_num_threads(1)
    norms.quicken()
    records = denoiser.data(a.work)[1]
    unet, text = denoiser.load(a.model)
    unet.set_attn_processor(AttnProcessor())
    pupil, text = unet.to(memory_format=torch.channels_last).requires_grad_(False), text.requires_grad_(False)
    lows = add_lora(pupil, a.rank)
    if a.lora:
        read(lows, a.lora)
    before = copy.deepcopy(pupil).requires_grad_(False)
    coach, names = classifier.load(os.path.join(a.work, 'coach.pt'))
    coach.requires_grad_(False)
    places = {n: i for i, n in enumerate(names)}
    params = [p for p in pupil.parameters() if p.requires_grad]
    average = [p.detach().clone() for p in params]
    group = parallel.Group(rank, a.procs, key, sum(p.numel() for p in params))
    torch.manual_seed(a.seed + rank)
    rng = random.Random(a.seed + rank)
    captions = Captions(argparse.Namespace(**vars(a), drop=0.0), rng)
    opt = torch.optim.AdamW(params, lr=a.lr, betas=(0.9, 0.99), weight_decay=0.0)
    ac = alphas_cumprod()
    times, guided = trailing(a.steps), a.cfg > 1
    empty = text(tokens(captions.tokenizer, [''])).last_hidden_state.expand(a.batch, -1, -1)
    run_pupil, run_before, run_coach = (torch.compile(m, dynamic=False) if a.compile else m for m in (pupil, before, coach))
    # Composed pictures only: as the art was drawn, on white, is what it shows already.
    mine = range(len(Art(a.cache).rows) + rank, len(records), a.procs)

    def velocity(run, x, t, hidden):
        x, t = (torch.cat([x, x]), torch.cat([t, t])) if guided else (x, t)
        with torch.autocast('cpu', torch.bfloat16):
            v = run(x.contiguous(memory_format=torch.channels_last), t, hidden).sample.float()
        return v[:a.batch] + a.cfg * (v[a.batch:] - v[:a.batch]) if guided else v

    seen, per_step, begun, losses = 0, a.batch * a.procs, time.time(), []
    while seen < a.samples:
        for g in opt.param_groups:
            g['lr'] = a.lr * min(1, (seen + per_step) / (20 * per_step)) * max(0.05, 1 - seen / a.samples)
        picks = [records[i] for i in rng.sample(mine, a.batch)]
        hidden = text(captions.ids(picks)).last_hidden_state
        if guided:
            hidden = torch.cat([empty, hidden])
        x, compared = torch.randn(a.batch, 4, 16, 16), rng.randrange(len(times))
        for i, (t, after) in enumerate(zip(times, [*times[1:], None])):
            t = torch.full((a.batch,), t)
            signal, spread = ac[t[0]].sqrt(), (1 - ac[t[0]]).sqrt()
            with torch.set_grad_enabled(i == compared or not guided):
                v = velocity(run_pupil, x.detach() if guided else x, t, hidden)
            if i == compared:
                with torch.no_grad():
                    was = velocity(run_before, x, t, hidden)
                held = (spread * (v - was)).pow(2).mean()
            clean, other = signal * x - spread * v, spread * x + signal * v if guided else torch.randn_like(x)
            x = clean if after is None else ac[after].sqrt() * clean + (1 - ac[after]).sqrt() * other
        noisy = x + torch.randn_like(x) * torch.rand(len(x), 1, 1, 1) * 0.3      # so that no pattern below the noise pays
        said = classifier.loss_of(run_coach(noisy.contiguous(memory_format=torch.channels_last)), *classifier.targets(picks, places), a.heads)
        loss = said + a.hold * held
        opt.zero_grad(set_to_none=True)
        loss.backward()
        group.average(params)
        torch.nn.utils.clip_grad_norm_(params, 1.0)
        opt.step()
        with torch.no_grad():
            torch._foreach_lerp_(average, params, 0.05)
        seen += per_step
        losses.append((said.item(), held.item()))
        if rank == 0 and seen // per_step % 10 == 0:
            said, held = np.mean(losses[-10:], 0)
            print(f'{seen} of {a.samples}: coach {said:.3f}, held {held:.4f}, {seen / (time.time() - begun):.1f} a second', flush=True)
    if rank == 0:
        for p, q in zip(params, average, strict=True):
            p.data.copy_(q)
        write(lows, a.out)


if __name__ == '__main__':
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument('--cache', required=True)
    p.add_argument('--work', required=True)
    p.add_argument('--model', required=True, help='the teacher, in diffusers\' layout')
    p.add_argument('--lora', help='the student as it is')
    p.add_argument('--out', required=True)
    p.add_argument('--samples', type=int, default=8_000)
    p.add_argument('--batch', type=int, default=16, help='of each process')
    p.add_argument('--rank', type=int, default=8)
    p.add_argument('--steps', type=int, default=4)
    p.add_argument('--cfg', type=float, default=1.0, help='guidance: above 1 the teacher\'s way of drawing, else the student\'s')
    p.add_argument('--lr', type=float, default=3e-4)
    p.add_argument('--heads', type=float, default=0.6, help='weight of style, background, colour and count against that of the nouns')
    p.add_argument('--hold', type=float, default=3.0)
    p.add_argument('--seed', type=int, default=11)
    p.add_argument('--procs', type=int, default=2)
    p.add_argument('--compile', type=int, default=1)
    a = p.parse_args()
    a.tokenizer = os.path.join(a.model, 'tokenizer')
    parallel.run(worker, a, a.procs)
