"""The GPU engine's networks against onnxruntime-webgpu's, natively on the same Vulkan device, in turns.

  python benches/native.py [--quarter | --whole] [--full] [--rounds N] [--steps N] [--peak TFLOPS] [--bandwidth GBS] [--binary FILE] [PART …]

Parts are text, unet1, unet2, vae, taesd and convolutions as conv-128-128-512 (inputs, outputs, side); all where none is named.
Run from the repository root, where `python tests/reference/export_onnx.py [--quarter | --whole]` has made the ONNX files, with
onnxruntime-webgpu and numpy installed (benches/requirements.txt; in an environment without onnxruntime, whose place it takes).
The text encoder's time is with the tokenizer for ours; our weights are f16, onnxruntime's f32. Our maps are halves where the device
knows them, f32 with `--full`. Dispatches are those of one evaluation; onnxruntime counts its own on devices with clocks only. The
memory is what our buffers take after a part, those of parts before it that wait to be used among them: name a part alone for its
own.
Ours is `cargo bench --features webgpu --bench networks`: WGSL through naga, as a browser would have it. `--binary` names it ready
made, for a machine without Rust; `--peak` is the device's f32 peak, `--bandwidth` that of its memory, for the shares of them: of the
bandwidth by what ours must read and write at least, weights and maps of its layers. onnxruntime's results are first compared
with its own CPU's; ours are compared with the references by `make test-gpu`.

A ratio above 1 says that Tintype takes less. On a software adapter nothing here is a speed.
"""

import argparse
import json
import pathlib
import statistics
import subprocess
import tempfile
import time

import numpy as np
import onnxruntime

TOLERANCE = 2e-3
BENCH = pathlib.Path("build/bench")
CONVOLUTIONS = BENCH / "onnx/convolutions"
# Pixels along a side, by model.
SIDES = {"sprite": 128, "quarter": 256, "whole": 512}


class Ours:
    """The bench of our engine, waiting for names of parts."""

    def __init__(self, a: argparse.Namespace) -> None:
        program = [a.binary] if a.binary else ["cargo", "bench", "--quiet", "--features", "webgpu", "--bench", "networks", "--"]
        arguments = [BENCH, a.model, SIDES[a.model], a.steps, *(["full"] if a.full else [])]
        pipe = subprocess.PIPE
        self.process = subprocess.Popen([*program, *map(str, arguments)], stdin=pipe, stdout=pipe, text=True, bufsize=1)
        self.device = self.answer()

    def answer(self) -> str:
        line = self.process.stdout.readline().strip()
        if not line:
            raise SystemExit("our bench has ended; what it said is above")
        return line

    def run(self, part: str) -> float:
        print(part, file=self.process.stdin, flush=True)
        milliseconds, self.dispatches, self.memory = map(float, self.answer().split())
        return milliseconds


class Theirs:
    """A network in onnxruntime."""

    def __init__(self, path: pathlib.Path, runs: int) -> None:
        self.path = path
        self.session = self.opened()
        # It falls back to its CPU with a message among others.
        if self.session.get_providers()[0] != "WebGpuExecutionProvider":
            raise SystemExit("onnxruntime found no WebGPU adapter; what it said is above")
        self.runs = runs
        self.inputs = {i.name: some(i.name, i.shape) for i in self.session.get_inputs()}
        # Convolutions of one network.
        self.times = len(self.inputs.get("scales", [0]))
        self.dispatches = self.counted()
        (expected,) = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"]).run(None, self.inputs)
        (got,) = self.session.run(None, self.inputs)
        off = np.abs(got - expected).max() / np.abs(expected).max()
        if not off <= TOLERANCE:
            raise SystemExit(f"{path}: onnxruntime's WebGPU is {off:.1e} off its CPU")

    def opened(self, options: onnxruntime.SessionOptions | None = None) -> onnxruntime.InferenceSession:
        return onnxruntime.InferenceSession(str(self.path), options, providers=["WebGpuExecutionProvider"])

    def counted(self) -> float | None:
        """Dispatches of an evaluation, where the device can time them."""
        with tempfile.TemporaryDirectory() as folder:
            options = onnxruntime.SessionOptions()
            options.enable_profiling = True
            options.profile_file_prefix = f"{folder}/profile"
            session = self.opened(options)
            session.run(None, self.inputs)
            events = json.loads(pathlib.Path(session.end_profiling()).read_text())
        return sum(event["cat"] == "Api" for event in events) / self.times or None

    def run(self) -> float:
        """Milliseconds of an evaluation, its result read."""
        begin = time.perf_counter()
        for _ in range(self.runs):
            self.session.run(None, self.inputs)
        return (time.perf_counter() - begin) * 1000 / self.runs / self.times


