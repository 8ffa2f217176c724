#!/usr/bin/env bash
# SPDX-License-Identifier: 0BSD
#
# The library as it is handed over: the examples run, bad input is refused, the manual pages' examples
# compile, and what `make install` put down works from there, under another prefix of names too.
#
# Takes about 11 s.
# Boots guests.
set -u
ROOT=$(cd "$(dirname "$0")/../.." && pwd)
OUT=$(realpath -m "${O:-$ROOT/build}/tests/examples")
mkdir -p "$OUT"
# shellcheck source=tests/results.sh
. "$ROOT/tests/results.sh"
# shellcheck source=tools/kvm.sh
. "$ROOT/tools/kvm.sh"
cd "$ROOT" || exit 1

if ! make -s O="$OUT/build" examples >"$OUT/make.log" 2>&1; then
	fail examples "do not compile: $(grep -m1 error "$OUT/make.log")"
	exit 1
fi
programs=$OUT/build/examples

# ---- The simulation, and the scripted hypervisor with a ring-3 reader ----
if "$programs/simulation" >"$OUT/simulation.log"; then
	pass examples.simulation "$(wc -l <"$OUT/simulation.log") scenes"
else
	fail examples.simulation "$(grep -m1 UNEXPECTED "$OUT/simulation.log")"
fi

page=$OUT/page
"$programs/hyp" "$page" hz 2300000000 wall 1700000000 jump 5000000000 storm 1000000000 &
hyp=$!
sleep 0.5
if "$programs/ring3_reader" "$page" 2000000 >"$OUT/reader.log" 2>&1; then
	pass examples.ring3-reader "$(tail -1 "$OUT/reader.log")"
else
	fail examples.ring3-reader "$(tail -1 "$OUT/reader.log")"
fi
kill "$hyp"
wait "$hyp" 2>/dev/null

# A page that the reader must refuse.
for script in "hz 2300000000 mul 0" "hz 2300000000 odd 3000"; do
	read -ra words <<<"$script"
	"$programs/hyp" "$page" "${words[@]}" &
	hyp=$!
	sleep 0.3
	"$programs/ring3_reader" "$page" >"$OUT/reader.log" 2>&1
	status=$?
	wait "$hyp"
	if [[ $status == 1 ]] && grep -q 'the page is' "$OUT/reader.log"; then
		pass "examples.refuses-${words[2]}" "$(cat "$OUT/reader.log")"
	else
		fail "examples.refuses-${words[2]}" "status $status: $(tail -1 "$OUT/reader.log")"
	fi
done

# ---- Bad input: a message and status 2 ----
bad=''
count=0
while read -r line; do
	read -ra words <<<"$line"
	"$programs/${words[0]}" "${words[@]:1}" >"$OUT/bad.out" 2>"$OUT/bad.log"
	status=$?
	[[ $status == 2 && -s $OUT/bad.log ]] || bad+=" '$line' ($status)"
	count=$((count + 1))
done <<-INPUTS
	hyp
	hyp $page
	hyp $page update
	hyp $page hz
	hyp $page hz x
	hyp $page hz 0
	hyp $page hz 2300000000 nonsense
	hyp $page hz 2300000000 sleep -1
	hyp /nonexistent/page hz 1
	ring3_reader
	ring3_reader /nonexistent/page
	ring3_reader $ROOT/LICENSE
	ring3_reader $page 0
	ring3_reader $page x
	vvar_clock x
	vvar_clock 0
	vvar_clock 1 2
INPUTS
if [[ -z $bad ]]; then
	pass examples.refuse-bad-input "$count inputs"
else
	fail examples.refuse-bad-input "$bad"
fi

# ---- Linux's own page ----
"$programs/vvar_clock" >"$OUT/vvar.log" 2>&1
status=$?
case $status in
0) pass examples.vvar-clock "$(tail -1 "$OUT/vvar.log")" ;;
2) skip examples.vvar-clock "$(tail -1 "$OUT/vvar.log")" ;;
*) fail examples.vvar-clock "status $status: $(tail -1 "$OUT/vvar.log")" ;;
esac

# ---- The TSC's frequency, by what a process can ask ----
"$programs/tsc_frequency" >"$OUT/tsc.log" 2>&1
status=$?
if [[ $status == 0 ]] && grep -q '^the monotonic clock .* Hz, +- [0-9]* ppm' "$OUT/tsc.log"; then
	pass examples.tsc-frequency "$(tail -1 "$OUT/tsc.log")"
