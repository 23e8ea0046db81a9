# Everything a newcomer needs: `make run`, `make picture`, `make test`. Set-up is part of each.

BINDGEN := cargo run --quiet --profile tool --package tintype-bindgen --
TARGET := wasm32-unknown-unknown
PKG := www/src/engine/pkg
PORT ?= 8080
DEVICE ?= auto
PROMPT ?= a robot on a teal background, 3d
OUT ?= picture.png
PYTHON ?= tests/reference/.venv/bin/python

BASE ?= ./

.PHONY: run picture site package test native built test-package test-hosts test-training test-gpu check lint wasm cpu cpu-relaxed webgpu parity page npm chromium firefox vulkan rust size bench bench-networks bench-growth bench-executor bench-images bench-native bench-savers bench-full-size docs clean

## Build the page and serve it on http://localhost:8080
run: page
	PORT=$(PORT) node www/scripts/serve.mjs

## A picture without a window: make picture PROMPT="a cat" SEED=7 OUT=cat.png DEVICE=cpu|webgpu|auto
picture: page chromium
	@node www/scripts/picture.mjs --prompt "$(PROMPT)" --out "$(OUT)" --device $(DEVICE) \
	  $(if $(SEED),--seed $(SEED)) $(if $(NEGATIVE),--negative "$(NEGATIVE)") $(if $(STEPS),--steps $(STEPS)) \
	  $(if $(CFG),--cfg $(CFG)) $(if $(SAMPLER),--sampler $(SAMPLER)) $(if $(SCHEDULER),--scheduler $(SCHEDULER)) \
	  $(if $(WIDTH),--width $(WIDTH)) $(if $(HEIGHT),--height $(HEIGHT))

## A folder for any static host, build/site: make site [BASE=/sub/path/]
site: wasm
	node www/scripts/site.mjs --base $(BASE)

## The npm package, build/package: engine, widget, Node's entry
package: wasm
	node www/scripts/package.mjs

## The package in fresh Vite and webpack projects, Node-RED, n8n and the examples: needs the npm registry
test-package: package chromium
	cd www && npx playwright test --project=install
	$(MAKE) test-hosts
	node www/examples/check.mjs

## The nodes for Node-RED and n8n
test-hosts: package
	cd integrations/node-red && npm install --no-audit --no-fund && npm test
	cd integrations/n8n && npm install --no-audit --no-fund && npm test

## All tests: style, Rust, engine sizes, page, browser
test:
	$(MAKE) --jobs=2 native built
	cd www && npm run check && npm test

# An engine's link is minutes of one thread: the native tests are compiled beside it.
native: check
	cargo run --example run_workflow -- www/public/workflows/text_to_image.json --models www/public/models --out build/native
	test -n "$$(find build/native -name 'dragon_*.png' -size +4k)"

# One engine at a time: cargo gives their files one name.
built:
	$(MAKE) --jobs=1 size page package parity chromium firefox vulkan

## The numbers of `ops` and of the networks on this machine's GPU, a software one where there is no other
test-gpu:
	TINTYPE_DEVICE=webgpu cargo test --features webgpu --test tests -- parity golden
	TINTYPE_DEVICE=webgpu cargo test --features webgpu --test tests -- too_large_for_halves

## The training scripts at 1/100 of their size, from nothing: make test-training PYTHON=training/.venv/bin/python
test-training:
	sh training/chain.sh build/training $(abspath $(PYTHON))

## What a change must pass before it is looked at: no browser, no wasm
check: lint
	cargo test --workspace --exclude tintype-bindgen

lint:
	cargo fmt --all --check
	cargo clippy --workspace --all-targets -- -D warnings

# ---- the engines

wasm: cpu cpu-relaxed webgpu

# A cdylib alone: cargo leaves link-time optimisation, 6 % of the CPU engine's download, out of one that is an rlib, too.
ENGINE := cargo rustc --release --lib --crate-type cdylib --target $(TARGET) --no-default-features --features

# Cargo gives every engine's file the same name, and so would link each of them again whenever another was built last.
SOURCES := $(shell find Cargo.toml Cargo.lock build.rs .cargo src kernels scripts/package-engine www/public/models -type f)

cpu cpu-relaxed webgpu: %: $(PKG)/%/tintype_bg.wasm

$(PKG)/%/tintype_bg.wasm: $(SOURCES) | rust npm
	$(ENGINE) $*
	@scripts/package-engine $* $(TARGET) $(PKG)/$*
	@touch $@

# The WebGPU engine once more, with what compares its numbers with the references: for www/test/browser/parity.spec.ts
# only. One more link, since everything but our own crate is the same: the quicker one, and no wasm-opt, since nobody
# downloads it.
PARITY := build/parity/webgpu

parity: $(PARITY)/tintype_bg.wasm

$(PARITY)/tintype_bg.wasm: $(SOURCES) $(shell find tests/shared tests/fixtures -type f) | rust
	$(ENGINE) webgpu,parity -- -C lto=thin -C codegen-units=16
	@$(BINDGEN) $${CARGO_TARGET_DIR:-target}/$(TARGET)/release/tintype.wasm $(PARITY)

## Budgets of the downloads, gzipped
size: wasm
	@scripts/check-size $(PKG)/cpu/tintype_bg.wasm 1500000
	@scripts/check-size $(PKG)/cpu-relaxed/tintype_bg.wasm 1500000
	@scripts/check-size $(PKG)/webgpu/tintype_bg.wasm 3200000

page: wasm
	cd www && npm run build

# ---- what has to be installed

rust:
	@command -v cargo >/dev/null || { echo "Rust is missing: install it from https://rustup.rs"; exit 1; }
	@rustup target list --installed 2>/dev/null | grep -qx $(TARGET) || rustup target add $(TARGET)

npm: www/node_modules/.package-lock.json

www/node_modules/.package-lock.json: www/package-lock.json
	@command -v npm >/dev/null || { echo "Node is missing: install version 20.19 or later from https://nodejs.org"; exit 1; }
	cd www && npm ci --no-audit --no-fund
	@touch $@

chromium: npm
	@scripts/install-browser chromium "$(CHROMIUM)" chromium chromium-browser google-chrome google-chrome-stable

firefox: npm
	@scripts/install-browser firefox-esr "$(FIREFOX)" firefox-esr firefox

vulkan: npm
	@scripts/install-vulkan

# ---- for developers

## Every speed: the executor's, the picture nodes', the step savers', the networks'; how large checkpoints load, and what size costs
bench: bench-executor bench-images bench-savers bench-networks bench-full-size bench-growth

## The networks against onnxruntime-web's: make bench-networks [ROUNDS=15] [DEVICE=webgpu [KERNELS=1]] [QUARTER=1] [PARTS="unet2 vae"]
bench-networks: $(if $(filter webgpu,$(DEVICE)),webgpu,cpu) chromium
	cd www/bench && npm ci --no-audit --no-fund
	@node www/bench/networks.mjs $(if $(filter webgpu,$(DEVICE)),--device webgpu) $(if $(ROUNDS),--rounds $(ROUNDS)) $(if $(QUARTER),--quarter) $(if $(KERNELS),--kernels) $(PARTS)

## The GPU engine's networks against onnxruntime-webgpu's on this machine's own GPU; PYTHON has benches/requirements.txt:
## make bench-native PYTHON=… [ROUNDS=5] [QUARTER=1 | WHOLE=1] [FULL=1] [PARTS="unet2 vae conv-128-128-512"] [PEAK=67] [BANDWIDTH=4800]
bench-native:
	$(PYTHON) benches/native.py $(if $(ROUNDS),--rounds $(ROUNDS)) $(if $(QUARTER),--quarter) $(if $(WHOLE),--whole) $(if $(FULL),--full) $(if $(PEAK),--peak $(PEAK)) $(if $(BANDWIDTH),--bandwidth $(BANDWIDTH)) $(PARTS)

## Time and memory of sizes and batches: make bench-growth [DEVICE=webgpu] [SIZES="512 1024x2"] [PART=1] [MEMORY=1] [FULL=1] [LEAST=1] [SAMPLING=1]
bench-growth: page chromium
	@node www/bench/growth.mjs $(if $(filter webgpu,$(DEVICE)),--device webgpu) $(if $(PART),--part $(PART)) $(if $(MEMORY),--memory) $(if $(FULL),--full) $(if $(LEAST),--least) $(if $(SAMPLING),--sampling) $(SIZES)

## Time and memory of Stable Diffusion 1.5's and SDXL's checkpoints on the CPU engine
bench-full-size: page chromium
	@node www/bench/full_size.mjs

## How near the step savers' pictures come to whole runs, and what they save
bench-savers:
	cargo bench --bench savers

## What the executor costs for each node
bench-executor:
	cargo bench --bench executor

## Milliseconds of the picture nodes, beside torch's and Pillow's where PYTHON has them (tests/reference/README.md)
bench-images:
	@mkdir -p build/bench
	cargo bench --bench images | tee build/bench/images.txt
	@test ! -x $(PYTHON) || $(PYTHON) tests/reference/bench_images.py build/bench/images.txt

## Rewrite docs/nodes.md and the TypeScript types of nodes from the node list
docs:
	UPDATE_DOCS=1 cargo test --test tests docs

clean:
	cargo clean
	rm -rf build www/dist www/node_modules $(PKG)
