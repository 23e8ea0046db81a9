"""Writes tests/fixtures/tokenizer/cases.json: texts and the ids transformers' CLIPTokenizer gives them.

Run from the repository root: `python tests/reference/tokenizer.py`. The vocabulary is the bundled
model's, in www/public/models/sprite/tokenizer. The ids are checked against the `tokenizers` library
reading the same folder's tokenizer.json, and against a tokenizer built from vocab.json and merges.txt
alone, which is all that published checkpoints ship.
"""

import json
import os

from tokenizers import Tokenizer
from transformers import CLIPTokenizer

MODEL = "www/public/models/sprite/tokenizer"
OUTPUT = "tests/fixtures/tokenizer/cases.json"
WINDOW = 77

LONG = (
    "a highly detailed painting of a tiny red dragon sitting on a huge pile of golden coins inside a dark "
    "cave, lit by a single candle, smoke rising, reflections on the wet stone, a castle far away seen "
    "through the opening, clouds, mountains, a river, three birds, warm light from the left, cold light "
    "from the right, soft shadows, in the style of a children's book, 3d render, flat vector, sticker, "
    "very beautiful, very sharp, wide angle, trending, award winning, masterpiece, best quality"
)

# Text by what it is there to catch.
CASES = {
    "plain": ["a red dragon, 3d render", "a photo of a cat", "cat", "a", "two cats next to a rocket"],
    "capitals": ["A Photo Of A CAT", "NASA ROCKET", "iPhone"],
    "punctuation": [
        "cat,dog;bird.",
        "wow!!! really?!?",
        "a--b___c",
        "(a [b] {c})",
        "50% off @ $3.99 #deal",
        "...",
        "\"quoted\" 'text'",
        "a/b\\c|d",
        "~^`*&=+<>",
        "C++ and C#",
    ],
    "weights": ["a (red:1.3) cat", "((very)) [bad] (cat:0.5)", "\\(not a weight\\)", "embedding:easynegative, cat"],
    "contractions": [
        "it's the cat's toy",
        "don't, can't, I'm, you're, we've, he'll, she'd",
        "IT'S",
        "it\u2019s",
        "'s 't 're",
        "o'clock rock'n'roll",
    ],
    "digits": ["2026", "3d 8k 4096x4096", "1,000,000", "h2o", "\u00b2\u00bd\u2167", "\u0663\u0664"],
    "accents": [
        "caf\u00e9 au lait",
        "cafe\u0301 au lait",
        "\u00fcber stra\u00dfe \u00c5ngstr\u00f6m",
        "\u0130stanbul \u0131rmak",
        "\u1e9e",
    ],
    "scripts": [
        "\u4e00\u53ea\u732b",
        "\u732b\u306e\u5199\u771f",
        "\u30ab\u30bf\u30ab\u30ca",
        "\uace0\uc591\uc774",
        "\u043a\u043e\u0448\u043a\u0430",
        "\u0642\u0637\u0629",
        "\u0baa\u0bc2\u0ba9\u0bc8",
        "\u0e41\u0e21\u0e27",
        "cat\u732bcat",
    ],
    "emoji": [
        "\U0001f600",
        "\U0001f469\u200d\U0001f680 astronaut",
        "\U0001f468\u200d\U0001f469\u200d\U0001f467\u200d\U0001f466",
        "\u2764\ufe0f love",
        "\U0001f44d\U0001f3fd",
        "\U0001f1e9\U0001f1ea",
    ],
    "compatibility": ["\ufb01sh", "\uff23\uff21\uff34", "\u2122 \u00a9", "\u212b"],
    "spaces": [
        "",
        " ",
        "   \t\n ",
        "  a   cat  ",
        "a\ncat\r\non\ta mat",
        "a\u00a0cat\u3000on\u2003a mat",
        "a\u200bcat",
        "a\u0085cat",
    ],
    "control": ["a\u0000b", "\ufeffcat", "\ufffd"],
    "special": [
        "<|endoftext|>",
        "a cat<|endoftext|>a dog",
        "<|startoftext|>a cat<|endoftext|>",
        "<|ENDOFTEXT|>",
        "<|endoftext|",
        "<|pad|>",
    ],
    "rare": ["zxqvjkw", "supercalifragilisticexpialidocious", "a" * 40, "aAbBcC" * 8],
    "long": [LONG, LONG + ", " + LONG, "cat " * 75, "cat " * 76, "!" * 200],
}

# Those whose 77 ids, start, end and padding included, are kept too: empty, short, cut off, just full.
WINDOWED = [
    "a red dragon, 3d render",
    "",
    "   \t\n ",
    "a cat<|endoftext|>a dog",
    LONG,
    "cat " * 75,
    "cat " * 76,
    "\u4e00\u53ea\u732b",
]


def from_vocabulary():
    vocabulary = json.load(open(f"{MODEL}/vocab.json", encoding="utf-8"))
    lines = open(f"{MODEL}/merges.txt", encoding="utf-8").read().split("\n")
    assert lines[0].startswith("#version"), "the first line of merges.txt is no merge"
    merges = [tuple(line.split()) for line in lines[1:] if line.strip()]
    return CLIPTokenizer(vocab=vocabulary, merges=merges)


def main():
    tokenizer = CLIPTokenizer.from_pretrained(MODEL)
    rust = Tokenizer.from_file(f"{MODEL}/tokenizer.json")
    rebuilt = from_vocabulary()
    cases = []
    for group, texts in CASES.items():
        for text in texts:
            ids = tokenizer(text, add_special_tokens=False)["input_ids"]
            assert ids == rust.encode(text, add_special_tokens=False).ids, repr(text)
            assert ids == rebuilt(text, add_special_tokens=False)["input_ids"], repr(text)
            case = {"group": group, "text": text, "ids": ids}
            if text in WINDOWED:
                window = tokenizer(text, padding="max_length", truncation=True, max_length=WINDOW)["input_ids"]
                assert len(window) == WINDOW
                case["window"] = window
            cases.append(case)
    assert all(any(case["text"] == text for case in cases) for text in WINDOWED)
    header = {
        "made_by": "python tests/reference/tokenizer.py",
        "tokenizer": MODEL,
        "start": tokenizer.bos_token_id,
        "end": tokenizer.eos_token_id,
        "pad": tokenizer.pad_token_id,
        "window": WINDOW,
    }
    os.makedirs(os.path.dirname(OUTPUT), exist_ok=True)
    with open(OUTPUT, "w", encoding="utf-8", newline="\n") as file:
        rows = ",\n".join("    " + json.dumps(case) for case in cases)
        file.write("{\n")
        file.writelines(f"  {json.dumps(key)}: {json.dumps(value)},\n" for key, value in header.items())
        file.write(f'  "cases": [\n{rows}\n  ]\n}}\n')
    print(f"{OUTPUT}: {len(cases)} texts, {os.path.getsize(OUTPUT)} bytes")


if __name__ == "__main__":
    main()