else
	fail examples.tsc-frequency "status $status: $(tail -1 "$OUT/tsc.log")"
fi

# ---- The minimal kernel ----
lines=$(grep -vcE '^\s*(/\*|\*|$)' examples/kernel/glue.c)
if ((lines <= 70)); then
	pass examples.kernel-glue "$lines lines"
else
	fail examples.kernel-glue "$lines lines, more than 70"
fi

# boot ACCEL: QEMU's own status, which is 2 * value + 1 for a kernel that ended itself.
boot() {
	timeout $((60 * ${TEST_PATIENCE:-1})) qemu-system-x86_64 -accel "$1" -machine pc -m 32 -display none -nodefaults -no-reboot \
		-serial "file:$OUT/kernel-$1.log" -device isa-debug-exit,iobase=0xf4,iosize=4 \
		-kernel "$programs/kernel.elf" </dev/null >"$OUT/qemu.log" 2>&1
}

if ! command -v qemu-system-x86_64 >/dev/null; then
	skip examples.kernel "no qemu-system-x86_64 here"
else
	boot tcg
	status=$?
	now=$(date -u +%s)
	then=$(date -u -d "$(sed -n 's/ by the RTC$//p' "$OUT/kernel-tcg.log")" +%s 2>/dev/null || echo 0)
	if [[ $status == 3 && $((now - then)) -ge -1 && $((now - then)) -le 60 ]] &&
		grep -q 'no clock: not ready' "$OUT/kernel-tcg.log" &&
		grep -qE '^TSC [0-9]{3,5} MHz by [a-zA-Z]' "$OUT/kernel-tcg.log"; then
		pass examples.kernel-without-kvm "$(tr '\n' ';' <"$OUT/kernel-tcg.log")"
	else
		fail examples.kernel-without-kvm "status $status: $(tail -1 "$OUT/kernel-tcg.log")"
	fi
	if ! why=$(kvm_works); then
		skip examples.kernel "no KVM: $why"
	else
		boot kvm
		status=$?
		now=$(date -u +%s)
		then=$(date -u -d "$(head -1 "$OUT/kernel-kvm.log")" +%s 2>/dev/null || echo 0)
		if [[ $status == 1 && $((now - then)) -ge -1 && $((now - then)) -le 60 ]]; then
			pass examples.kernel "$(tail -1 "$OUT/kernel-kvm.log"), $((now - then)) s before the host's date"
		else
			fail examples.kernel "status $status: $(tail -1 "$OUT/kernel-kvm.log")"
		fi
	fi
fi

# ---- The manual pages' examples ----
blocks=0
bad=''
rm -f "$OUT"/man-*.c
awk -v out="$OUT/man-" '
	/^\.Bd -literal/ { n++; on = 1; next }
	/^\.Ed/ { on = 0 }
	on { gsub(/\\e/, "\\"); print > (out n ".c") }
' docs/man/pvclock.3
for block in "$OUT"/man-*.c; do
	blocks=$((blocks + 1))
	gcc -std=c11 -Wall -Wextra -Werror -Wno-unused -Ilib -c "$block" -o "$OUT/man.o" \
		2>"$OUT/man.log" || bad+=" $(basename "$block"): $(grep -m1 error "$OUT/man.log")"
done
if [[ -z $bad && $blocks -ge 3 ]]; then
	pass examples.manual-examples-compile "$blocks examples"
else
	fail examples.manual-examples-compile "$blocks examples;$bad"
fi
if ! command -v mandoc >/dev/null; then
	skip examples.manual-lint "no mandoc here"
elif mandoc -T lint -W warning docs/man/pvclock.3 docs/man/pvclock.7 >"$OUT/mandoc.log"; then
	pass examples.manual-lint "no warning"
else
	fail examples.manual-lint "$(head -1 "$OUT/mandoc.log")"
fi
# Every public function has its entry.
missing=''
functions=0
while read -r function; do
	functions=$((functions + 1))
	grep -q "^\.Fn $function " docs/man/pvclock.3 || missing+=" $function"
