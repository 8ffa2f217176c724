#!/usr/bin/env bash
# SPDX-License-Identifier: 0BSD
#
# The libraries in a kernel that is not ours: its macros, its types, its structures, its compiler's
# language, its names, and what it may not execute.
#
# Usage: embedding-suite.sh [CHECK...]	default: all of them, in the order of the functions below
#
# Takes about 40 s.

# shellcheck disable=SC2317 # the checks are called by their names
set -u
cd "$(dirname "${BASH_SOURCE[0]}")/../.." || exit 2
out=$(realpath -m "${O:-build}/tests/lib/embedding")
mkdir -p "$out"
# shellcheck source=tests/results.sh
. tests/results.sh

# What is looked at: the folders of lib/, and those of them that `make lib` builds.
libraries=(pvclock timecounter timepage tsc)
built=(pvclock timecounter tsc)
# The prefix of a library's names.
declare -A prefix=([pvclock]=pvclock [timecounter]='(tc|timecounters?)' [timepage]='(gettime|time|timepage)'
	[tsc]='(tsc|calendar)')

headers() {
	find "lib/$1" -name '*.h' ! -name internal.h ! -name mock.h | sort
}

# compiles COMMAND...: one more compilation; else its first complaint is in $bad.
compiles() {
	number=$((number + 1))
	"$@" 2>"$out/log" || bad+=" ${*: -1} ($1 $2 $3): $(grep -m1 -E 'error|warning' "$out/log")"
}

# include HEADER...: a file that includes them, named by them.
include() {
	local file
	file=$out/include_$(tr -c 'a-z0-9\n' _ <<<"$*").c
	printf '#include "%s"\n' "${@#lib/}" >"$file"
	echo "$file"
}

