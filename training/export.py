"""Write a model folder in diffusers' layout, float16 safetensors under the names of SD 1.x checkpoints, and the reference runs of its tests.

  python export.py model --work WORK --init MODEL --tokenizer MODEL/tokenizer --vae MODEL/vae --out OUT     # the denoiser of WORK/denoiser.pt
  python export.py merge --model MODEL --lora teacher.safetensors --out OUT [--student lcm.safetensors]       # what a coach taught the UNet
  python export.py golden --model OUT --out tests/fixtures/golden             # three runs of diffusers, for the engine's tests
  python export.py samples --model OUT --lora lcm.safetensors --out samples.png
"""
import argparse
import json
import os
import shutil

import torch

from drawing import grid, pictures, tokens

SAMPLES = ['a red dragon, 3d render', 'a cat on a blue background, flat', 'a rocket in space', 'a castle at sunset, cartoon', 'an octopus in the sea', 'a blue car in the city',
           'a pizza, flat', 'a robot on a teal background, 3d', 'a sunflower in a meadow', 'a purple butterfly, sticker, pink background', 'a slice of cake, cartoon', 'a ghost at night',
           'a green guitar, 3d', 'a face with sunglasses', 'a dog on a red background, cartoon', 'a fox in the snow, flat', 'a mushroom in a forest', 'a cat and a rocket, 3d',
           'a kitten', 'three strawberries, 3d', 'a sailing ship on a navy background, flat', 'a penguin in the snow, 3d', 'a wizard, cartoon', 'a red apple on a blue book']
GOLDEN = [('ddim20', 'DDIMScheduler', {}, dict(prompt='a red dragon, 3d', negative='', seed=1, steps=20, cfg=5.0)),
          ('euler8', 'EulerDiscreteScheduler', {}, dict(prompt='a cat on a blue background, flat', negative='3d render', seed=2, steps=8, cfg=4.0)),
          ('dpmpp2m12', 'DPMSolverMultistepScheduler', dict(algorithm_type='dpmsolver++', solver_order=2, solver_type='midpoint', lower_order_final=True),
           dict(prompt='a rocket on a navy background', negative='', seed=3, steps=12, cfg=6.0))]


def half(module, folder, name, prefix=''):
    """A part's weights and config: float16, no paths of this machine, and a config that asks for float32 arithmetic."""
    from safetensors.torch import save_file
    os.makedirs(folder, exist_ok=True)
    state = {k if k.startswith(prefix) else prefix + k: v.half().contiguous() for k, v in module.state_dict().items()}
    save_file(state, os.path.join(folder, name), metadata=dict(format='pt'))


def model(a):
    from denoiser import SCHEDULE, restore
    from diffusers import AutoencoderKL, DDIMScheduler, StableDiffusionPipeline
    from transformers import CLIPTokenizer
    unet, text, seen = restore(a)
    unet.set_default_attn_processor()
    vae, tokenizer = AutoencoderKL.from_pretrained(a.vae), CLIPTokenizer.from_pretrained(a.tokenizer)
    scheduler = DDIMScheduler(**SCHEDULE, clip_sample=False, set_alpha_to_one=False, steps_offset=1, timestep_spacing='trailing')
    p = StableDiffusionPipeline(vae=vae, text_encoder=text, tokenizer=tokenizer, unet=unet, scheduler=scheduler, safety_checker=None,
                                feature_extractor=None, requires_safety_checker=False)
    p.save_pretrained(a.out)
    half(unet, os.path.join(a.out, 'unet'), 'diffusion_pytorch_model.safetensors')
    half(vae, os.path.join(a.out, 'vae'), 'diffusion_pytorch_model.safetensors')
    half(text, os.path.join(a.out, 'text_encoder'), 'model.safetensors', 'text_model.')
    for name in ('vocab.json', 'merges.txt'):
        shutil.copy(os.path.join(a.tokenizer, name), os.path.join(a.out, 'tokenizer', name))
    for folder in ('unet', 'vae', 'text_encoder', 'scheduler', '.'):
        for name in ('config.json', 'scheduler_config.json', 'model_index.json'):
            path = os.path.join(a.out, folder, name)
            if os.path.exists(path):
                config = json.load(open(path))
                json.dump({k: v for k, v in config.items() if k not in ('_name_or_path', 'is_local', 'local_files_only')}, open(path, 'w'), indent=2)
    print('trained on', seen, 'samples')