done < <(sed -n -e 's/^[a-zP].*[ *]\(pvclock_[a-z0-9_]*\)(.*/\1/p' -e 's/^\(pvclock_[a-z0-9_]*\)(.*/\1/p' \
	lib/pvclock/{pvclock,read,guard,host,clock}.h |
	grep -v -e clock_pass_guard -e clock_vcpu_word -e slow -e pvclock_near -e store_timespec -e word_read -e pvclock_page_of -e pvclock_version_of -e pvclock_read_time -e pvclock_vcpu_read -e fast -e halves | sort -u)
if [[ -z $missing && $functions -gt 20 ]]; then
	pass examples.manual-is-complete "$functions functions"
else
	fail examples.manual-is-complete "not in pvclock(3):$missing"
fi

# ---- Installation ----
stage=$OUT/stage
rm -rf "$stage"
cat >"$OUT/user.c" <<'PROGRAM'
#include <pvclock/guard.h>
#include <pvclock/host.h>
#include <pvclock/read.h>
#include <stdio.h>
int main(void)
{
    static struct pvclock_vcpu_time_info page;
    struct pvclock_snapshot values = {0, 5, 0, 1u << 31, 0, 0};
    struct pvclock_sample sample;
    pvclock_publish(&page, &values);
    if (pvclock_read(&page, PVCLOCK_LFENCE, &sample) != PVCLOCK_OK || sample.ns < 5)
        return 1;
    puts(PVCLOCK_VERSION_STRING);
    return 0;
}
PROGRAM
if make -s O="$OUT/build" PREFIX=/opt/clock DESTDIR="$stage" install >"$OUT/install.log" 2>&1; then
	pc=$stage/opt/clock/lib/pkgconfig/pvclock.pc
	version=$(sed -n 's/^Version: //p' "$pc")
	if grep -qxF "prefix=\${pcfiledir}/../.." "$pc" &&
		gcc -Wall -Werror -I"$stage/opt/clock/include" "$OUT/user.c" -L"$stage/opt/clock/lib" -lpvclock \
			-o "$OUT/user" 2>"$OUT/install.log" &&
		g++ -std=c++17 -Wall -Werror -x c++ -I"$stage/opt/clock/include" "$OUT/user.c" -x none \
			-L"$stage/opt/clock/lib" -lpvclock -o "$OUT/user++" 2>>"$OUT/install.log" &&
		printf '#include <%s>\n' timecounter/timecounter.h tsc/tsc.h tsc/rtc.h tsc/calendar.h |
		gcc -Wall -Werror -I"$stage/opt/clock/include" -xc -fsyntax-only - 2>>"$OUT/install.log" &&
		[[ $("$OUT/user") == "$version" && $("$OUT/user++") == "$version" && -n $version ]]; then
		pass examples.install "version $version, $(find "$stage" -type f | wc -l) files, used from C and C++"
	else
		fail examples.install "$(head -1 "$OUT/install.log")"
	fi
	make -s O="$OUT/build" PREFIX=/opt/clock DESTDIR="$stage" uninstall >"$OUT/install.log" 2>&1
	left=$(find "$stage" -type f | wc -l)
	if [[ $left == 0 ]]; then
		pass examples.uninstall "nothing left"
	else
		fail examples.uninstall "$left files left"
	fi
else
	fail examples.install "$(tail -1 "$OUT/install.log")"
fi

# ---- Another prefix of names ----
tools/amalgamate.sh myclock >"$OUT/myclock.h"
{
	printf '#define MYCLOCK_IMPLEMENTATION\n#include "myclock.h"\n'
	sed -e '/#include <pvclock/d' -e 's/pvclock/myclock/g; s/PVCLOCK/MYCLOCK/g' "$OUT/user.c"
} >"$OUT/prefix.c"
if gcc -std=c11 -Wall -Wextra -Werror -I"$OUT" "$OUT/prefix.c" \
	-o "$OUT/prefix" 2>"$OUT/prefix.log" &&
	"$OUT/prefix" >/dev/null && ! grep -qi pvclock "$OUT/myclock.h" &&
	! nm "$OUT/prefix" | grep -q pvclock; then
	pass examples.another-prefix "myclock_ns() and the rest"
else
	fail examples.another-prefix "$(head -1 "$OUT/prefix.log")"
fi
if tools/amalgamate.sh 'No-name' >/dev/null 2>"$OUT/prefix.log"; then
	fail examples.bad-prefix "was taken"
else
	pass examples.bad-prefix "$(cat "$OUT/prefix.log")"
fi
exit "$failed"