# A kernel's macros do no harm, in each header and each source.
check_hostile_macros() {
	local library file command number bad
	for library in "${libraries[@]}"; do
		number=0 bad=''
		for command in 'gcc -m64' 'gcc -m32' 'clang -m64' 'clang -m32'; do
			read -ra command <<<"$command"
			for file in "lib/$library"/*.c $(headers "$library"); do
				[[ $file != *.h ]] || file=$(include "$file")
				compiles "${command[@]}" -std=gnu11 "${WARN[@]}" -ffreestanding -include tests/lib/hostile.h \
					-Ilib -fsyntax-only "$file"
				[[ $file != "$out"/* ]] ||
					compiles "${command[@]}" -std=gnu++17 -Wall -Wextra -Wshadow -Werror -ffreestanding \
						-include tests/lib/hostile.h -Ilib -fsyntax-only -xc++ "$file"
			done
		done
		verdict "lib.$library.hostile-macros" "$bad" "$number compilations, $(grep -c '^#define' tests/lib/hostile.h) macros"
	done
}

# Types like Linux's.
own_types() {
	cat <<-'TYPES'
		#ifndef _LINUX_TYPES_H
		#define _LINUX_TYPES_H
		typedef signed char s8;
		typedef unsigned char u8;
		typedef int s32;
		typedef unsigned int u32;
		typedef long long s64;
		typedef unsigned long long u64;
		typedef u8 uint8_t;
		typedef s8 int8_t;
		typedef u32 uint32_t;
		typedef s32 int32_t;
		typedef unsigned short uint16_t;
		typedef u64 uint64_t;
		typedef s64 int64_t;
		typedef unsigned long uintptr_t;
		typedef __SIZE_TYPE__ size_t;
		typedef _Bool bool;
		enum { false, true };
		#define NULL ((void *)0)
		#define U64_MAX ((u64)~0ULL)
		#define S64_MAX ((s64)(U64_MAX >> 1))
		#define S64_MIN ((s64)(-S64_MAX - 1))
		#define UINTPTR_MAX ((uintptr_t)~0UL)
		#endif
	TYPES
}

# A kernel of its own types, without a header of the compiler's.
check_own_types() {
	local library command file number bad
	mkdir -p "$out/kernel/linux" "$out/kernel/asm"
	own_types >"$out/kernel/linux/types.h"
	block 'my_types.h' >"$out/kernel/my_types.h"
	for library in "${libraries[@]}"; do
		number=0 bad=''
		for command in 'gcc -m64' 'gcc -m32' 'clang -m64' 'clang -m32'; do
			read -ra command <<<"$command"
			for file in "lib/$library"/*.c $(headers "$library"); do
				[[ $file != *.h ]] || file=$(include "$file")
				compiles "${command[@]}" -std=gnu11 -Wall -Wextra -Wshadow -Wundef -Werror -ffreestanding -nostdinc \
					-include "$out/kernel/linux/types.h" -include tests/lib/hostile.h '-DPVCLOCK_TYPES_HEADER="my_types.h"' \
					'-DTIMECOUNTER_TYPES_HEADER="my_types.h"' '-DTSC_TYPES_HEADER="my_types.h"' \
					-Ilib "-I$out/kernel" -fsyntax-only "$file"
			done
		done
		verdict "lib.$library.own-types" "$bad" "$number compilations with -nostdinc"
	done
}

# block NAME: the block of docs/porting.md whose first line is a comment that begins with this name.
block() {
	awk -v name="$1" '
		/^```/ { on = 0; first = 1; next }
		first && index($0, "/* " name) == 1 { on = 1 }
		{ first = 0 }
		on' docs/porting.md
}

# Each block of code of docs/porting.md is a file that compiles where it is pasted: beside the others,
# in a freestanding kernel.  Its first line has its name, and macros if it needs any.
check_porting() {
	local folder=$out/porting command file defines number=0 bad='' blocks
	rm -rf "$folder"
	mkdir -p "$folder"
	tools/amalgamate.sh >"$folder/pvclock_all.h"
	awk -v folder="$folder" '
		/^```./ { inside = 1; file = ""; next }
		/^```$/ { inside = 0; next }
		inside && file == "" {
			if ($1 != "/*" || $2 !~ /^my_[a-z]+\.(c|h|cpp)$/) { print "line " NR " of porting.md names no file"; exit 1 }
			file = folder "/" $2
		}
		inside { print >file }' docs/porting.md >"$out/log" || bad+=" $(cat "$out/log")"
	blocks=$(grep -c '^```.' docs/porting.md)
	[[ $(find "$folder" -maxdepth 1 -name 'my_*' | wc -l) == "$blocks" ]] || bad+=" two blocks have one name"
	for file in "$folder"/my_*; do
		# The header of types is for a kernel without <stdint.h>; check_own_types compiles it.
		[[ $file != */my_types.h ]] || continue
		defines=$(sed -n '1s|^/\* [^ ]* *\(-D[^ ]*\) \*/$|\1|p' "$file")
		for command in 'gcc -m64' 'gcc -m32' 'clang -m64' 'clang -m32'; do
			read -ra command <<<"$command"
			case $file in
			*.cpp) command=("${command[0]/gcc/g++}" "${command[1]}" -std=c++11 -fno-exceptions -fno-threadsafe-statics) ;;
			*) command+=(-std=gnu11 -xc -Wmissing-prototypes) ;;
			esac
			compiles "${command[@]}" -O2 -ffreestanding -mgeneral-regs-only "${WARN[@]}" ${defines:+"$defines"} -Ilib "-I$folder" \
				-Wno-pragma-once-outside-header -c -o "$out/block.o" "$file"
		done
	done
	# The vDSO is linked as one: without undefined symbols but the pages, and without relocations of its text.
	gcc -O2 -fPIC -fvisibility=hidden -ffreestanding "-I$folder" -c "$folder/my_vdso.c" -o "$out/vdso.o" &&
		echo 'const char my_time_page[4096], my_user_structures[4096];' |
		gcc -xc -c -fvisibility=hidden -o "$out/pages.o" - &&
		gcc -shared -nostdlib -Wl,-z,defs -Wl,-z,text "$out/vdso.o" "$out/pages.o" -o "$out/vdso.so" 2>"$out/log" &&
		! readelf -r "$out/vdso.so" | grep -q R_X86 || bad+=" my_vdso.c is no vDSO: $(head -1 "$out/log")"
	verdict lib.porting "$bad" "$blocks blocks in $number compilations; the vDSO links"
}

