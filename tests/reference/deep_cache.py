"""Writes tests/fixtures/networks/deep_cache.safetensors: a tiny UNet under the authors' own DeepCache.

Run from the repository root after networks.py: `python tests/reference/deep_cache.py`. The network, its input and its prompt are those of
`networks/sd15/unet`, case `even`; call `i` has the input times `1 - i / 10`, at timesteps 801, 741, 681, of which the first computes everything.
`BRANCH.CALL` is what the later calls answer with `cache_branch_id = BRANCH`: branch 0 computes one of the outermost layers anew, branch 2 three.
"""

from types import SimpleNamespace

import torch
from DeepCache import DeepCacheSDHelper
from diffusers import UNet2DConditionModel
from safetensors.torch import load_file, save_file

FOLDER = "tests/fixtures/networks"
TIMES = [801, 741, 681]


@torch.no_grad()
def main():
    torch.set_num_threads(1)
    inputs = load_file(f"{FOLDER}/sd15/unet/reference.safetensors")
    sample, context = inputs["even.sample"], inputs["even.encoder_hidden_states"]
    out = {}
    for branch in range(3):
        unet = UNet2DConditionModel.from_pretrained(f"{FOLDER}/sd15/unet", torch_dtype=torch.float32).eval()
        helper = DeepCacheSDHelper(SimpleNamespace(unet=unet, scheduler=SimpleNamespace(timesteps=torch.tensor(TIMES))))
        helper.set_params(cache_interval=3, cache_branch_id=branch)
        helper.enable()
        for call, time in enumerate(TIMES):
            answer = unet.forward(sample * (1 - call / 10), torch.tensor(time), context).sample
            if call > 0:
                out[f"{branch}.{call}"] = answer.contiguous()
    assert not torch.equal(out["0.1"], out["2.1"])
    save_file(out, f"{FOLDER}/deep_cache.safetensors")


if __name__ == "__main__":
    main()
