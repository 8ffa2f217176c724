# SPDX-License-Identifier: 0BSD
# The targets that run something.

.PHONY: run test lint
run: ## boot the kernel in QEMU and show its report (ARGS="--smp 4")
	./run-qemu.sh $(ARGS)

test: ## run every test suite, installing what they need
	tests/run.sh

lint: ## check includes, formats, scripts, manual pages and licence lines
	tests/run.sh lint