# Any two headers, in either order, before and after those of the C library.
check_include_order() {
	local library first second number=0 bad='' file system all=()
	for library in "${libraries[@]}"; do
		mapfile -t -O "${#all[@]}" all < <(headers "$library")
	done
	system='#include <errno.h>
		#include <math.h>
		#include <pthread.h>
		#include <stdio.h>
		#include <stdlib.h>
		#include <string.h>
		#include <sys/time.h>
		#include <time.h>
		#include <unistd.h>'
	for first in "${all[@]}"; do
		for second in "${all[@]}"; do
			[[ $first < $second ]] || continue
			file=$(include "$first" "$second")
			compiles gcc -std=gnu11 "${WARN[@]}" -Ilib -fsyntax-only "$file"
			file=$(include "$second" "$first")
			compiles gcc -std=gnu11 "${WARN[@]}" -Ilib -fsyntax-only "$file"
		done
		for file in before after; do
			[[ $file == before ]] && printf '%s\n' "$system"
			printf '#include "%s"\n' "${first#lib/}"
			[[ $file == after ]] && printf '%s\n' "$system"
			true
		done | sed 's/^\t*//' >"$out/system.c"
		compiles gcc -D_GNU_SOURCE -std=gnu11 "${WARN[@]}" -Ilib -fsyntax-only "$out/system.c"
	done
	verdict lib.include-order "$bad" "$number compilations, each pair of ${#all[@]} headers both ways, and with libc's"
}

# C++ from 2011 to 2020, with what g++ warns of, and without the keyword struct.
check_cplusplus() {
	local library command standard file name number bad
	cat >"$out/user.cpp" <<-'PROGRAM'
		#include <pvclock/guard.h>
		#include <pvclock/host.h>
		#include <timecounter/timecounter.h>

		pvclock_time now(const pvclock_vcpu_time_info &info)
		{
		    pvclock_sample sample;
		    pvclock_snapshot snapshot;
		    pvclock_frequency frequency;
		    pvclock_timespec timespec;
		    pvclock_tsc halves = pvclock_tsc_halves(PVCLOCK_LFENCE);

		    (void)pvclock_sample_at(&info, halves.low, &sample);
		    (void)pvclock_take_snapshot(&info, &snapshot);
		    (void)pvclock_frequency_of(snapshot.mul, snapshot.shift, &frequency);
		    (void)pvclock_timespec_now(&info, PVCLOCK_LFENCE, 0, &timespec);
		    return pvclock_time_now(&info, PVCLOCK_LFENCE, pvclock_tsc_now(PVCLOCK_LFENCE));
		}

		tc_timespec uptime(timecounters &set)
		{
		    tc_timespec time;

		    (void)tc_gettime(&set, TC_CLOCK_UPTIME, &time);
		    return time;
		}
	PROGRAM
	for library in "${libraries[@]}"; do
		number=0
		# A function of that name would hide the structure.
		bad=$(headers "$library" | xargs sed -n 's/^\(struct\|union\|enum\) \([a-z0-9_]*\) {$/\2/p' | sort -u |
			while read -r name; do
				headers "$library" | xargs grep -hE "^[^#]*\b$name\(" | grep -v '^ \*'
			done)
		for command in 'g++ -Weffc++ -Wextra-semi' 'clang++ -Wextra-semi -Wno-unused-command-line-argument'; do
			read -ra command <<<"$command"
			for standard in c++11 c++14 c++17 c++20; do
				for file in $(headers "$library"); do
					compiles "${command[@]}" "-std=$standard" "${WARN[@]}" -Ilib -fsyntax-only -xc++ "$(include "$file")"
				done
				compiles "${command[@]}" "-std=$standard" "${WARN[@]}" -Ilib -fsyntax-only "$out/user.cpp"
			done
		done
		verdict "lib.$library.cplusplus" "$bad" "$number compilations as C++11 to C++20"
	done
}

# C of 1989 is refused in one line that says what is wanted; GNU C of 1999 is enough.
check_old_c() {
	local library compiler file number bad errors
	for library in "${libraries[@]}"; do
		number=0 bad=''
		for compiler in gcc clang; do
			for file in $(headers "$library"); do
				file=$(include "$file")
				errors=$("$compiler" -std=gnu89 -Ilib -fsyntax-only "$file" 2>&1 | grep 'error:')
				[[ $errors == *'needs -std=gnu99'* && $(wc -l <<<"$errors") == 1 ]] || bad+=" $compiler ${file##*/}: $errors"
				compiles "$compiler" -std=gnu99 -Wall -Wextra -Werror -Ilib -fsyntax-only "$file"
			done
		done
		verdict "lib.$library.old-c" "$bad" "gnu89 is refused in one line, gnu99 compiles: $number headers"
	done
}

# A kernel that has the structures already: Linux's are packed, FreeBSD's come with a macro of the same name.
check_own_structures() {
	local kernel compiler word bad='' number=0
	mkdir -p "$out/kernel/asm"
	cat >"$out/kernel/abi_linux.h" <<-'ABI'
		typedef unsigned char u8;
		typedef signed char s8;
		typedef unsigned int u32;
		typedef unsigned long long u64;
		struct pvclock_vcpu_time_info {
		    u32 version;
		    u32 pad0;
		    u64 tsc_timestamp;
		    u64 system_time;
		    u32 tsc_to_system_mul;
		    s8 tsc_shift;
		    u8 flags;
		    u8 pad[2];
		} __attribute__((__packed__));
		struct pvclock_wall_clock {
		    u32 version;
		    u32 sec;
		    u32 nsec;
		} __attribute__((__packed__));
		#define PVCLOCK_TSC_STABLE_BIT (1 << 0)
		#define PVCLOCK_GUEST_STOPPED (1 << 1)
	ABI
	sed -e 's/ __attribute__((__packed__))//' -e '/^#define/d' "$out/kernel/abi_linux.h" >"$out/kernel/abi_freebsd.h"
	cat >>"$out/kernel/abi_freebsd.h" <<-'ABI'
		#define PVCLOCK_FLAG_TSC_STABLE 0x01
		#define PVCLOCK_FLAG_GUEST_PASUED 0x02
	ABI
	cat >"$out/own.c" <<-'PROGRAM'
		#include <pvclock/guard.h>
		#include <pvclock/host.h>

		static volatile struct pvclock_vcpu_time_info page;
		static volatile struct pvclock_wall_clock wall;

		int main(void)
		{
		    struct pvclock_snapshot values = {0, 5, 0, 1u << 31, 0, PVCLOCK_FLAG_GUEST_STOPPED}, copy;
		    struct pvclock_vcpus vcpus = {&page, sizeof(page), 1, 0};
		    struct pvclock_sample sample;
		    struct pvclock_timespec time;
		    uint32_t hint = 0;
		    uint64_t ns;

		    pvclock_prepare(&page);
		    if (pvclock_is_alive(&page))
		        return 1;
		    pvclock_publish(&page, &values);
		    wall.version = 2;
		    wall.sec = 7;
		    if (pvclock_ns(&page, PVCLOCK_LFENCE, &ns) != PVCLOCK_OK || ns <= 5 ||
		        pvclock_relaxed_ns(&page, &ns) != PVCLOCK_OK || ns <= 5 ||
		        pvclock_vcpu_ns(&vcpus, &hint, &ns) != PVCLOCK_OK || ns <= 5 ||
		        pvclock_timespec_now(&page, PVCLOCK_LFENCE, 0, &time) != PVCLOCK_OK ||
		        pvclock_read(&page, PVCLOCK_LFENCE, &sample) != PVCLOCK_OK || sample.ns <= 5 ||
		        pvclock_sample_at(&page, 2, &sample) != PVCLOCK_OK || sample.ns != 6 ||
		        pvclock_take_snapshot(&page, &copy) != PVCLOCK_OK || copy.system_time != 5)
		        return 2;
		    if (!pvclock_take_stopped(&page) || pvclock_take_stopped(&page))
		        return 3;
		    return pvclock_wall(&wall, &ns) == PVCLOCK_OK && ns == 7000000000u ? 0 : 4;
		}
	PROGRAM
	for kernel in linux freebsd; do
		for compiler in gcc clang; do
			for word in -m64 -m32; do
				have "$compiler" "$word" || continue
				number=$((number + 1))
				if ! "$compiler" "$word" -std=gnu11 -O2 "${WARN[@]}" -Wcast-qual -Wcast-align -Ilib "-I$out/kernel" \
					"-DPVCLOCK_ABI_HEADER=<abi_$kernel.h>" "$out/own.c" lib/pvclock/*.c -o "$out/own" 2>"$out/log"; then
					bad+=" $kernel $compiler$word: $(grep -m1 -E 'error|warning' "$out/log")"
				elif ! "$out/own"; then
					bad+=" $kernel $compiler$word: status $?"
				fi
			done
		done
	done
	# One that is not the ABI's is refused.
	sed 's/u32 pad0;//' "$out/kernel/abi_linux.h" >"$out/kernel/wrong.h"
	! gcc -Ilib "-I$out/kernel" '-DPVCLOCK_ABI_HEADER=<wrong.h>' -fsyntax-only "$out/own.c" 2>/dev/null ||
		bad+=" a structure without pad0 was taken"
	verdict lib.pvclock.own-structures "$bad" "$number programs with Linux's and FreeBSD's, volatile"
}

# names FILE: those at file scope (structures, enumerations and enumerators, types, functions, variables),
# and the macros.
names() {
	gcc -std=gnu11 -g -fno-eliminate-unused-debug-types -ffreestanding -c "$1" -o "${1%.c}.o"
	{
		readelf --debug-dump=info "${1%.c}.o" | awk '
			/^ <[0-9]+><[0-9a-f]+>: Abbrev Number/ {
				wanted = /^ <1>/ && !/DW_TAG_base_type/ || /DW_TAG_enumerator/
			}
			wanted && / DW_AT_name / { sub(/.*: /, ""); sub(/ *$/, ""); print }'
		gcc -std=gnu11 -ffreestanding -dM -E "$1" | awk '{ sub(/\(.*/, "", $2); print $2 }'
	} | sort -u
}

# No name of a single header, of whatever kind, is without the library's prefix; it may be included
# twice; and it compiles with the other one.
check_single_headers() {
	local library bad compiler word number folder=$out/single macro
	rm -rf "$folder"
	mkdir -p "$folder"
	printf '#include <stdbool.h>\n#include <stddef.h>\n#include <stdint.h>\n' >"$folder/standard.c"
	for library in "${built[@]}"; do
		tools/amalgamate.sh pvclock "$library" >"$folder/${library}_all.h" || fail "lib.$library.single-header" "was not made"
	done
	for library in "${built[@]}"; do
		bad=''
		macro=${library^^}_IMPLEMENTATION
		printf '#include "%s_all.h"\n#define %s\n#include "%s_all.h"\n#include "%s_all.h"\n' \
			"$library" "$macro" "$library" "$library" >"$folder/$library.c"
		for compiler in gcc clang; do
			for word in -m64 -m32; do
				"$compiler" "$word" -std=gnu11 -g -fno-eliminate-unused-debug-types "${WARN[@]}" -Wno-unused-command-line-argument \
					-Wno-ignored-optimization-argument -ffreestanding \
					-c "$folder/$library.c" -o "$folder/$library$compiler.o" 2>"$out/log" || bad+=" $compiler$word: $(head -1 "$out/log")"
			done
		done
		bad+=$(comm -23 <(names "$folder/$library.c") <(names "$folder/standard.c") | grep -viE "^${prefix[$library]}_|^timecounters?\$" |
			sed 's/^/ /' | tr -d '\n')
		number=$(names "$folder/$library.c" | wc -l)
		verdict "lib.$library.single-header" "$bad" "$number names, all with the prefix; included three times"
	done
	printf '#include "%s_all.h"\n' "${built[@]}" >"$folder/both.c"
	bad=$(cd "$folder" && gcc -std=gnu11 "${WARN[@]}" -c -o both.o both.c 2>&1 | head -1)
	verdict lib.single-headers-together "$bad" "${built[*]}"
}

# The archives: no register but the general ones, nothing below the stack pointer, no helper function,
# every visible symbol declared in a header; in 64 and 32 bits, by both compilers.
check_archives() {
	local compiler library folder archive code bad symbols number
	for compiler in gcc clang; do
		make -s -j2 O="$out/$compiler" CC="$compiler" lib >"$out/log" 2>&1 ||
			fail "lib.archives-$compiler" "$(grep -m1 -i error "$out/log")"
	done
	# What is so small may have no use for a red zone today.
	code=$(make -n -B O="$out/none" lib | grep -E -- ' -c -o ' | grep -vE -- '-mgeneral-regs-only .*-mno-red-zone' | head -1)
	verdict lib.archives-flags "$code" "no compilation without -mgeneral-regs-only and -mno-red-zone"
	for library in "${built[@]}"; do
		bad='' number=0
		for compiler in gcc clang; do
			for folder in "" lib32/; do
				archive=$out/$compiler/${folder}lib$library.a
				code=$(objdump -d --no-show-raw-insn "$archive" | grep -E '^ +[0-9a-f]+:')
				(($(wc -l <<<"$code") > 500)) || bad+=" $compiler ${folder}: no code"
				number=$((number + $(wc -l <<<"$code")))
				bad+=$(grep -m1 -E '%([xyz]?mm[0-9]|st\b)|:\s+(f[a-z]+|emms)\b' <<<"$code")
				bad+=$(grep -m1 -E -- '-0x[0-9a-f]+\(%[re]sp\)' <<<"$code")
				symbols=$(readelf -sW "$archive" | awk '$5 == "GLOBAL" && $7 != "UND" && $6 == "DEFAULT" { print $8 }')
				bad+=$(comm -23 <(readelf -sW "$archive" | awk '$5 == "GLOBAL" && $7 == "UND" { print $8 }' | sort -u) \
					<(nm -g --defined-only "$archive" | awk 'NF == 3 { print $3 }' | sort -u) |
					sed 's/^/ undefined: /')
				for symbol in $symbols; do
					headers "$library" | xargs grep -qhE "\b$symbol\(" || bad+=" $symbol"
				done
			done
		done
		verdict "lib.$library.archives" "$bad" "$number instructions in 4 archives, general registers alone"
	done
}

# SYMBOLS renames headers, archives, .pc files and all that is in them; another name makes it anew; what
# is installed may be moved.
check_symbols() {
	local stage=$out/stage bad='' name moved=$out/moved
	rm -rf "$stage" "$moved" "$out/renamed"
	for name in pvclock myclock otherclock; do
		make -s -j2 O="$out/renamed" SYMBOLS="$name" DESTDIR="$stage" PREFIX=/opt/clock install >"$out/log" 2>&1 ||
			bad+=" $name: $(grep -m1 -i error "$out/log")"
	done
	mv "$stage/opt/clock" "$moved"
	for name in myclock otherclock; do
		nm -g --defined-only "$moved/lib/lib$name.a" "$moved/lib/lib${name}"_{timecounter,tsc}.a | awk 'NF == 3 { print $3 }' |
			grep -v "^${name}_" && bad+=" $name: symbols without the prefix"
		grep -rliE 'pvclock|[^_]\btc_' "$moved/include/$name" "$moved/include/${name}"_{all.h,timecounter,tsc,timecounter_all.h,tsc_all.h} &&
			bad+=" $name: headers"
		grep -rlE '(^|[^_])\b(tsc_|calendar_)' "$moved/include/${name}"_{tsc,tsc_all.h} && bad+=" $name: headers of tsc"
		cat >"$out/$name.c" <<-PROGRAM
			#include <$name/host.h>
			#include <$name/read.h>
			#include <${name}_timecounter/${name}_timecounter.h>
			#include <${name}_tsc/calendar.h>
			#include <${name}_tsc/${name}_tsc.h>
			int ${name}_works(void)
			{
			    static struct ${name}_vcpu_time_info page;
			    static struct ${name}_timecounters set;
			    struct ${name}_snapshot values = {0, 5, 0, 1u << 31, 0, 0};
			    uint64_t ns;
			    ${name}_publish(&page, &values);
			    return ${name}_ns(&page, ${name^^}_LFENCE, &ns) == ${name^^}_OK && ns > 5 &&
			           ${name}_timecounters_init(&set, 0) == ${name^^}_TC_OK &&
			           ${name}_tsc_tsc_hpet_hz(10000000) == 100000000 && ${name}_tsc_calendar_from_seconds(0).year == 1970;
			}
		PROGRAM
	done
	# Two copies in one program, which is what another prefix is for.
	echo 'int myclock_works(void), otherclock_works(void);
		int main(void) { return !(myclock_works() && otherclock_works()); }' >"$out/both.c"
	# shellcheck disable=SC2046 # flags
	gcc -Wall -Wextra -Werror "$out"/{both,myclock,otherclock}.c \
		$(PKG_CONFIG_PATH=$moved/lib/pkgconfig pkg-config --cflags --libs {my,other}clock{,_timecounter,_tsc}) -o "$out/both" 2>"$out/log" && "$out/both" ||
		bad+=" two copies: $(head -1 "$out/log")"
	[[ $(make -s O="$out/renamed" SYMBOLS=myclock lib 2>&1) == '' ]] || bad+=" built twice"
	make -s O="$out/renamed" SYMBOLS=No-name lib >"$out/log" 2>&1 && bad+=" No-name was taken"
	grep -q "is not a prefix" "$out/log" || bad+=" No-name: $(head -1 "$out/log")"
	verdict lib.symbols "$bad" "three prefixes, two copies in one program, moved after installation"
}

(($# > 0)) || set -- hostile_macros own_types porting include_order cplusplus old_c own_structures single_headers archives symbols
for check in "$@"; do
	"check_$check"
done
exit "$failed"
