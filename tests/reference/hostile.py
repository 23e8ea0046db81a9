"""Writes tests/fixtures/hostile: safetensors files that break a rule each, and what must be said of them.

Run from the repository root: `python tests/reference/hostile.py`. Each file is under a kilobyte. The
expected code is an `ErrorKind::code()` of src/error.rs; index.json also has files that look odd and are
valid, with the code null, so that a reader which refuses everything does not pass.
"""

import json
import os
import shutil
import struct

from safetensors import SafetensorError, deserialize

FOLDER = "tests/fixtures/hostile"
FOUR = bytes(16)  # [4] F32, or [2] F32 and [2] F32


def entry(shape, start, end, dtype="F32"):
    return {"dtype": dtype, "shape": shape, "data_offsets": [start, end]}


def file(header, data=b"", length=None) -> bytes:
    """`header`: JSON value, text or bytes. `length`: what the first eight bytes claim, if not the truth."""
    if isinstance(header, dict | list):
        header = json.dumps(header)
    if isinstance(header, str):
        header = header.encode()
    return struct.pack("<Q", len(header) if length is None else length) + header + data


GOOD = {"weight": entry([4], 0, 16)}
PAIR = {"first": entry([2], 0, 8), "second": entry([2], 8, 16)}
HALF_MAX = 2**63 - 1

