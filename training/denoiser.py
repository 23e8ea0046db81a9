"""Train UNet2DConditionModel and CLIPTextModel together on cached latents: v-prediction, uniform weights, EMA, empty captions for guidance.

  python denoiser.py --cache CACHE --work WORK --tokenizer MODEL/tokenizer --init MODEL --samples 400000

`--init` starts from an exported model; without it from random weights and `--table` (text.py's token table). Goes on from WORK/denoiser.pt where there
is one. The token table stays as it is: its geometry is what puts `kitten` near `cat`.

Uniform v-loss weights, not min-SNR (arXiv:2303.09556): with 1,024 numbers a picture is decided where SNR < 0.05, and min-SNR is nearly zero there.
`--weight minsnr` gives those weights for larger latents.
"""
import argparse
import json
import math
import os
os.environ.setdefault('OMP_NUM_THREADS', '1')
import random
import time

import numpy as np
import torch

import norms
import parallel
from captions import caption
from compose import Art

SCHEDULE = dict(num_train_timesteps=1000, beta_start=0.00085, beta_end=0.012, beta_schedule='scaled_linear', prediction_type='v_prediction')


def make_unet():
    from diffusers import UNet2DConditionModel
    return UNet2DConditionModel(sample_size=16, in_channels=4, out_channels=4, block_out_channels=(96, 192), layers_per_block=1,
                                down_block_types=('DownBlock2D', 'CrossAttnDownBlock2D'), up_block_types=('CrossAttnUpBlock2D', 'UpBlock2D'),
                                cross_attention_dim=256, attention_head_dim=8, norm_num_groups=32)


def make_text(table):
    """CLIPTextModel of width 256 over a token table (n, 256)."""
    from transformers import CLIPTextConfig, CLIPTextModel
    n = len(table)
    text = CLIPTextModel(CLIPTextConfig(vocab_size=n, hidden_size=256, intermediate_size=512, num_hidden_layers=3, num_attention_heads=4,
                                        max_position_embeddings=77, hidden_act='quick_gelu', bos_token_id=n - 2, eos_token_id=n - 1, pad_token_id=n - 1,
                                        projection_dim=256, attn_implementation='eager'))
    text.get_input_embeddings().weight.data.copy_(torch.from_numpy(table.astype(np.float32)))
    return text


def load(path):
    """-> UNet, text encoder of a folder in diffusers' layout, float32."""
    from diffusers import UNet2DConditionModel
    from transformers import CLIPTextModel
    unet = UNet2DConditionModel.from_pretrained(os.path.join(path, 'unet'), torch_dtype=torch.float32)
    return unet, CLIPTextModel.from_pretrained(os.path.join(path, 'text_encoder'), dtype=torch.float32, attn_implementation='eager')


def data(work):
    """-> latents, their records."""
    records = json.load(open(os.path.join(work, 'records.json')))
    return torch.from_numpy(np.load(os.path.join(work, 'latents.npy'))), records


def models(a):
    unet, text = load(a.init) if a.init else (make_unet(), make_text(np.load(a.table)))
    text.get_input_embeddings().weight.requires_grad_(False)
    return unet, text


def alphas_cumprod():
    b = torch.linspace(SCHEDULE['beta_start'] ** 0.5, SCHEDULE['beta_end'] ** 0.5, SCHEDULE['num_train_timesteps']) ** 2
    return torch.cumprod(1 - b, 0)


def stratified(n, late=0.4):
    """n timesteps, the share `late` of them from the noisiest 400 of the 1,000, spread evenly and shuffled: each batch sees all of them."""
    u = (torch.arange(n) + torch.rand(n)) / n
    t = torch.where(u < 1 - late, u / (1 - late) * 600, 600 + (u - (1 - late)) / late * 400)
    return t.long().clamp_(0, 999)[torch.randperm(n)]


def save(path, **state):
    torch.save(state, path + '.part')
    os.replace(path + '.part', path)


def trained(*modules):
    return [p for m in modules for p in m.parameters() if p.requires_grad]


class Captions:
    """Token ids of records, a new caption each time."""

    def __init__(self, a, rng):
        from transformers import CLIPTokenizer
        self.art, self.rng, self.drop = Art(a.cache), rng, a.drop
        self.tokenizer = CLIPTokenizer.from_pretrained(a.tokenizer)

    def ids(self, records):
        words = ['' if self.rng.random() < self.drop else caption(self.art, r, self.rng) for r in records]
        return self.tokenizer(words, padding='max_length', max_length=77, truncation=True, return_tensors='pt').input_ids


