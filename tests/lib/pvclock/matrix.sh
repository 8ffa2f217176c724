# shellcheck shell=bash
# SPDX-License-Identifier: 0BSD
#
# The part of suite.sh that goes over compilers, word sizes and headers; sourced by it.

# ---- The matrix ----
"$ROOT/tools/amalgamate.sh" >"$OUT/pvclock_all.h" || fail pvclock-amalgamation "was not made"
printf '#define PVCLOCK_IMPLEMENTATION\n#include "pvclock_all.h"\n' >"$OUT/pvclock_all.c"

digests=$OUT/digests
: >"$digests"
builds=0
bad=0

# one NAME COMPILER FLAGS...: both tests, from the sources and from the amalgamation.
one() {
	local name=$1 form test program
	shift
	for form in sources single; do
		for test in protocol exact; do
			program=$OUT/matrix-$name-$form-$test
			if [[ $form == sources ]]; then
				build "$test" "$program" "$@" -DCHECK_WITHOUT_CMOCKA "${LIB_SOURCES[@]}"
			else
				build "$test" "$program" "$@" -DCHECK_WITHOUT_CMOCKA '-DTEST_SINGLE_HEADER="pvclock_all.h"' -I"$OUT" \
					"$OUT/pvclock_all.c"
			fi || {
				fail "pvclock-matrix" "$name $form $test does not compile: $(head -1 "$program.log")"
				bad=$((bad + 1))
				continue
			}
			if ! TEST_COUNT=200000 "$program" >"$program.tap" 2>&1 || grep -q 'runtime error' "$program.tap"; then
				fail "pvclock-matrix" "$name $form: $(grep -m1 -e '^not ok' -e 'runtime error' "$program.tap")"
				bad=$((bad + 1))
			fi
			builds=$((builds + 1))
			rm -f "$program"
			[[ $test == protocol ]] || sed -n 's/^# figures digest_of_everything: //p' "$program.tap" >>"$digests"
		done
	done
}

for compiler in gcc clang; do
	if ! command -v "$compiler" >/dev/null; then
		skip "pvclock-matrix-$compiler" "no $compiler here"
		continue
	fi
	for word in -m64 -m32; do
		if ! have "$compiler" "$word"; then
			skip "pvclock-matrix-$compiler$word" "it makes no program that runs here"
			continue
		fi
		for optimize in -O0 -O1 -O2 -O3 -Os; do
			one "$compiler$word$optimize" "$compiler" "$word" "$optimize"
		done
		if have "$compiler" "$word" -fsanitize=undefined; then
			one "$compiler$word-ubsan" "$compiler" "$word" -O1 -fsanitize=undefined
		else
			skip "pvclock-matrix-$compiler$word-ubsan" "no run-time library for it"
		fi
	done
done
if ((bad == 0)); then
	pass pvclock-matrix "$builds builds ran: compilers, 32 and 64 bits, -O0 to -Os, UBSan, amalgamation"
fi
if [[ $(sort -u "$digests" | wc -l) == 1 ]]; then
	pass pvclock-32-bits-as-64 "$(wc -l <"$digests") builds, one digest $(head -1 "$digests")"
else
	fail pvclock-32-bits-as-64 "$(sort "$digests" | uniq -c | tr -s ' \n' ' ')"
fi

# ---- No helper symbol, no data, no bss; every header by itself, in C11 and C++17 ----
undefined=''
objects=0
for compiler in gcc clang; do
	command -v "$compiler" >/dev/null || continue
	for word in -m64 -m32; do
		for optimize in -O0 -O1 -O2 -O3 -Os; do
			for source in "${LIB_SOURCES[@]}"; do
				if ! "$compiler" "$word" "$optimize" -std=c11 -ffreestanding -fno-pic -fno-stack-protector \
					-I"$ROOT/lib" -c "$source" -o "$OUT/object.o" 2>"$OUT/object.log"; then
					undefined+=" $compiler$word$optimize:$(head -1 "$OUT/object.log")"
				fi
				undefined+=$(nm -u "$OUT/object.o" | grep -v -e ' pvclock_' | tr -s ' \n' ' ')
				undefined+=$(size -A "$OUT/object.o" | awk '/^\.(data|bss)/ && $2 != 0 { print $1, $2 }')
				objects=$((objects + 1))
			done
		done
	done
done
if [[ -z $undefined ]]; then
	pass pvclock-freestanding "$objects objects: no helper symbol, no data, no bss"
else
	fail pvclock-freestanding "$undefined"
fi

headers=0
bad=''
for header in "$ROOT"/lib/pvclock/*.h; do
	include="#include <pvclock/${header##*/}>"
	for language in 'gcc -std=c11 -xc' 'clang -std=c11 -xc' 'g++ -std=c++17 -Wno-shadow -xc++' 'clang++ -std=c++17 -xc++'; do
		read -ra command <<<"$language"
		command -v "${command[0]}" >/dev/null || continue
		if ! echo "$include" | "${command[0]}" "${WARN[@]}" "${command[@]:1}" -ffreestanding -I"$ROOT/lib" -fsyntax-only - 2>"$OUT/header.log"; then
			bad+=" ${header##*/} ($language): $(head -1 "$OUT/header.log")"
		fi
		headers=$((headers + 1))
	done
done
if ! printf '#include <pvclock/abi.h>\n.long PVCLOCK_MSR_SYSTEM_TIME, PVCLOCK_CPUID_FEATURES\n' |
	gcc -I"$ROOT/lib" -xassembler-with-cpp -c - -o "$OUT/object.o" 2>"$OUT/header.log"; then
	bad+=" abi.h in assembly: $(head -1 "$OUT/header.log")"
fi
if [[ -z $bad ]]; then
	pass pvclock-headers "$headers compilations alone, in C11 and C++17; abi.h in assembly"
else
	fail pvclock-headers "$bad"
fi

# ---- A missing hook is an error that names it ----
hooks=0
bad=''
while read -r hook; do
	printf '#include <pvclock/port/mock.h>\n#undef %s\n' "$hook" >"$OUT/no_hook.h"
	if gcc -std=c11 -I"$ROOT/lib" "-DPVCLOCK_PORT_HEADER=\"$OUT/no_hook.h\"" -fsyntax-only \
		"${LIB_SOURCES[0]}" 2>"$OUT/hook.log" || ! grep -q "error.*$hook" "$OUT/hook.log"; then
		bad+=" $hook"
	fi
	hooks=$((hooks + 1))
done < <(sed -n 's/^#error ".* \(PVCLOCK_[A-Z_]*\)(.*/\1/p' "$ROOT/lib/pvclock/port.h")
if [[ -z $bad && $hooks -gt 5 ]]; then
	pass pvclock-missing-hook "$hooks hooks, each named by its error"
else
	fail pvclock-missing-hook "not named:$bad"
fi
