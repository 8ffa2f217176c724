# SPDX-License-Identifier: 0BSD
.PHONY: kernel
kernel:
