"""What share of 500 fixed prompts is obeyed? Subject, colour, background, style, count and pairs, judged by the classifier.

  python score.py --cache CACHE --work WORK --model MODEL [--lora FILE --steps 4 --cfg 1] [--out score.json] [--grid grid.png]

The prompts and seeds are fixed; half of the prompts that combine things use combinations held back from training (`compose.held_back`). The judge's own
accuracy on right pictures after the autoencoder is printed beside: it is the most a model can reach.
"""
import argparse
import json
import os
import random

import numpy as np
import torch
from torch.nn import functional as F

import denoiser
from captions import NUMBERS, article, plural
from classifier import BACKGROUNDS, COLOUR_NAMES, accuracy, held, load
from colour import COLOURS
from compose import RELATIONS, STYLES, TONES, Art, can_recolour, held_back
from denoiser import restore
from drawing import grid, pictures
from scenes import SCENES
from student import merge

COUNTS = {'plain': 100, 'colour': 100, 'background': 60, 'scene': 40, 'count': 60, 'pair': 100, 'everything': 40}


def prompts(art):
    """500 dicts: `text`, `seed`, `kind`, `nouns`, `style`, and `colour`, `background`, `count` where the text names them."""
    rng, out = random.Random(2026), []

    def noun(kind):
        coloured = kind in ('colour', 'everything')
        return rng.choice([n for n in art.nouns if not coloured or can_recolour(n)])

    def tone(name, choices, *between):
        """A colour for the noun: of a combination never trained on, every other time."""
        unseen = [c for c in choices if held_back(name, *between, c)]
        return rng.choice(unseen) if unseen and rng.random() < 0.5 else rng.choice(choices)

    for kind, n in COUNTS.items():
        for _ in range(n):
            style, first = rng.choices(list(STYLES), list(STYLES.values()))[0], noun(kind)
            p = dict(kind=kind, style=style, nouns=[first.name])
            text = article(first.name)
            if kind in ('colour', 'everything'):
                p['colour'] = tone(first.name, TONES)
                text = article(f"{p['colour']} {first.name}")
            if kind == 'count':
                p['count'] = rng.choice((2, 3))
                text = f"{NUMBERS[p['count']]} {plural(first.name)}"
            if kind == 'pair':
                second = noun(kind)
                p['nouns'].append(second.name)
                p['relation'] = rng.choice(RELATIONS)
                text += f" {p['relation']} {article(second.name)}"
            if kind == 'scene':
                p['background'] = rng.choice(list(SCENES))
                text += SCENES[p['background']][0]
            elif kind in ('background', 'everything') or style == 'sticker':
                p['background'] = tone(first.name, [c for c in COLOURS if c not in ('white', p.get('colour'))], 'on')
                text += f" on {article(p['background'])} background"
            out.append(dict(p, text=f'{text}, {style}', seed=len(out)))
    return out


def unseen(p):
    """Whether the prompt combines what was never combined in training."""
    a = p['nouns'][0]
    return ('colour' in p and held_back(a, p['colour'])) or (p.get('background') in COLOURS and held_back(a, 'on', p['background'])) or (
        len(p['nouns']) > 1 and held_back(a, 'with', p['nouns'][1]))


@torch.no_grad()
def judged(judge, names, asked, images):
    """Per prompt, which of the things it asks for are there."""
    hits = []
    for k in range(0, len(images), 100):
        out = judge(F.interpolate(images[k:k + 100], size=(64, 64), mode='area').contiguous(memory_format=torch.channels_last))
        best = out['nouns'].topk(5, 1).indices
        for i, p in enumerate(asked[k:k + 100]):
            there = [names.index(n) in best[i] for n in p['nouns']]
            h = {'style': list(STYLES)[out['style'][i].argmax()] == p['style']}
            h['subject' if len(there) == 1 else 'two subjects'] = all(there)
            if len(there) == 1:
                h['subject, first'] = names.index(p['nouns'][0]) == best[i, 0].item()
            if 'colour' in p:
                h['colour'] = COLOUR_NAMES[out['colour'][i].argmax()] == p['colour']
            if 'background' in p:
                h['background'] = BACKGROUNDS[out['background'][i].argmax()] == p['background']
            if 'count' in p:
                h['count'] = out['count'][i].argmax().item() + 1 == p['count']
            hits.append(h)
    return hits


