# SPDX-License-Identifier: 0BSD
# The targets that run something.

.PHONY: run test soak size lint mutants
run: ## boot the kernel in QEMU and show its report (ARGS="--smp 4")
	./run-qemu.sh $(ARGS)

test: ## run every test suite, installing what they need
	tests/run.sh

size: kernel ## print lines of source and bytes of code by folder
	@tools/size $(SIZE) $(O)/kernel-objs

lint: ## check includes, formats, scripts, manual pages and licence lines
	tests/run.sh lint

# ROW=18: those of a row of docs/known-bugs.md.  ARGS: see tests/bugs/run.sh --help.
mutants: ## put each known bug into a copy of the tree and show which test finds it (ROW=18)
	+O=$(O) tests/bugs/run.sh $(ROW:%=--row %) $(ARGS)

soak: kernel ## random events to a guest under KVM: MINUTES=30, SEED=N of an earlier run, HTML=FILE
	PYTHONDONTWRITEBYTECODE=1 tests/events/soak.py $(MINUTES) $(if $(SEED),--seed $(SEED)) \
		$(if $(HTML),--html '$(HTML)')
