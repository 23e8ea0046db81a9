"""The judge: a small residual network that says which nouns, style, background, colour and count a picture shows.

`python classifier.py --cache CACHE --work WORK --samples 400000` trains it on `small.npy` and writes WORK/classifier.pt; 4 % of the pictures are held
back and its accuracy on them is printed, for a score is worth no more than its judge. It sees pictures of 64×64, some blurred as the autoencoder
blurs, some reduced and enlarged.

With `--latents` it is trained on `latents.npy` instead and written to WORK/coach.pt: that one the student learns from (`coach.py`), so that who
teaches is not who marks.
"""
import argparse
import json
import os
os.environ.setdefault('OMP_NUM_THREADS', '1')
import random
import time

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

import parallel
from colour import COLOURS
from compose import STYLES, TONES, Art
from scenes import SCENES

BACKGROUNDS = (*COLOURS, *SCENES, 'gradient')
COLOUR_NAMES = (*TONES, 'own')
HEADS = {'style': len(STYLES), 'background': len(BACKGROUNDS), 'colour': len(COLOUR_NAMES), 'count': 3}
HELD = 25


class Block(nn.Module):
    def __init__(self, a, b, stride):
        super().__init__()
        self.conv1, self.norm1 = nn.Conv2d(a, b, 3, stride, 1, bias=False), nn.BatchNorm2d(b)
        self.conv2, self.norm2 = nn.Conv2d(b, b, 3, 1, 1, bias=False), nn.BatchNorm2d(b)
        self.skip = nn.Conv2d(a, b, 1, stride, bias=False) if stride > 1 or a != b else nn.Identity()

    def forward(self, x):
        return F.relu(self.skip(x) + self.norm2(self.conv2(F.relu(self.norm1(self.conv1(x))))))


class Judge(nn.Module):
    """Pictures (n, 3, 64, 64) in -1…1, or latents (n, 4, 16, 16) -> dict of logits: `nouns` and those of HEADS."""

    def __init__(self, nouns, latents=False):
        super().__init__()
        self.stem = nn.Conv2d(4, 32, 3, 1, 1) if latents else nn.Conv2d(3, 32, 3, 2, 1)
        self.blocks = nn.Sequential(Block(32, 48, 1), Block(48, 96, 2), Block(96, 96, 1), Block(96, 192, 2), Block(192, 192, 1), Block(192, 320, 2))
        self.heads = nn.ModuleDict({'nouns': nn.Linear(320, nouns), **{k: nn.Linear(320, n) for k, n in HEADS.items()}})

    def forward(self, x):
        h = self.blocks(F.relu(self.stem(x))).mean((2, 3))
        return {k: head(h) for k, head in self.heads.items()}


def targets(records, names):
    """Class numbers of records. `nouns` is a row of shares: two subjects have a half each; plain shapes have none."""
    nouns = torch.zeros(len(records), len(names))
    out = {k: torch.zeros(len(records), dtype=torch.long) for k in HEADS}
    for i, r in enumerate(records):
        for s in r['subjects']:
            if s['noun'] in names:
                nouns[i, names[s['noun']]] = 1 / len(r['subjects'])
        kind = r['bg'][0]
        out['style'][i] = list(STYLES).index(r['style'])
        out['background'][i] = BACKGROUNDS.index('gradient' if kind == 'gradient' else r['bg'][1])
        out['colour'][i] = COLOUR_NAMES.index(r['subjects'][0]['colour'] or 'own')
        out['count'][i] = r['count'] - 1
    # A pair counts as one of each; which of the two was recoloured cannot be told apart from the first.
    paired = torch.tensor([len(r['subjects']) > 1 for r in records])
    out['colour'][paired] = -100
    out['count'][paired] = -100
    return nouns, out


def held(art, n):
    """Which of n pictures the judge is not trained on. The art itself (the first) is: what is asked is whether a composition is read aright."""
    return [i for i in range(art, n) if i % HELD == 0]


def varied(x):
    """Shift and soften at random, so that a picture off the training grid is judged too."""
    n = len(x)
    if random.random() < 0.5:
        size = random.choice((32, 40, 48))
        x = F.interpolate(F.interpolate(x, size=(size, size), mode='area'), size=(64, 64), mode='bilinear')
    shift = torch.randint(-3, 4, (2,))
    x = F.pad(x, (3, 3, 3, 3), mode='replicate')[:, :, 3 + shift[0]:67 + shift[0], 3 + shift[1]:67 + shift[1]]
    return (x + torch.randn(n, 3, 1, 1) * 0.03 + torch.randn_like(x) * 0.03).contiguous(memory_format=torch.channels_last)


def varied_latents(x):
    """Shift by at most one position, and add as much noise as a picture may have that was drawn in few steps."""
    shift = torch.randint(0, 3, (2,))
    x = F.pad(x, (1, 1, 1, 1), mode='replicate')[:, :, shift[0]:shift[0] + 16, shift[1]:shift[1] + 16]
    return (x + torch.randn_like(x) * torch.rand(len(x), 1, 1, 1) * 0.4).contiguous(memory_format=torch.channels_last)