def worker(rank, a, key):
    from diffusers.models.attention_processor import AttnProcessor
    torch.set_num_threads(1)
    norms.quicken()
    torch.manual_seed(a.seed)
    latents, records = data(a.work)
    unet, text = models(a)
    unet = unet.to(a.device, memory_format=torch.channels_last)
    text = text.to(a.device)
    unet.set_attn_processor(AttnProcessor())      # plain matmul and softmax: the CPU's flash kernel is slow at head size 24
    params = trained(unet, text)
    ema = [p.detach().clone() for p in params]
    opt = torch.optim.AdamW(params, lr=a.lr, betas=(0.9, 0.99), weight_decay=0.01, fused=True)
    seen, checkpoint = 0, os.path.join(a.work, 'denoiser.pt')
    if os.path.exists(checkpoint):
        s = torch.load(checkpoint, weights_only=True, map_location=a.device)
        for p, q in zip(params, s['params'], strict=True):
            p.data.copy_(q)
        ema, seen = s['ema'], s['seen']
        opt.load_state_dict(s['opt'])
    group = parallel.Group(rank, a.procs, key, sum(p.numel() for p in params))
    torch.manual_seed(a.seed + seen * a.procs + rank)
    rng = random.Random(a.seed + seen * a.procs + rank)
    captions = Captions(a, rng)
    ac = alphas_cumprod()
    weight = torch.ones(1000) if a.weight == 'uniform' else torch.minimum(ac / (1 - ac), torch.tensor(5.0)) * (1 - ac)
    weight = (weight / weight.mean()).to(a.device)
    ac = ac.to(a.device)
    run_unet, run_text = (torch.compile(m, dynamic=False) if a.compile else m for m in (unet, text))
    per_step, started, begun, saved, losses, order = a.batch * a.procs, seen, time.time(), time.time(), [], []
    while seen < a.samples:
        lr = a.lr * min(1, (seen - started + per_step) / (200 * per_step)) * (0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * seen / a.samples)))
        for g in opt.param_groups:
            g['lr'] = lr
        if len(order) < a.batch:
            order = list(range(rank, len(latents), a.procs))
            rng.shuffle(order)
        picks, order = order[:a.batch], order[a.batch:]
        ids = captions.ids([records[i] for i in picks]).to(a.device)
        x = latents[picks].float().to(a.device)
        noise, t = torch.randn_like(x), stratified(len(picks), a.late).to(a.device)
        signal, spread = ac[t].sqrt().view(-1, 1, 1, 1), (1 - ac[t]).sqrt().view(-1, 1, 1, 1)
        noisy = (signal * x + spread * noise).contiguous(memory_format=torch.channels_last)
        with torch.autocast(a.device, torch.bfloat16):
            out = run_unet(noisy, t, run_text(ids).last_hidden_state).sample
        loss = ((out.float() - (signal * noise - spread * x)).pow(2).mean((1, 2, 3)) * weight[t]).mean()
        opt.zero_grad(set_to_none=True)
        loss.backward()
        group.average(params)
        torch.nn.utils.clip_grad_norm_(params, 1.0)
        opt.step()
        seen += per_step
        step = (seen - started) // per_step
        with torch.no_grad():
            averaged = seen // per_step
            torch._foreach_lerp_(ema, params, 1 - min(a.ema, (1 + averaged) / (10 + averaged)))
        losses.append(float(loss.detach()))
        if rank == 0 and step % 50 == 0:
            print(f'{seen} of {a.samples}: loss {np.mean(losses[-50:]):.4f}, {(seen - started) / (time.time() - begun):.1f} a second', flush=True)
        if rank == 0 and (time.time() - saved > a.save_every or seen >= a.samples):
            saved = time.time()
            save(checkpoint, params=[p.data for p in params], ema=ema, opt=opt.state_dict(), seen=seen)


def restore(a, which='ema'):
    """-> UNet, text encoder with the weights of WORK/denoiser.pt."""
    unet, text = models(a)
    s = torch.load(os.path.join(a.work, 'denoiser.pt'), weights_only=True, map_location='cpu')
    for p, q in zip(trained(unet, text), s[which], strict=True):
        p.data.copy_(q)
    return unet.eval(), text.eval(), s['seen']


if __name__ == '__main__':
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument('--cache', required=True)
    p.add_argument('--work', required=True)
    p.add_argument('--tokenizer', required=True)
    p.add_argument('--init')
    p.add_argument('--table')
    p.add_argument('--samples', type=int, default=400_000, help='the learning rate falls to its end over these')
    p.add_argument('--batch', type=int, default=32, help='of each process')
    p.add_argument('--lr', type=float, default=1e-3)
    p.add_argument('--drop', type=float, default=0.12, help='share of empty captions')
    p.add_argument('--ema', type=float, default=0.9995)
    p.add_argument('--weight', choices=['uniform', 'minsnr'], default='uniform')
    p.add_argument('--late', type=float, default=0.4, help='share of timesteps from the noisiest 400, where what is shown is decided; 0.4 is even')
    p.add_argument('--seed', type=int, default=3)
    p.add_argument('--procs', type=int, default=2)
    p.add_argument('--device', default='cpu')
    p.add_argument('--compile', type=int, default=1)
    p.add_argument('--save-every', type=float, default=240, help='seconds')
    a = p.parse_args()
    parallel.run(worker, a, a.procs)