def some(name: str, shape: list[int]) -> np.ndarray:
    """Numbers for an input: a timestep in the middle, tokens, else noise, so that no arithmetic meets only zeros."""
    draw = np.random.default_rng(0)
    if name == "timestep":
        return np.full(shape, 500, np.float32)
    if name == "input_ids":
        return draw.integers(0, 256, shape)
    return draw.standard_normal(shape, np.float32)


def main(a: argparse.Namespace) -> None:
    onnx = BENCH / "onnx" / a.model
    for folder in (onnx, CONVOLUTIONS):
        if not (folder / "moved.json").exists():
            option = "" if a.model == "sprite" else f" --{a.model}"
            raise SystemExit(f"{folder} is missing: python tests/reference/export_onnx.py{option}")
    files = {path.stem: path for folder in (onnx, CONVOLUTIONS) for path in sorted(folder.glob("*.onnx"))}
    unknown = [part for part in a.parts if part not in files]
    if unknown:
        raise SystemExit(f"{', '.join(unknown)}: not among {', '.join(files)}")
    flops, moved = ({name: one for folder in (onnx, CONVOLUTIONS) for name, one in json.loads((folder / f"{what}.json").read_text()).items()} for what in ("flops", "moved"))
    ours = Ours(a)
    print(f"{ours.device}; onnxruntime-webgpu {onnxruntime.__version__}; medians of {a.rounds} rounds\n")
    shares = [name for name, most in (("of the peak", a.peak), ("of the bandwidth", a.bandwidth)) if most is not None]
    columns = ["part", "ours", "best", "onnxruntime", "best", "ratio", "rate", "dispatches", "onnxruntime", "memory", *shares]
    print(f"| {' | '.join(columns)} |\n|{' --- |' * len(columns)}")
    for part in a.parts or files:
        theirs = Theirs(files[part], a.steps if part.startswith("unet") else 1)
        asked = f"{part.replace('-', ' ')} {theirs.times}" if part.startswith("conv-") else part
        sides = {"ours": (lambda: ours.run(asked), []), "theirs": (theirs.run, [])}
        # Round 0 warms both up. Each goes first in every second one.
        for turn in range(a.rounds + 1):
            for name in sorted(sides, reverse=turn % 2 == 1):
                run, times = sides[name]
                took = run()
                if turn > 0:
                    times.append(took)
        mine, other = (statistics.median(sides[name][1]) for name in ("ours", "theirs"))
        best = [min(sides[name][1]) for name in ("ours", "theirs")]
        rate = flops[part] / theirs.times / mine / 1e9
        cells = [part, f"{mine:.2f} ms", f"{best[0]:.2f} ms", f"{other:.2f} ms", f"{best[1]:.2f} ms", f"{other / mine:.2f}", f"{1000 * rate:.1f} GFLOP/s"]
        cells += ["–" if count is None else f"{count:.0f}" for count in (ours.dispatches, theirs.dispatches)]
        cells.append(f"{ours.memory / 2**20:.0f} MB")
        if a.peak is not None:
            cells.append(f"{100 * rate / a.peak:.1f} %")
        if a.bandwidth is not None:
            halves = ours.device.endswith("halves") and part in ("unet1", "unet2", "vae")
            read = 2 * moved[part]["weights"] + (2 if halves else 4) * moved[part]["maps"]
            cells.append(f"{100 * read / theirs.times / mine / 1e6 / a.bandwidth:.1f} %")
        print(f"| {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    size = p.add_mutually_exclusive_group()
    size.add_argument("--quarter", dest="model", action="store_const", const="quarter", default="sprite", help="a quarter of Stable Diffusion 1.5 as the UNet")
    size.add_argument("--whole", dest="model", action="store_const", const="whole", help="networks as Stable Diffusion 1.5's")
    p.add_argument("--full", action="store_true", help="our maps in f32, also where the device knows halves")
    p.add_argument("--rounds", type=int, default=5)
    p.add_argument("--steps", type=int, default=20, help="evaluations of a UNet in a round")
    p.add_argument("--peak", type=float, help="TFLOP/s of the device in f32")
    p.add_argument("--bandwidth", type=float, help="GB/s of the device's memory")
    p.add_argument("--binary", help="our bench, built elsewhere")
    p.add_argument("parts", nargs="*", metavar="PART")
    main(p.parse_args())
