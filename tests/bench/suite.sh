#!/usr/bin/env bash
# SPDX-License-Identifier: 0BSD
#
# The benchmark builds other people's readers beside ours, and marks one whose time is wrong.  No
# figure of a run counts here.
#
# Takes about 8 s.
set -u
cd "$(dirname "${BASH_SOURCE[0]}")/../.." || exit 2
# shellcheck source=tests/results.sh
. tests/results.sh

dir=$(mktemp -d) || exit 2
trap 'rm -rf "$dir"' EXIT
mkdir "$dir/peers"
cat >"$dir/peers/right.c" <<'C'
#include <pvclock/abi.h>

static uint64_t now(const struct pvclock_vcpu_time_info *p)
{
    uint32_t lo, hi;

    __asm__ volatile("lfence\n\trdtsc" : "=a"(lo), "=d"(hi));
    uint64_t delta = ((uint64_t)hi << 32 | lo) - p->tsc_timestamp;
    delta = p->tsc_shift < 0 ? delta >> -p->tsc_shift : delta << p->tsc_shift;
    return p->system_time + (uint64_t)((unsigned __int128)delta * p->tsc_to_system_mul >> 32);
}

uint64_t peer_ns(const void *page)
{
    return now(page);
}

void peer_timespec(const void *page, uint64_t base_ns, int64_t out[2])
{
    uint64_t ns = base_ns + now(page);

    out[0] = (int64_t)(ns / 1000000000);
    out[1] = (int64_t)(ns % 1000000000);
}
C
# The same a second late, and without the split time.
sed -e 's/return now(page)/return now(page) - 1000000000/' -e '/^void peer_timespec/,$d' "$dir/peers/right.c" \
	>"$dir/peers/wrong.c"

if ! make -s O="$dir/build" PEERS="$dir/peers" "$dir/build/bench" >"$dir/log" 2>&1 ||
	! "$dir/build/bench" 3 4 100 >"$dir/rows" 2>>"$dir/log"; then
	fail bench.peers "$(tail -n 1 "$dir/log")"
	exit 1
fi
row='^peer %s: %s +[0-9.]+ +[0-9.]+%s$'
missing=
for expected in 'right ns' 'right timespec' 'wrong ns   WRONG TIME'; do
	read -r name what mark <<<"$expected"
	# shellcheck disable=SC2059 # the format is above
	grep -qE "$(printf "$row" "$name" "$what" "${mark:+  $mark}")" "$dir/rows" || missing="$missing, $name: $what"
done
peers=$(grep -c '^peer ' "$dir/rows")
if [[ -z $missing && $peers -eq 3 ]]; then
	pass bench.peers "3 rows of 2 peers, 1 marked as wrong"
else
	fail bench.peers "$peers rows of peers; without${missing#,}"
fi
if grep -q "^the floor's p90/p10: [0-9.]*" "$dir/rows" && grep -q '^ordered TSC read for this CPU: .*, because ' "$dir/rows" &&
	grep -qE "^this host's vDSO, by libc +[0-9.]+ +[0-9.]+$" "$dir/rows"; then
	pass bench.says-what-it-measured "the TSC read and why, the host's own vDSO, how steady the floor was"
else
	fail bench.says-what-it-measured "$(tail -n 1 "$dir/rows")"
fi
((failed == 0))
