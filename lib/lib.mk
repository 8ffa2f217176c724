# SPDX-License-Identifier: 0BSD
.PHONY: lib
lib:
