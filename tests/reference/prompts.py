"""Writes tests/fixtures/prompts: what weighted and long prompts give, on the tiny text encoders.

Run from the repository root after networks.py: `python tests/reference/prompts.py`. The text encoders are
those of tests/fixtures/networks, run by transformers; weights, windows and layers are worked out here in
torch. Each case says its words and weights outright, so that reading them out of the text is no part of
the reference.
"""

import json
import os

import torch
from safetensors.torch import save_file
from transformers import CLIPTextModel, CLIPTextModelWithProjection, CLIPTokenizer

NETWORKS = "tests/fixtures/networks"
FOLDER = "tests/fixtures/prompts"
ROOM = 75


class Encoder:
    def __init__(self, folder: str, suffix: str, kind):
        self.tokenizer = CLIPTokenizer.from_pretrained(f"{NETWORKS}/{folder}/tokenizer{suffix}")
        path = f"{NETWORKS}/{folder}/text_encoder{suffix}"
        self.model = kind.from_pretrained(path, dtype=torch.float32).eval()
        self.body = getattr(self.model, "text_model", self.model)

    def ids(self, text: str) -> list[int]:
        return self.tokenizer(text, add_special_tokens=False)["input_ids"]

    def window(self, pairs: list) -> tuple[list[int], list[float]]:
        tokens = self.tokenizer
        ids = [tokens.bos_token_id] + [id for id, _ in pairs] + [tokens.eos_token_id]
        weights = [1.0] + [weight for _, weight in pairs] + [1.0]
        missing = ROOM + 2 - len(ids)
        return ids + [tokens.pad_token_id] * missing, weights + [1.0] * missing

    def states(self, windows: list, layer: int, normed: bool):
        """Hidden states of a layer (1 is the last), and the pooled embedding of the first window."""
        ids = torch.tensor([ids for ids, _ in windows])
        output = self.model(ids, output_hidden_states=True)
        states = output.hidden_states[-layer]
        pooled = getattr(output, "text_embeds", None)
        pooled = output.pooler_output if pooled is None else pooled
        return self.body.final_layer_norm(states) if normed else states, pooled[:1]


def whole_words(encoder: Encoder, spans: list) -> list:
    """Windows in which a span of fewer than 8 tokens is never cut."""
    windows, pairs = [], []
    for text, weight in spans:
        ids = encoder.ids(text)
        if len(ids) < 8 and len(pairs) + len(ids) > ROOM:
            windows.append(pairs)
            pairs = []
        for id in ids:
            if len(pairs) == ROOM:
                windows.append(pairs)
                pairs = []
            pairs.append((id, weight))
    windows.append(pairs)
    return [encoder.window(pairs) for pairs in windows]


def from_empty(encoder: Encoder, windows: list, layer: int, normed: bool):
    """e + (z - e) w, where e is the empty prompt's embedding in the same place."""
    z, pooled = encoder.states(windows, layer, normed)
    e, _ = encoder.states([encoder.window([])], layer, normed)
    w = torch.tensor([weights for _, weights in windows]).unsqueeze(-1)
    return (e + (z - e) * w).reshape(1, -1, z.shape[-1]), pooled


LONG = "the red cat on the mat " * 12  # 72 tokens

# name, folder, text, its spans, layer
ONE = [
    ("plain", "sd15", "a red cat", [("a red cat", 1.0)], 1),
    ("weighted", "sd15", "a (red:1.3) (cat)", [("a ", 1.0), ("red", 1.3), (" ", 1.0), ("cat", 1.1)], 1),
    # 4 tokens do not fit beside 72: they go whole into the second window.
    ("whole", "sd15", LONG + "(hat on the mat:0.5)", [(LONG, 1.0), ("hat on the mat", 0.5)], 1),
    ("skip", "sd15", "a (red:1.3) cat", [("a ", 1.0), ("red", 1.3), (" cat", 1.0)], 2),
    ("skip", "sd21", "a (red:-0.5) cat", [("a ", 1.0), ("red", -0.5), (" cat", 1.0)], 2),
]


