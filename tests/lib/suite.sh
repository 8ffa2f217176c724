#!/usr/bin/env bash
# SPDX-License-Identifier: 0BSD
#
# The libraries over compilers, word sizes and optimizations; their headers, hooks, symbols and manual.
#
# Usage: suite.sh [CHECK...]	default: all of them, in the order of the functions below
#
# Takes about 40 s.

# shellcheck disable=SC2317 # the checks are called by their names
set -u
cd "$(dirname "${BASH_SOURCE[0]}")/../.." || exit 2
out=${O:-build}/tests/lib/suite
mkdir -p "$out"
# shellcheck source=tests/results.sh
. tests/results.sh

# The compiled readers are looked at: TSC behind its fence, second version behind the TSC.
check_compiled_order() {
	local compiler optimize order code tsc looked=0 bad=''
	cat >"$out/reader.c" <<-'READER'
		#include <pvclock/read.h>
		enum pvclock_status by_lfence(const struct pvclock_vcpu_time_info *page, uint64_t *ns)
		{
		    return pvclock_ns(page, PVCLOCK_LFENCE, ns);
		}
		enum pvclock_status by_rdtscp(const struct pvclock_vcpu_time_info *page, uint64_t *ns)
		{
		    return pvclock_ns(page, PVCLOCK_RDTSCP, ns);
		}
	READER
	for compiler in gcc clang; do
		for optimize in -O0 -O1 -O2 -O3 -Os; do
			"$compiler" "$optimize" -Ilib -c "$out/reader.c" -o "$out/reader.o" || bad+=" $compiler"
			for order in lfence rdtscp; do
				code=$(objdump -d --no-show-raw-insn "$out/reader.o" | awk -v from="<by_$order>:" '
					index($0, from) { on = 1; next } /^$/ { on = 0 } on { $1 = ""; print }' | tr -s ' \n' ' ')
				tsc=${order/#lfence/lfence rdtsc}
				if [[ ! $code =~ \ $tsc\ .*\ and\ \$0x0,%.*\(%[a-z0-9]+,%[a-z0-9]+,1\) ]]; then
					bad+=" $compiler$optimize-$order"
				fi
				looked=$((looked + 1))
			done
		done
	done
	verdict lib.pvclock.compiled-order "$bad" "$looked readers: fence, TSC, a load that depends on it"
}

# Both test programs of lib/pvclock in every build; make runs several at once.
check_matrix() {
	local words='m64 m32' digests
	if ! have gcc -m32 -lcmocka; then
		skip lib.pvclock.matrix.m32 "no 32-bit program with cmocka runs here (libcmocka-dev:i386)"
		words=m64
	fi
	rm -rf "${O:-build}/tests/lib/pvclock/matrix"
	if make -s -k -j"$(nproc)" -Otarget SAY=@: O="${O:-build}" MATRIX_WORDS="$words" pvclock-matrix; then
		pass lib.pvclock.matrix "$(find "${O:-build}/tests/lib/pvclock/matrix" -name '*.tap' | wc -l) builds ran:\
 compilers, 32 and 64 bits, -O0 to -Os, UBSan, amalgamation"
	else
		failed=1
	fi
	digests=$(sed -n 's/^# figures: \([0-9a-f]\{16\}\)$/\1/p' "${O:-build}"/tests/lib/pvclock/matrix/exact-*.tap)
	if [[ $(sort -u <<<"$digests" | wc -l) == 1 ]]; then
		pass lib.pvclock.32-bits-as-64 "$(wc -l <<<"$digests") builds, one digest ${digests:0:16}"
	else
		fail lib.pvclock.32-bits-as-64 "$(sort <<<"$digests" | uniq -c | tr -s ' \n' ' ')"
	fi
}

# A whole library in one object needs no symbol, and keeps nothing.
check_freestanding() {
	local library compiler word optimize built bad object=$out/library.o
	for library in pvclock timecounter tsc; do
		built=0 bad=''
		for compiler in gcc clang; do
			for word in -m64 -m32; do
				for optimize in -O0 -O1 -O2 -O3 -Os; do
					"$compiler" "$word" "$optimize" -std=c11 "${WARN[@]}" -Wno-unused-command-line-argument \
						-ffreestanding -fno-pic -no-pie -fno-stack-protector -nostdlib -Ilib -r \
						"lib/$library"/*.c -o "$object" 2>"$out/log" &&
						[[ -z $(nm -u "$object") ]] &&
						[[ -z $(size -A "$object" | awk '$1 ~ /^\.(data|bss|tdata|tbss)/ && $2 > 0') ]] ||
						bad+=" $compiler$word$optimize"
					built=$((built + 1))
				done
			done
		done
		verdict "lib.$library.freestanding" "$bad" "$built builds: no warning, no helper symbol, no data, no bss"
	done
}

# Every header by itself, in C11 and C++17.
check_headers() {
	local library header language command number bad
	for library in pvclock timecounter tsc; do
		number=0 bad=''
		for header in "lib/$library"/*.h; do
			[[ $header != */internal.h ]] || continue # the sources' own
			for language in 'gcc -std=c11 -xc' 'clang -std=c11 -xc' 'g++ -std=c++17 -xc++' \
				'clang++ -std=c++17 -xc++'; do
				read -ra command <<<"$language"
				echo "#include <${header#lib/}>" |
					"${command[0]}" "${WARN[@]}" "${command[@]:1}" -ffreestanding -Ilib -fsyntax-only - \
						2>"$out/log" || bad+=" $header ($language): $(head -1 "$out/log")"
				number=$((number + 1))
			done
		done
		verdict "lib.$library.headers" "$bad" "$number compilations alone, in C11 and C++17"
	done
	printf '#include <pvclock/abi.h>\n.long PVCLOCK_MSR_SYSTEM_TIME, PVCLOCK_CPUID_FEATURES\n' |
		gcc -Ilib -xassembler-with-cpp -c - -o "$out/library.o" 2>"$out/log"
	verdict lib.pvclock.abi-in-assembly "$(head -1 "$out/log")" "abi.h"
}

