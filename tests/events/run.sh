#!/usr/bin/env bash
# SPDX-License-Identifier: 0BSD
#
# Run single scenarios of tests/events; `--list` lists them.  Installs what is missing.

cd "$(dirname "${BASH_SOURCE[0]}")/../.." || exit 2
# shellcheck source=tools/deps.sh
. tools/deps.sh
deps_need yes build run test || exit 2
exec tests/events/suite.sh "$@"