@torch.no_grad()
def comfy() -> tuple[dict, list]:
    encoders = {folder: Encoder(folder, "", CLIPTextModel) for folder in ("sd15", "sd21")}
    tensors, cases = {}, []
    for name, folder, text, spans, layer in ONE:
        encoder = encoders[folder]
        case = f"{folder}.{name}"
        windows = whole_words(encoder, spans)
        tensors[f"{case}.context"], tensors[f"{case}.pooled"] = from_empty(encoder, windows, layer, True)
        cases.append({"case": case, "folder": folder, "text": text, "layer": layer})
    return tensors, cases


# name, text and spans of the smaller encoder, text and spans of the larger.
RED = ("a (red:1.3) cat", [("a ", 1.0), ("red", 1.3), (" cat", 1.0)])
TWO = [
    ("weighted", RED, RED),
    ("padded", RED, (LONG + "(hat on the mat:0.5)", [(LONG, 1.0), ("hat on the mat", 0.5)])),
]


@torch.no_grad()
def sdxl() -> tuple[dict, list]:
    small, large = Encoder("sdxl", "", CLIPTextModel), Encoder("sdxl", "_2", CLIPTextModelWithProjection)
    tensors, cases = {}, []
    for name, (text_l, spans_l), (text_g, spans_g) in TWO:
        windows = [whole_words(small, spans_l), whole_words(large, spans_g)]
        count = max(map(len, windows))
        for encoder, own in zip((small, large), windows):
            own += [encoder.window([])] * (count - len(own))
        first, _ = from_empty(small, windows[0], 2, False)
        second, pooled = from_empty(large, windows[1], 2, False)
        tensors[f"{name}.context"] = torch.cat([first, second], dim=-1)
        tensors[f"{name}.pooled"] = pooled
        cases.append({"case": name, "folder": "sdxl", "text_l": text_l, "text_g": text_g})
    return tensors, cases


# name, emphasis, text, its spans; None ends a window.
OLD = "a (red:1.3) BREAK [cat]", [("a ", 1.0), ("red", 1.3), None, ("cat", 1 / 1.1)]
EMPHASES = [
    ("original", "Original", *OLD),
    ("plain", "No norm", *OLD),
    ("ignored", "Ignore", OLD[0], [(span and (span[0], 1.0)) for span in OLD[1]]),
]


@torch.no_grad()
def a1111() -> tuple[dict, list]:
    encoder = Encoder("sd15", "", CLIPTextModel)
    tensors, cases = {}, []
    for name, emphasis, text, spans in EMPHASES:
        chunks = []
        breaks = [i for i, span in enumerate(spans) if span is None] + [len(spans)]
        for start, end in zip([-1, *breaks], breaks):
            pairs = [(id, weight) for words, weight in spans[start + 1 : end] for id in encoder.ids(words)]
            window = encoder.window(pairs)
            z, pooled = encoder.states([window], 1, True)
            weighted = z * torch.tensor(window[1]).reshape(1, -1, 1)
            chunks.append(weighted * (z.mean() / weighted.mean()) if emphasis == "Original" else weighted)
            tensors.setdefault(f"{name}.pooled", pooled)
        tensors[f"{name}.context"] = torch.cat(chunks, dim=1)
        cases.append({"case": name, "emphasis": emphasis, "text": text})
    return tensors, cases


def main() -> None:
    torch.set_num_threads(1)
    os.makedirs(FOLDER, exist_ok=True)
    for name, (tensors, cases) in {"comfy": comfy(), "sdxl": sdxl(), "a1111": a1111()}.items():
        path = f"{FOLDER}/{name}.safetensors"
        tensors = {key: value.contiguous() for key, value in tensors.items()}
        save_file(tensors, path, metadata={"settings": json.dumps(cases)})
        print(f"{path}: {len(tensors)} tensors, {os.path.getsize(path)} bytes")


if __name__ == "__main__":
    main()
