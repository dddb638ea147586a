# Everything there is to run. `make help` lists it. The work itself is in scripts/.

.PHONY: help village test test-radio lint soak bench-routing bench-ledger bench-hotspot bench-radio bench-instructions bench-size bench-memory cross cross-mips cross-mipsel cross-armv7 cross-aarch64 cross-x86_64 sizes package
.DEFAULT_GOAL := help

help: ## This list
	@echo "tequio: what make can do here"
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1|\2/p' Makefile | awk -F'|' '{ printf "%-20s %s\n", $$1, $$2 }'

village: ## Plays the village on this machine, as root (ARGS=--keep leaves it standing)
	@scripts/setup.sh
	@scripts/village.sh $(ARGS)

test: ## Everything that proves it, as root: format, lints, tests, simulator, village, babeld
	@scripts/setup.sh
	@scripts/test.sh $(PARTS)

test-radio: ## Radio links on simulated radios with real hostapd and wpa_supplicant, in QEMU, as root (KVM=1)
	@scripts/setup.sh
	@scripts/test.sh build radio

lint: ## Format and clippy, without root
	@scripts/setup.sh rust
	@scripts/lint.sh

soak: ## What is too long for every change: many more simulated meshes, every processor and kernel, power cuts (docs/soak.md)
	@scripts/setup.sh
	@HOURS=12 SEEDS=500 HUNDREDS=300 THOUSANDS=30 LEDGERS=500 CUTS=50 PROPTEST_CASES=256 MESHES=1 scripts/test.sh build simulator fuzz roles cross bigendian kernels kills power
	@scripts/bench-routing.sh --speakers ours --groups boot20,boot110 --json target/bench/boot.json

bench-routing: ## Our daemon, babeld and bird in the same worlds, 45 minutes (ARGS="--runs 3 --groups first,carrier")
	@scripts/setup.sh
	@scripts/bench-routing.sh $(ARGS)

bench-ledger: ## What the ledger costs in octets, seconds, memory, flash and instructions (valgrind), 3 minutes
	@scripts/setup.sh
	@scripts/bench-ledger.sh

bench-hotspot: ## Crowds of phones at one node and at six, redirects beside hyper, forwarding beside plain connection tracking, 3 minutes
	@scripts/setup.sh
	@cargo build --locked --workspace --bins
	@mkdir -p target/bench
	@$${CARGO_TARGET_DIR:-target}/debug/lab bench-hotspot --json target/bench/hotspot.json $(ARGS)

bench-radio: ## A cut of a radio link with ours and with babeld, its watch over fifty stations, as root (KVM=1)
	@scripts/setup.sh
	@HISTORY=1 scripts/boot.sh radio

bench-instructions: ## Instructions of simulated meshes with fixed seeds (valgrind), 5 minutes
	@scripts/setup.sh
	@scripts/bench-instructions.sh

cross: ## The daemon for every processor of cross.toml, each started once; one alone: make cross-mips, -mipsel, -armv7, ...
	@scripts/cross.sh all
	@tests/cross/run.sh

# The toolchain goes to target/xtools; XTOOLS=folder shares it between trees.
cross-mips cross-mipsel cross-armv7 cross-aarch64 cross-x86_64:
	@scripts/cross.sh $(@:cross-%=%)

bench-size: ## Weighs the daemon on every processor and with the SDK's flags; fails beyond the limit (ARCH=mips for one)
	@scripts/bench_size.py $(ARCH)

bench-memory: ## The daemon's memory and first Hello on a MIPS router's kernel in QEMU, as root; fails beyond the limit
	@scripts/setup.sh
	@scripts/boot.sh memory

sizes: ## Measures what each dependency weighs on MIPS (docs/dependencies.md); half an hour
	@scripts/sizes.sh

package: ## The router's package and its feed, ARCH=mips_24kc, mipsel_24kc, arm_cortex-a7, aarch64_generic, x86_64 ...
	@scripts/package.py $(ARCH) $(if $(BINARY),--binary $(BINARY))
