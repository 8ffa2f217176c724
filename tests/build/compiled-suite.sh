#!/usr/bin/env bash
# SPDX-License-Identifier: 0BSD
#
# The code that runs, looked at: no RDTSC without the LFENCE that keeps it in its place, and in each
# reader of a page the second load of the version waits for the TSC.  What drifts is one instruction
# in a loop, once in thousands of updates: a test that runs it may well not see it.
#
# Takes about 3 s.

set -uo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/../.." || exit 2
build=${O:-build}
failed=0

if ! log=$(make --no-print-directory -j2 O="$build" kernel 2>&1 </dev/null); then
	printf '%s\n' "$log"
	echo "FAIL compiled: the kernel does not compile"
	exit 1
fi

# code PROGRAM: a line an instruction, "FUNCTION MNEMONIC OPERANDS".
code() {
	objdump -d --no-show-raw-insn "$1" | awk '
		/^[0-9a-f]+ <.*>:$/ { name = substr($2, 2, length($2) - 3); next }
		/^ *[0-9a-f]+:/ { $1 = name; print }'
}

# fences NAME PROGRAM: each RDTSC comes right after an LFENCE.  RDTSCP waits by itself; and where the
# order is chosen at run time, all three ways stand side by side.
fences() {
	local found
	found=$(code "$2" | awk '
		$2 == "rdtsc" { count++; if (before == "lfence") fenced[$1] = 1; else bare[$1] = 1 }
		$2 == "rdtscp" { waits[$1] = 1 }
		{ before = $2 }
		END {
			for (name in bare)
				if (!(name in fenced) || !(name in waits))
					bad = bad " " name
			print count + 0 bad
		}')
	if [[ $found == *' '* || $found == 0 ]]; then
		echo "FAIL $1: of all RDTSC (${found%% *}), without a fence: ${found#* }"
		failed=1
	else
		echo "PASS $1: $found RDTSC, none without its LFENCE"
	fi
}
fences compiled.kernel-fences "$build/clockpage.elf.debug"
fences compiled.ring3-fences "$build/reader.elf.debug"

# Each function that writes an x2APIC's ICR has MFENCE and LFENCE before it: WRMSR to it serialises
# nothing, so the interrupt could overtake the store that it announces.
found=$(code "$build/clockpage.elf.debug" | awk '
	$1 != name { name = $1; fenced = 0; before = "" }
	before == "mfence" && $2 == "lfence" { fenced = 1 }
	/mov +\$0x830,%ecx/ { count++; if (!fenced) bad = bad " " name }
	{ before = $2 }
	END { print count + 0 bad }')
if [[ $found == *' '* || $found == 0 ]]; then
	echo "FAIL compiled.icr-fences: of all writes to the ICR (${found%% *}), without fences: ${found#* }"
	failed=1
else
	echo "PASS compiled.icr-fences: $found, none without MFENCE and LFENCE before it"
fi

# A switch of counters publishes, and then reads the counters: no read may overtake what it published.
# And a reader's count comes before its second look at the generation.
switch=$(code "$build/kernel-objs/lib/timecounter/switch.c.o" | awk '
	before == "mfence" && $2 == "lfence" { count++ }
	{ before = $2 }
	END { print count + 0 }')
ring=$(code "$build/kernel-objs/lib/timecounter/ring.c.o" | grep -c ' lfence')
if ((switch == 2 && ring > 0)); then
	echo "PASS compiled.timecounter-fences: $switch in a switch, $ring in a reader"
else
	echo "FAIL compiled.timecounter-fences: $switch MFENCE with LFENCE in a switch, not 2; $ring LFENCE in a reader"
	failed=1
fi

# SWAPGS comes once at each entry from ring 3, and elsewhere only right after the WRMSR that gives ring
# 3 its base again; an entry on an interrupt stack has none, as nothing says there whose GS it is.
found=$(code "$build/clockpage.elf.debug" | awk '
	$2 == "swapgs" && before == "wrmsr" { back++ }
	$2 == "swapgs" && before != "wrmsr" { entry[$1]++ }
	{ before = $2 }
	END {
		count = split("trap_common syscall_entry syscall32_entry", wanted)
		for (i = 1; i <= count; i++) {
			if (entry[wanted[i]] != 1)
				bad = bad " " wanted[i]
			delete entry[wanted[i]]
		}
		for (name in entry)
			bad = bad " " name
		print back + 0 bad
	}')
if [[ $found == *' '* || $found == 0 ]]; then
	echo "FAIL compiled.user-gs: SWAPGS without ring 3's base, or not once at an entry:${found#* }"
	failed=1
else
	echo "PASS compiled.user-gs: $found ways to ring 3, each with its GS base; 3 entries"
fi

# Each gate's stub pushes an error code of 0 where the CPU pushes none, then its own vector [Intel SDM
# vol. 3A, 6.3.1]; those of NMI, double fault and machine check trust no GS.  A spurious interrupt goes
# back at once.  Most of these exceptions no test can cause.
stubs=$(code "$build/clockpage.elf.debug" | awk '
	$1 !~ /^trap_stub/ { next }
	$2 == "push" { pushed = pushed " " $3 }
	$2 == "jmp" { print pushed " " $4; pushed = "" }
	$2 == "iretq" { print pushed " iretq"; pushed = "" }')
wanted=$(awk 'BEGIN {
	split("8 10 11 12 13 14 17 21 29 30", list)
	for (i in list)
		coded[list[i]] = 1
	for (v = 0; v < 32; v++) {
		target = v == 2 || v == 8 || v == 18 ? "trap_paranoid" : "trap_common"
		printf "%s $0x%x <%s>\n", v in coded ? "" : " $0x0", v, target
	}
	print " $0x0 $0x40 <trap_common>\n $0x0 $0x41 <trap_common>\n iretq"
}')
if [[ $stubs == "$wanted" ]]; then
	echo "PASS compiled.stubs: $(wc -l <<<"$stubs") ways in, each with its vector and error code"
else
	diff <(echo "$wanted") <(echo "$stubs")
	echo "FAIL compiled.stubs: a way in pushes what it should not, or leads elsewhere"
	failed=1
fi

# What a thread begins with: nothing of the kernel's but its argument, in RDI.  What the kernel gets back
# from user_enter() are the registers that it came with, and so does whoever is interrupted.  (A register
# that C code keeps is only wrong if the frame has become another thread's.)
found=$(code "$build/clockpage.elf.debug" | awk '
	$1 == "user_enter" && $2 == "push" && !entered { saved = " " substr($3, 2) saved }
	$1 == "user_enter" && $2 == "cli" { entered = 1 }
	$1 == "user_enter" && $2 == "swapgs" { cleared = "" }
	$1 == "user_enter" && $2 == "xor" {
		split($3, operand, ",")
		if (operand[1] == operand[2])
			cleared = cleared " " substr(operand[1], 2)
	}
	$1 ~ /^trap_(common|paranoid)$/ && $2 == "push" && $3 ~ /^%r/ { interrupted[$1] = " " substr($3, 2) interrupted[$1] }
	$2 == "pop" { restored[$1] = restored[$1] " " substr($3, 2) }
	END {
		sub(/^ rbp/, "", interrupted["trap_paranoid"]) # the frame of a backtrace
		print cleared ";" saved ";" restored["user_leave"] ";" interrupted["trap_common"] ";" \
			interrupted["trap_paranoid"] ";" restored["trap_from_ring3"] ";" restored["user_resume"]
	}')
kept=" r15 r14 r13 r12 rbx rbp"
all=" r15 r14 r13 r12 r11 r10 r9 r8 rdi rsi rbp rbx rdx rcx rax"
cleared=" eax ebx ecx edx esi ebp r8d r9d r10d r11d r12d r13d r14d r15d"
if [[ $found == "$cleared;$kept;$kept;$all;$all;$all;$all" ]]; then
	echo "PASS compiled.registers: 14 cleared for ring 3, 6 kept by user_enter(), 15 by an interrupt"
else
	tr ';' '\n' <<<"  $found"
	echo "FAIL compiled.registers: one is not cleared, saved or restored"
	failed=1
fi

# SYSCALL leaves it to the kernel to switch stacks and to build a frame: SS, RSP, RFLAGS, CS, RIP, and for the entry from
# 32-bit code, which only some CPUs reach, an error code and a vector.  Behind each frame of the CPU's its
# RIP and RBP, for a backtrace.  Ring 3 may have set DF, which a gate leaves: the first instruction is CLD.
found=$(code "$build/clockpage.elf.debug" | awk '
	$2 == "push" && ($1 ~ /^syscall(32)?_entry$/ || $3 !~ /^%r[^b]/) { pushed[$1] = pushed[$1] " " $3 }
	/^trap_(from_ring3|paranoid) mov +%rsp,%rbp/ { pushed[$1] = pushed[$1] " mov" }
	$1 != name { name = $1; first[$1] = $2; at = 0 }
	/^syscall(32)?_entry/ && at++ < 3 { pushed[$1] = pushed[$1] " " $2 " " $3 }
	END {
		print pushed["syscall_entry"] ";" pushed["syscall32_entry"] ";" first["trap_common"] \
			pushed["trap_from_ring3"] ";" first["trap_paranoid"] pushed["trap_paranoid"]
	}')
stack=" swapgs  mov %rsp,%gs:0x10 mov %gs:0x8,%rsp"
wanted="$stack \$0x2b %gs:0x10 %r11 \$0x33 %rcx;$stack \$0x2b %gs:0x10 %r11 \$0x23 %rcx \$0x0 \$0x6"
wanted+=" %rax %rcx %rdx %rbx %rbp %rsi %rdi %r8 %r9 %r10 %r11 %r12 %r13 %r14 %r15"
wanted+=";cld 0x88(%rsp) %rbp mov;cld %rbx %rbp 0x88(%rsp) %rbp mov"
if [[ $found == "$wanted" ]]; then
	echo "PASS compiled.frames: SYSCALL's two entries build a frame as the CPU would; others add RIP and RBP"
else
	tr ';' '\n' <<<"  $found"
	echo "FAIL compiled.frames: an entry pushes something else"
	failed=1
fi

# No gate clears AC, with which ring 3 would switch SMAP off in the kernel: the entry does.
if code "$build/clockpage.elf.debug" | awk '
	$1 == "trap_from_ring3" && $2 == "testb" && $3 == "$0x4,0x9a(%rsp)" { asked = 1 }
	$1 == "trap_from_ring3" && asked && $2 ~ /^andl/ && $3 == "$0xfffbffff,(%rsp)" { masked = 1 }
	$1 == "trap_from_ring3" && masked && $2 ~ /^popf/ { cleared = 1 }
	END { exit !cleared }'; then
	echo "PASS compiled.ac: exceptions and interrupts clear the AC that ring 3 set"
else
	echo "FAIL compiled.ac: AC stays as ring 3 set it"
	failed=1
fi

if log=$(tools/check-symbols nm "$build/kernel-objs"); then
	echo "PASS compiled.layers: $log"
else
	awk '{ print "  " $0 }' <<<"$log"
	echo "FAIL compiled.layers: $(head -n 1 <<<"$log")"
	failed=1
fi

# A load whose address depends on the TSC: AND with 0, and the result is part of an address.
readers=(read_loop timespec_loop gettime_loop order gettime_slow pvclock_try_often)
bad=$(code "$build/reader.elf.debug" | awk -v names="${readers[*]}" '
	BEGIN { count = split(names, wanted) }
	{ sub(/\..*/, "", $1) } # what the compiler made of a function: NAME.isra.0
	$1 != name { name = $1; register = ""; tsc = 0 }
	$2 ~ /^rdtscp?$/ { tsc = 1 }
	tsc && $2 == "and" && $3 ~ /^\$0x0,%/ {
		register = $3
		sub(/.*%e?/, "", register)
		sub(/d$/, "", register)
		next
	}
	register != "" && $2 == "mov" && $3 ~ "^(0x0)?\\(%[a-z0-9]+,%r?" register ",1\\),%(e|r[0-9])" { waits[name] = 1 }
	END { for (i = 1; i <= count; i++) if (!(wanted[i] in waits)) printf " %s", wanted[i] }')
if [[ -z $bad ]]; then
	echo "PASS compiled.ring3-order: ${#readers[@]} readers: TSC, then a version that waits for it"
else
	echo "FAIL compiled.ring3-order: no load that depends on the TSC in$bad"
	failed=1
fi
exit "$failed"