def share(hits):
    """Per attribute, percent and number of prompts that name it."""
    keys = sorted({k for h in hits for k in h})
    return {k: [round(100 * sum(h[k] for h in hits if k in h) / sum(k in h for h in hits), 1), sum(k in h for h in hits)] for k in keys}


@torch.no_grad()
def ceiling(a, judge, names, vae, n=400):
    """The judge's accuracy on composed pictures it was not trained on, after the autoencoder: the most a model can reach."""
    records = json.load(open(os.path.join(a.work, 'records.json')))
    latents = np.load(os.path.join(a.work, 'latents.npy'), mmap_mode='r')
    picks = held(len(Art(a.cache).rows), len(records))[:n]
    small = []
    for k in range(0, len(picks), 50):
        z = torch.from_numpy(latents[picks[k:k + 50]]).float() / vae.config.scaling_factor
        x = vae.decode(z.contiguous(memory_format=torch.channels_last)).sample.float().clamp(-1, 1)
        small.append((F.interpolate(x, size=(64, 64), mode='area').permute(0, 2, 3, 1) + 1) * 127.5)
    numbers = {name: i for i, name in enumerate(names)}
    return accuracy(judge, torch.cat(small).round().byte().numpy(), [records[i] for i in picks], numbers, list(range(len(picks))))


def main(a):
    from diffusers import AutoencoderKL
    from transformers import CLIPTokenizer
    torch.set_num_threads(a.threads)
    judge, names = load(os.path.join(a.work, 'classifier.pt'))
    asked = prompts(Art(a.cache))[::a.every]
    vae = AutoencoderKL.from_pretrained(os.path.join(a.model, 'vae'), torch_dtype=torch.float32).eval().to(memory_format=torch.channels_last)
    tokenizer = CLIPTokenizer.from_pretrained(os.path.join(a.model, 'tokenizer'))
    unet, text = restore(a)[:2] if a.checkpoint else denoiser.load(a.model)
    if a.lora:
        merge(unet, a.lora)
    unet = unet.eval().to(memory_format=torch.channels_last)
    with torch.autocast('cpu', torch.bfloat16, enabled=a.bf16):
        images = pictures(unet, text.eval(), tokenizer, vae, [p['text'] for p in asked], [p['seed'] for p in asked], a.steps, a.cfg)
    hits = judged(judge, names, asked, images)
    new = [h for h, p in zip(hits, asked) if unseen(p)]
    result = dict(steps=a.steps, cfg=a.cfg, prompts=len(asked), score=share(hits), unseen_combinations=share(new),
                  judge_on_right_pictures=ceiling(a, judge, names, vae))
    print(json.dumps(result, indent=1))
    if a.out:
        json.dump(result, open(a.out, 'w'), indent=1)
    if a.grid:
        step = max(1, len(asked) // 100)
        grid(images[::step], [p['text'] for p in asked[::step]], a.grid)


if __name__ == '__main__':
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument('--cache', required=True)
    p.add_argument('--work', required=True)
    p.add_argument('--model', required=True)
    p.add_argument('--checkpoint', action='store_true', help="the weights of WORK/denoiser.pt in the place of the model's")
    p.add_argument('--lora', help='the student')
    p.add_argument('--steps', type=int, default=20)
    p.add_argument('--cfg', type=float, default=3.0)
    p.add_argument('--every', type=int, default=1, help='only each n-th prompt')
    p.add_argument('--threads', type=int, default=2)
    p.add_argument('--bf16', action='store_true', help='faster, for a look on the way')
    p.add_argument('--out')
    p.add_argument('--grid')
    a = p.parse_args()
    a.init, a.table = a.model, None          # what `restore` starts from: the same network
    main(a)