def prepared_latents(latents):
    """float16 (n, 4, 16, 16) -> what the coach sees."""
    return torch.from_numpy(latents.astype(np.float32)).contiguous(memory_format=torch.channels_last)


def prepared(pictures):
    """uint8 (n, 64, 64, 3) -> what the judge sees."""
    return torch.from_numpy(np.ascontiguousarray(pictures)).permute(0, 3, 1, 2).float().div_(127.5).sub_(1).contiguous(memory_format=torch.channels_last)


def loss_of(out, nouns, others, heads=0.3):
    known = nouns.sum(1) > 0
    loss = -(nouns * F.log_softmax(out['nouns'].float(), 1))[known].sum() / known.sum().clamp(min=1)
    return loss + heads * sum(F.cross_entropy(out[k].float(), others[k]) for k in HEADS)


@torch.no_grad()
def accuracy(judge, small, records, names, picks, prepared=prepared):
    judge.eval()
    hits = {}
    for s in range(0, len(picks), 256):
        part = picks[s:s + 256]
        out = judge(prepared(small[part]))
        nouns, others = targets([records[i] for i in part], names)
        single, pair = nouns.max(1).values == 1, nouns.max(1).values == 0.5
        best = torch.zeros_like(nouns).scatter_(1, out['nouns'].topk(5, 1).indices, 1)
        hits.setdefault('subject, first', []).append((nouns.argmax(1) == out['nouns'].argmax(1))[single])
        hits.setdefault('subject, top 5', []).append(((best * nouns).sum(1) == 1)[single])
        hits.setdefault('both of two, top 5', []).append(((best * nouns).sum(1) == 1)[pair])
        for k in HEADS:
            hits.setdefault(k, []).append((out[k].argmax(1) == others[k])[others[k] >= 0])
    judge.train()
    return {k: round(torch.cat(v).float().mean().item() * 100, 1) for k, v in hits.items()}


def worker(rank, a, key):
    torch.set_num_threads(1)
    torch.manual_seed(a.seed)
    random.seed(a.seed + rank)
    small = np.load(os.path.join(a.work, 'latents.npy' if a.latents else 'small.npy'), mmap_mode='r')
    prepare, vary = (prepared_latents, varied_latents) if a.latents else (prepared, varied)
    records = json.load(open(os.path.join(a.work, 'records.json')))
    art = Art(a.cache)
    names = {n.name: i for i, n in enumerate(art.nouns)}
    kept = held(len(art.rows), len(records))
    train = sorted(set(range(len(records))) - set(kept))[rank::a.procs]
    judge = Judge(len(names), a.latents).to(memory_format=torch.channels_last)
    params = list(judge.parameters())
    group = parallel.Group(rank, a.procs, key, sum(p.numel() for p in params))
    opt = torch.optim.AdamW(params, lr=a.lr, weight_decay=0.02)
    per_step, seen, begun, order = a.batch * a.procs, 0, time.time(), []
    while seen < a.samples:
        for g in opt.param_groups:
            g['lr'] = a.lr * min(1, (seen + per_step) / (100 * per_step)) * max(0.01, 1 - seen / a.samples)
        if len(order) < a.batch:
            order = random.sample(train, len(train))
        picks, order = sorted(order[:a.batch]), order[a.batch:]
        nouns, others = targets([records[i] for i in picks], names)
        with torch.autocast('cpu', torch.bfloat16):
            out = judge(vary(prepare(small[picks])))
        loss = loss_of(out, nouns, others)
        opt.zero_grad(set_to_none=True)
        loss.backward()
        group.average(params)
        opt.step()
        seen += per_step
        if rank == 0 and seen // per_step % 100 == 0:
            print(f'{seen} of {a.samples}: loss {loss.item():.3f}, {seen / (time.time() - begun):.0f} a second', flush=True)
    if rank == 0:
        print('held back', len(kept), json.dumps(accuracy(judge, small, records, names, kept, prepare)))
        torch.save(dict(model=judge.state_dict(), nouns=list(names)), os.path.join(a.work, 'coach.pt' if a.latents else 'classifier.pt'))


def load(path):
    """-> judge, its nouns in order."""
    s = torch.load(path, weights_only=True)
    judge = Judge(len(s['nouns']), s['model']['stem.weight'].shape[1] == 4)
    judge.load_state_dict(s['model'])
    return judge.eval().to(memory_format=torch.channels_last), s['nouns']


if __name__ == '__main__':
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument('--cache', required=True)
    p.add_argument('--work', required=True)
    p.add_argument('--samples', type=int, default=400_000)
    p.add_argument('--latents', action='store_true', help='train the coach')
    p.add_argument('--batch', type=int, default=64, help='of each process')
    p.add_argument('--lr', type=float, default=2e-3)
    p.add_argument('--seed', type=int, default=5)
    p.add_argument('--procs', type=int, default=2)
    a = p.parse_args()
    parallel.run(worker, a, a.procs)