def merged(a):
    """The model with a LoRA added to its UNet. A student of the UNet as it was becomes one of the new UNet: OUT.safetensors is that
    LoRA of the same rank with which the new weights are nearest to what the student's were."""
    from denoiser import load
    from safetensors.torch import load_file, save_file
    from student import merge
    before, unet = load(a.model)[0], load(a.model)[0]
    merge(unet, a.lora)
    shutil.copytree(a.model, a.out, dirs_exist_ok=True)
    half(unet, os.path.join(a.out, 'unet'), 'diffusion_pytorch_model.safetensors')
    if not a.student:
        return
    merge(before, a.student)
    tensors, rest, whole = load_file(a.student), 0.0, 0.0
    for name, m in before.named_modules():
        key = 'lora_unet_' + name.replace('.', '_')
        if key + '.alpha' not in tensors:
            continue
        up, down = tensors[key + '.lora_up.weight'], tensors[key + '.lora_down.weight']
        rank = down.shape[0]
        change = (m.weight - unet.get_submodule(name).weight.half().float()).detach().flatten(1)
        left, sizes, right = torch.linalg.svd(change, full_matrices=False)
        rest, whole = rest + sizes[rank:].square().sum().item(), whole + sizes.square().sum().item()
        root = sizes[:rank].sqrt()
        tensors[key + '.lora_up.weight'] = (left[:, :rank] * root).half().view_as(up).contiguous()
        tensors[key + '.lora_down.weight'] = (right[:rank] * root[:, None]).half().view_as(down).contiguous()
        tensors[key + '.alpha'] = torch.tensor(float(rank)).half()
    save_file(tensors, a.out.rstrip('/') + '.safetensors', metadata=dict(format='pt', ss_network_module='networks.lora'))
    print(f'{100 * rest / whole:.2f} % of the squared change have no room')


def pipeline(path):
    from diffusers import StableDiffusionPipeline
    p = StableDiffusionPipeline.from_pretrained(path, torch_dtype=torch.float32, safety_checker=None, requires_safety_checker=False)
    p.set_progress_bar_config(disable=True)
    for part in (p.unet, p.vae, p.text_encoder):
        part.eval()
    return p


@torch.no_grad()
def golden_run(p, s):
    """One run, step by step. -> its tensors, and how far the pipeline's own call is off (it must not be)."""
    sch = p.scheduler
    prompt, negative = tokens(p.tokenizer, [s['prompt']]), tokens(p.tokenizer, [s['negative']])
    e1, e0 = p.text_encoder(prompt).last_hidden_state, p.text_encoder(negative).last_hidden_state
    noise = torch.randn(1, 4, 16, 16, generator=torch.Generator().manual_seed(s['seed']))
    sch.set_timesteps(s['steps'])
    x = noise * sch.init_noise_sigma
    t = dict(input_ids=prompt.int(), negative_input_ids=negative.int(), text_embeddings=e1, negative_embeddings=e0, noise=noise,
             timesteps=sch.timesteps.float(), alphas_cumprod=sch.alphas_cumprod.float())
    if hasattr(sch, 'sigmas'):
        t['sigmas'] = sch.sigmas.float()
    all_latents, outputs = [x], []
    for step in sch.timesteps:
        out = p.unet(torch.cat([sch.scale_model_input(x, step)] * 2), step, torch.cat([e0, e1])).sample
        outputs.append(out)
        x = sch.step(out[:1] + s['cfg'] * (out[1:] - out[:1]), step, x).prev_sample
        all_latents.append(x)
    image = p.vae.decode(x / p.vae.config.scaling_factor).sample
    t.update(latents=torch.stack(all_latents), unet_out=torch.stack(outputs), final_latent=x, image=image)
    call = p(prompt=s['prompt'], negative_prompt=s['negative'], num_inference_steps=s['steps'], guidance_scale=s['cfg'], latents=noise.clone(),
             output_type='pt', height=128, width=128).images
    return t, float(((image / 2 + 0.5).clamp(0, 1) - call).abs().max())


def golden(a):
    import diffusers
    from safetensors.torch import save_file
    p = pipeline(a.model)
    for name, scheduler, extra, settings in GOLDEN:
        p.scheduler = getattr(diffusers, scheduler).from_config(p.scheduler.config, **extra)
        tensors, off = golden_run(p, settings)
        if off > 1e-6:
            raise SystemExit(f'{name} is {off} off the pipeline call')
        save_file({k: v.contiguous().clone() for k, v in tensors.items()}, os.path.join(a.out, name + '.safetensors'))
        path = os.path.join(a.out, name + '.json')
        facts = json.load(open(path)) if os.path.exists(path) else {}
        config = {k: v for k, v in p.scheduler.config.items() if not k.startswith('_')}
        facts.update(settings, scheduler=scheduler, scheduler_config=config, init_noise_sigma=float(p.scheduler.init_noise_sigma),
                     vae_scaling_factor=p.vae.config.scaling_factor, diffusers=diffusers.__version__, torch=torch.__version__)
        json.dump(facts, open(path, 'w'), indent=1)
        print(name, 'is', off, 'off the pipeline call')


def samples(a):
    from student import merge
    p = pipeline(a.model)
    if a.lora:
        merge(p.unet, a.lora)
    steps, cfg = (4, 1.0) if a.lora else (20, 3.0)
    grid(pictures(p.unet, p.text_encoder, p.tokenizer, p.vae, SAMPLES, list(range(len(SAMPLES))), steps, cfg), SAMPLES, a.out, 6)


if __name__ == '__main__':
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument('what', choices=['model', 'merge', 'golden', 'samples'])
    p.add_argument('--work')
    p.add_argument('--init')
    p.add_argument('--table')
    p.add_argument('--tokenizer')
    p.add_argument('--vae')
    p.add_argument('--model')
    p.add_argument('--lora')
    p.add_argument('--student')
    p.add_argument('--out', required=True)
    a = p.parse_args()
    torch.set_num_threads(2)
    {'model': model, 'merge': merged, 'golden': golden, 'samples': samples}[a.what](a)