# A missing hook is an error that names it.
check_hooks() {
	local library source port hook hooks number bad
	while read -r library source port hooks; do
		number=0 bad=''
		while read -r hook; do
			printf '#include <%s>\n#undef %s\n' "$port" "$hook" >"$out/no_hook.h"
			if gcc -std=c11 -Ilib "-D${library^^}_PORT_HEADER=\"$PWD/$out/no_hook.h\"" -fsyntax-only "$source" \
				2>"$out/log" || ! grep -q "error.*$hook" "$out/log"; then
				bad+=" $hook"
			fi
			number=$((number + 1))
		done < <(sed -n "s/^#error \".* \(${library^^}_[A-Z0-9_]*\)(.*/\1/p" "lib/$library/port.h")
		((number == hooks)) || bad+=" $number hooks found, not $hooks"
		verdict "lib.$library.missing-hook" "$bad" "$number hooks, each named by its error"
	done <<-'LIBRARIES'
		pvclock lib/pvclock/pvclock.c pvclock/port/mock.h 9
		timecounter lib/timecounter/ring.c timecounter/port/gcc.h 8
		tsc lib/tsc/window.c tsc/port/mock.h 2
	LIBRARIES
}

# The examples of timecounter.3 compile, and run.
check_manual() {
	local example number=0 bad=''
	rm -f "$out"/example*
	# shellcheck disable=SC2016 # awk's
	awk -v prefix="$out/example" '
		/^\.Bd -literal/ { n++; file = prefix n ".c"; next }
		/^\.Ed/ { file = ""; next }
		file != "" { sub(/^\\&/, ""); gsub(/\\e/, "\\"); print > file }
	' docs/man/timecounter.3
	for example in "$out"/example*.c; do
		if ! gcc -std=c11 -Wall -Wextra -Wpedantic -Wshadow -Werror -Ilib "$example" lib/timecounter/*.c \
			-o "${example%.c}" 2>"$out/log" || ! "${example%.c}" >/dev/null; then
			bad+=" ${example##*/}: $(head -1 "$out/log")"
		fi
		number=$((number + 1))
	done
	verdict lib.timecounter.manual-examples "$bad" "$number compiled and run"
	verdict lib.timecounter.manual "$(mandoc -T lint -W warning docs/man/timecounter.3)" "mandoc -T lint finds nothing"
}

(($# > 0)) || set -- compiled_order matrix freestanding headers hooks manual
for check in "$@"; do
	"check_$check"
done
exit "$failed"
