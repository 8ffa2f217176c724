# SPDX-License-Identifier: 0BSD
# clockpage: the kernel, the library, the readers and their tests.  `make help` lists the targets.

# The toolchain: CROSS_COMPILE=x86_64-elf- for a cross compiler, CC=clang for Clang; by default the
# host's GCC, which has to produce x86_64 ELF.
CROSS_COMPILE ?=
ifeq ($(origin CC),default)
CC := $(CROSS_COMPILE)gcc
endif
LD := $(CROSS_COMPILE)ld
AR := $(CROSS_COMPILE)ar
NM := $(CROSS_COMPILE)nm
OBJCOPY := $(CROSS_COMPILE)objcopy
SIZE := $(CROSS_COMPILE)size

# Everything that is built goes below O.
O ?= build

# V=1 shows the commands.
V ?= 0
ifeq ($(V),0)
Q := @
SAY := @echo
else
Q :=
SAY := @:
endif

.DEFAULT_GOAL := all
.DELETE_ON_ERROR:
.SUFFIXES:

# Each part of the tree brings its own rules; a target with a `##` comment shows in `make help`.
include lib/lib.mk
include kernel/kernel.mk
include boot/iso.mk
include tests/tests.mk

.PHONY: all clean dist help
all: kernel lib ## build the kernel and the library (the default)

clean: ## remove everything that was built
	rm -rf $(O)

# What is committed, and the single headers, which take a shell to make.
RELEASE := clockpage-$(LIB_VERSION)
dist: $(LIB_NAMES:%=$(O)/%_all.h) ## write the release, build/clockpage-VERSION.tar.gz, of what is committed
	git archive --format=tar --prefix=$(RELEASE)/single/ $(^:%=--add-file=%) --prefix=$(RELEASE)/ \
		-o $(O)/$(RELEASE).tar HEAD
	gzip -9nf $(O)/$(RELEASE).tar

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z][a-z0-9_-]*:.*## / { printf "  %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