# name: (bytes, code, what is wrong)
CASES = {
    # -- valid, however odd
    "valid": (file(GOOD, FOUR), None, "nothing: a plain file"),
    "valid_padded_header": (file(json.dumps(GOOD) + " " * 7, FOUR), None, "nothing: spaces after the JSON are allowed"),
    "valid_order": (
        file({"second": PAIR["second"], "first": PAIR["first"]}, FOUR),
        None,
        "nothing: the header need not list tensors in the order of the file",
    ),
    "valid_scalar_and_empty": (
        file({"nothing": entry([0, 3], 0, 0), "scalar": entry([], 0, 4)}, bytes(4)),
        None,
        "nothing: a number without axes, and a tensor without numbers",
    ),
    "valid_metadata": (file({"__metadata__": {"format": "pt"}} | GOOD, FOUR), None, "nothing: metadata is no tensor"),
    "valid_no_tensors": (file({}), None, "nothing: a file may hold no tensors"),
    # -- the length
    "empty": (b"", "truncated", "no bytes at all"),
    "no_length": (b"\x10\x00\x00", "truncated", "ends inside the eight bytes of the header's length"),
    "header_longer_than_file": (file(GOOD, b"", length=4096), "bad_header", "the header's length goes beyond the file"),
    "header_length_absurd": (file(GOOD, FOUR, length=2**64 - 1), "bad_header", "the header's length is 2^64 - 1"),
    "header_length_overflows": (
        file(GOOD, FOUR, length=2**64 - 8),
        "bad_header",
        "adding 8 to the header's length gives 0",
    ),
    "header_length_gigabyte": (
        file(GOOD, FOUR, length=10**9),
        "bad_header",
        "a header above the format's limit of 100 MB",
    ),
    "header_length_zero": (file(b""), "bad_header", "the header has no bytes, so it is no JSON"),
    # -- the JSON
    "json_cut_off": (file('{"weight": {"dtype": "F32", "shape": [4]', FOUR), "bad_header", "the JSON ends early"),
    "json_not_utf8": (file(b'{"\xff\xfe": 1}', FOUR), "bad_header", "the header is not UTF-8"),
    "json_not_object": (file("[1, 2, 3]", FOUR), "bad_header", "the header is a list"),
    "json_trailing": (file(json.dumps(GOOD) + "{}", FOUR), "bad_header", "something follows the JSON"),
    "json_deep": (file("[" * 900, b""), "bad_header", "brackets nested 900 deep: a naive parser overflows its stack"),
    "another_format": (b"PK\x03\x04" + bytes(60), "bad_file", "a zip file, as torch's .ckpt files are, without its list of entries"),
    "web_page": (
        b"<!DOCTYPE html><html><body>404 not found</body></html>",
        "bad_header",
        "a web page saved as a model",
    ),
    "entry_not_object": (file({"weight": 3}, FOUR), "bad_header", "a tensor's entry is a number"),
    "entry_without_dtype": (file({"weight": {"shape": [4], "data_offsets": [0, 16]}}, FOUR), "bad_header", "no dtype"),
    "entry_without_shape": (
        file({"weight": {"dtype": "F32", "data_offsets": [0, 16]}}, FOUR),
        "bad_header",
        "no shape",
    ),
    "entry_without_offsets": (file({"weight": {"dtype": "F32", "shape": [4]}}, FOUR), "bad_header", "no offsets"),
    "duplicate_name": (
        file(json.dumps(PAIR).replace("first", "weight").replace("second", "weight"), FOUR),
        "bad_header",
        "the same tensor twice",
    ),
    # -- dtype and shape
    "dtype_unknown": (file({"weight": entry([4], 0, 16, "F42")}, FOUR), "unknown_dtype", "a dtype that does not exist"),
    "dtype_float8": (
        file({"weight": entry([16], 0, 16, "F8_E4M3")}, FOUR),
        None,
        "eight-bit floats",
    ),
    "dtype_lower_case": (file({"weight": entry([4], 0, 16, "f32")}, FOUR), "unknown_dtype", "names are upper case"),
    "shape_negative": (file({"weight": entry([-4], 0, 16)}, FOUR), "bad_header", "a negative side"),
    "shape_two_negatives": (
        file({"weight": entry([-2, -2], 0, 16)}, FOUR),
        "bad_header",
        "negative sides whose product fits",
    ),
    "shape_fraction": (file({"weight": entry([2.5], 0, 10)}, bytes(10)), "bad_header", "a side that is not whole"),
    "shape_text": (file({"weight": entry(["4"], 0, 16)}, FOUR), "bad_header", "a side that is text"),
    "shape_too_large": (
        file({"weight": entry([5], 0, 16)}, FOUR),
        "bad_offsets",
        "the shape needs 20 bytes, 16 are given",
    ),
    "shape_too_small": (
        file({"weight": entry([3], 0, 16)}, FOUR),
        "bad_offsets",
        "the shape needs 12 bytes, 16 are given",
    ),
    "shape_overflows": (
        file({"weight": entry([2**32, 2**32], 0, 0)}),
        "bad_offsets",
        "the product of the sides is 2^64, which is 0 when it wraps",
    ),
    "shape_beyond_u64": (file({"weight": entry([2**70], 0, 16)}, FOUR), "bad_header", "a side that no u64 holds"),
    # -- offsets
    "body_cut_off": (file(GOOD, bytes(10)), "truncated", "six of the sixteen bytes are missing"),
    "body_missing": (file(GOOD), "truncated", "there is a header and nothing else"),
    "offsets_out_of_range": (
        file({"weight": entry([4], 0, 16), "far": entry([1000000], 16, 4000016)}, FOUR),
        "truncated",
        "the second tensor lies beyond the end",
    ),
    "offsets_at_u64_limit": (
        file({"weight": entry([HALF_MAX], 0, 2 * HALF_MAX, "F16")}, FOUR),
        "truncated",
        "where the data starts plus where the tensor ends is more than a u64 holds",
    ),
    "offsets_reversed": (file({"weight": entry([4], 16, 0)}, FOUR), "bad_offsets", "the end lies before the start"),
    "offsets_negative": (file({"weight": entry([4], -16, 0)}, FOUR), "bad_header", "a negative offset"),
    "offsets_three": (
        file({"weight": {"dtype": "F32", "shape": [4], "data_offsets": [0, 8, 16]}}, FOUR),
        "bad_header",
        "three offsets",
    ),
    "offsets_overlap": (
        file({"first": entry([4], 0, 16), "second": entry([2], 8, 16)}, FOUR),
        "bad_offsets",
        "two tensors share eight bytes",
    ),
    "offsets_same": (
        file({"first": entry([4], 0, 16), "second": entry([4], 0, 16)}, FOUR),
        "bad_offsets",
        "two tensors share all their bytes",
    ),
    "offsets_gap": (
        file({"first": entry([2], 0, 8), "second": entry([1], 12, 16)}, FOUR),
        "bad_offsets",
        "four bytes between the tensors belong to none",
    ),
    "offsets_gap_at_start": (
        file({"weight": entry([3], 4, 16)}, FOUR),
        "bad_offsets",
        "four bytes before the first tensor",
    ),
    "bytes_after_the_last": (file(GOOD, FOUR + b"MZ\x90\x00"), "bad_header", "four bytes after the last tensor"),
}


def main() -> None:
    shutil.rmtree(FOLDER, ignore_errors=True)
    os.makedirs(FOLDER)
    rows = []
    for name, (content, code, why) in CASES.items():
        assert len(content) < 1024, name
        with open(f"{FOLDER}/{name}.safetensors", "wb") as target:
            target.write(content)
        rows.append({"file": f"{name}.safetensors", "code": code, "why": why})
    with open(f"{FOLDER}/index.json", "w", encoding="utf-8", newline="\n") as target:
        target.write("[\n" + ",\n".join("  " + json.dumps(row) for row in rows) + "\n]\n")
    check_against_safetensors(rows)
    print(f"{FOLDER}: {len(rows)} files")


def check_against_safetensors(rows) -> None:
    """The library must accept and refuse the same files, so that the rules are the format's, not ours."""
    for row in rows:
        with open(f"{FOLDER}/{row['file']}", "rb") as source:
            content = source.read()
        try:
            deserialize(content)
            accepted = True
        except SafetensorError:
            accepted = False
        assert accepted == (row["code"] is None), row


if __name__ == "__main__":
    main()
