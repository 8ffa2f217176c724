#!/usr/bin/env bash
# SPDX-License-Identifier: 0BSD
#
# Build the kernel, boot it in QEMU, show its report, and end with its verdict.

set -uo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd) || exit 2
# shellcheck source=tools/deps.sh
. "$root/tools/deps.sh"
# shellcheck source=tools/kvm.sh
. "$root/tools/kvm.sh"

# What the kernel writes to the isa-debug-exit port, as the status that QEMU makes of it.
readonly exit_passed=33 exit_failed=35 exit_no_console=37
readonly qemu=${QEMU:-qemu-system-x86_64}

usage() {
	cat <<-'EOF'
		Usage: run-qemu.sh [OPTIONS] [-- QEMU ARGUMENTS]

		Installs what is missing (Debian), builds the kernel, boots it and shows its report.

		  --accel auto|kvm|tcg     auto (the default) takes KVM if a virtual machine can be created
		  --smp N                  number of vCPUs, 1 to 255 (2)
		  --machine pc|q35|microvm machine model (pc)
		  --cpu MODEL              CPU model and features as for QEMU's -cpu
		                           (max, less what a KVM host without VT-x/SVM cannot give)
		  --iso                    boot the ISO through GRUB; by default QEMU loads the same ELF
		  --append "NAME=VALUE .." settings for the kernel; "help" lists them
		  --shell                  a shell on the serial line, after the report ("help" lists its
		                           commands).  From a terminal: ^] x ends QEMU if all else fails.
		                           From a pipe or a file: the end of input ends the run
		  --verbose                report every table, reason and check, not only what a person needs
		  --json FILE              write the report as JSON, one object a line, to FILE
		  --html FILE              draw the report as an HTML page, in FILE; also of a run that fails
		  --timeout S              end the guest after S seconds (120; never with --shell or --debug
		                           on a terminal)
		  --kernel FILE            boot this ELF, build nothing
		  --debug                  wait for gdb on port 1234 before the first instruction
		  --dry-run                print the QEMU command and stop
		  --no-install             list what is missing instead of installing it
		  --help                   this text

		Environment: O is the build directory (build/ beside this script), QEMU the program to run
		(qemu-system-x86_64); NO_COLOR, if set, keeps a terminal's output plain.

		Exit status: 0 all checks passed, 1 a check failed or the guest gave no verdict,
		2 usage or set-up, 124 timeout.
	EOF
}

# die MESSAGE...: an error of usage or set-up.
die() {
	printf 'run-qemu.sh: %s\n' "$@" >&2
	exit 2
}

say() {
	printf 'run-qemu.sh: %s\n' "$*"
}

# --- the command line ------------------------------------------------------------------------

accel=auto smp=2 machine=pc cpu='' iso=no append='' json='' html='' timeout='' kernel=''
debug=no verbose=no dry_run=no install=yes shell=no terminal=no coloured=no
extra=()
# Of --html: what was typed, where the JSON goes without --json, and why the run failed.
called=("$0" "$@") scratch='' ended=''

parse_arguments() {
	while (($# > 0)); do
		# --name=value is --name value.
		if [[ $1 == --*=* ]]; then
			set -- "${1%%=*}" "${1#*=}" "${@:2}"
			case $1 in
			--accel | --smp | --machine | --cpu | --append | --json | --html | --timeout | --kernel) ;;
			*) die "unknown option $1=... (see --help)" ;;
			esac
		fi
		case $1 in
		--accel | --smp | --machine | --cpu | --append | --json | --html | --timeout | --kernel)
			if (($# < 2)) || [[ $1 != --append && ($2 == '' || $2 == --*) ]]; then
				die "$1 needs a value (see --help)"
			fi
			printf -v "${1#--}" '%s' "$2"
			shift
			;;
		--iso) iso=yes ;;
		--shell) shell=yes ;;
		--debug) debug=yes ;;
		--verbose) verbose=yes ;;
		--dry-run) dry_run=yes ;;
		--no-install) install=no ;;
		--help | -h) usage && exit 0 ;;
		--) extra=("${@:2}") && return ;;
		-[a-z]*)
			die "unknown argument '$1' (see --help)" \
				"if it is one of QEMU's own, give it after --; if it is $(basename "$0")'s, it begins with --"
			;;
		*) die "unknown argument '$1' (see --help)" ;;
		esac
		shift
	done
}

check_arguments() {
	[[ $accel == auto || $accel == kvm || $accel == tcg ]] ||
		die "--accel is auto, kvm or tcg, not '$accel'"
	[[ $machine == pc || $machine == q35 || $machine == microvm ]] ||
		die "--machine is pc, q35 or microvm, not '$machine'"
	if ! [[ $smp =~ ^[1-9][0-9]{0,2}$ ]] || ((smp > 255)); then
		die "--smp is a number of vCPUs from 1 to 255, not '$smp'"
	fi
	[[ -z $timeout || $timeout =~ ^[1-9][0-9]{0,5}$ ]] ||
		die "--timeout is a number of seconds, at least 1, not '$timeout'"
	[[ $append != *[$'\n\r']* ]] || die "--append is one line"
	if [[ $iso == yes ]]; then
		[[ $machine != microvm ]] || die "--iso needs a BIOS, which microvm does not have"
		[[ -z $kernel ]] || die "--iso boots what was built: it cannot go with --kernel"
	fi
	if [[ -n $json && $dry_run == no ]]; then
		: 2>/dev/null >"$json" || die "cannot write the JSON to '$json'"
	fi
	if [[ -n $html && $dry_run == no ]]; then
		check_html
	fi
	[[ ! -t 1 || -n ${NO_COLOR-} || ${TERM-dumb} == dumb ]] || coloured=yes
	if [[ $shell == yes ]]; then
		[[ ! -t 0 || ! -t 1 ]] || terminal=yes
		# What the user appends comes last, and so wins: shell=now.
		append="shell=1 shell.edit=$([[ $terminal == yes ]] && echo 1 || echo 0)${append:+ $append}"
	fi
	# What the user appends comes last, and so wins.
	[[ $verbose == no ]] || append="debug.bootverbose=1${append:+ $append}"
	if [[ -z $timeout ]]; then
		timeout=120
		[[ $debug == no && $terminal == no ]] || timeout=0 # forever
	fi
}

# check_html: begin the page, so that one of an earlier run is not taken for this one's.
check_html() {
	[[ ! -d $html ]] || die "cannot write the page to '$html': it is a directory"
	[[ ! -e $html || -f $html ]] || die "cannot write the page to '$html': it is no regular file"
	: 2>/dev/null >"$html" || die "cannot write the page to '$html'"
	if [[ -z $json ]]; then
		scratch=$(mktemp) || die "cannot make a temporary file"
		trap 'rm -f "$scratch"' EXIT
		json=$scratch
	fi
	[[ -f $json ]] || die "--html reads what --json writes: '$json' is no regular file"
	[[ ! $json -ef $html ]] || die "--json and --html name the same file"
}

# --- set-up and build ------------------------------------------------------------------------

# le FILE OFFSET SIZE: an unsigned little-endian number of SIZE bytes; nothing past the end.
le() {
	od -An -v -t "u$3" -j "$2" -N "$3" --endian=little "$1" 2>/dev/null | tr -d ' '
}

# check_elf FILE: is it a whole 64-bit ELF?  QEMU boots half a file without a word.
check_elf() {
	local file=$1 size at entry count i end
	[[ -f $file ]] || die "there is no kernel at $file"
	[[ -r $file ]] || die "cannot read $file"
	size=$(wc -c <"$file")
	# 0x7f 'E' 'L' 'F', 64 bits, little-endian
	[[ $(od -An -v -t x1 -N 6 "$file" | tr -d ' ') == 7f454c460201 ]] ||
		die "$file is not a 64-bit ELF file"
	((size >= 64)) || die "$file is truncated: its ELF header ends at byte 64, the file at $size"
	# the program headers, the section headers
	for i in "32 54 56" "40 58 60"; do
		read -r at entry count <<<"$i"
		at=$(le "$file" "$at" 8) entry=$(le "$file" "$entry" 2) count=$(le "$file" "$count" 2)
		end=$((at + entry * count))
		((size >= end)) ||
			die "$file is truncated: its headers end at byte $end, the file at $size"
	done
	at=$(le "$file" 32 8) count=$(le "$file" 56 2)
	for ((i = 0; i < count; i++, at += 56)); do
		end=$(($(le "$file" $((at + 8)) 8) + $(le "$file" $((at + 32)) 8)))
		((size >= end)) ||
			die "$file is truncated: segment $i ends at byte $end, the file at $size"
	done
}

# build TARGET: quiet, unless it fails.
build() {
	local log
	if ! log=$(make -C "$root" --no-print-directory -j"$(nproc)" O="$output" "$1" 2>&1 </dev/null); then
		printf '%s\n' "$log" >&2
		die "the build failed (make $1)"
	fi
}

# --- the virtual machine ---------------------------------------------------------------------

choose_accel() {
	local why
	[[ $accel != tcg ]] || return 0
	if ! command -v "$qemu" >/dev/null; then # only --dry-run comes here
		why="$qemu is not installed"
	else
		why=$(kvm_works) && accel=kvm && return 0
	fi
	[[ $accel == auto ]] || die "--accel kvm: no virtual machine can be created: $why"
	accel=tcg
	say "NO KVM ($why): running on TCG. There is no kvmclock then, so the kvmclock checks" \
		"are skipped, the TSC serves, and times say nothing about this machine; vCPUs take turns" \
		"on one thread, so what they would do to each other at once is not seen." >&2
}

# A comma inside a value of a QEMU option is doubled.
commas() {
	printf '%s' "${1//,/,,}"
}

compose_command() {
	if [[ -z $cpu ]]; then
		cpu=max
		# migratable=no passes the invariant TSC on, and with it the TSC frequency leaf.  A KVM
		# host without hardware virtualisation cannot run arch-capabilities; nothing here uses it.
		[[ $accel == tcg ]] || cpu=max,migratable=no,-arch-capabilities
	fi
	# Multi-threaded TCG adds to the guest's TSC whatever the host's seems to step back between two
	# CPUs, so that it runs fast while several vCPUs read it.  On one thread they take turns.
	local how=$accel
	[[ $accel != tcg ]] || how=tcg,thread=single
	command=("$qemu" -accel "$how" -cpu "$cpu" -smp "$smp" -m 128)
	if [[ $machine == microvm ]]; then
		# The kernel finds its devices itself: nothing is to be added to its command line.
		command+=(-machine 'microvm,auto-kernel-cmdline=off')
	else
		command+=(-machine "$machine")
	fi
	command+=(-nodefaults -display none -no-reboot)
	command+=(-device 'isa-debug-exit,iobase=0x501,iosize=0x04')

	if [[ $terminal == yes ]]; then
		# ^C is the shell's; ^A, QEMU's own escape, is too.
		command+=(-chardev 'stdio,id=com1,mux=on,signal=off' -serial chardev:com1 -echr 0x1d)
	else
		command+=(-chardev 'stdio,id=com1' -serial chardev:com1)
	fi
	if [[ -n $json ]]; then
		command+=(-chardev "file,id=com2,path=$(commas "$json")")
	else
		command+=(-chardev 'null,id=com2')
	fi
	if [[ $machine == microvm ]]; then # has but one -serial
		command+=(-device 'isa-serial,chardev=com2,iobase=0x2f8,irq=3')
	else
		command+=(-serial chardev:com2)
	fi

	if [[ $iso == yes ]]; then
		command+=(-boot d -cdrom "$output/clockpage.iso")
		# boot/grub.cfg reads the settings from here: the ISO is the same for every run.
		command+=(-smbios "type=1,product=clockpage,family=$(commas "$append")")
	else
		command+=(-kernel "${kernel:-$output/clockpage.elf}")
		[[ -z $append ]] || command+=(-append "$append")
	fi
	[[ $debug == no ]] || command+=(-gdb tcp:127.0.0.1:1234 -S)
	command+=("${extra[@]}")
}

# show_words WORD...: a command, such that it can be pasted into a shell.
show_words() {
	local word line=''
	for word; do
		[[ $word =~ ^[A-Za-z0-9_./:=,+@-]+$ ]] || word="'${word//\'/\'\\\'\'}'"
		line+="$word "
	done
	echo "${line% }"
}

# --- the run -----------------------------------------------------------------------------------

# write_page STATUS: the page of --html, however the run ended, and the end.
# shellcheck disable=SC2317 # the trap of EXIT calls it
write_page() {
	local status=$1 words=()
	# Status 1 without a reason is that of a report in which a check failed.
	((status <= 1)) || ended=${ended:-"the run ended with status $status"}
	[[ -z $ended ]] || words=(--ended "$ended")
	if ! python3 "$root/tools/page" --output "$html" "${words[@]}" "$json" \
		--command "$(show_words "${called[@]}")" --command "$(show_words "${command[@]}")"; then
		[[ $status != 0 ]] || status=2
	fi
	[[ -z $scratch ]] || rm -f "$scratch"
	exit "$status"
}

# fails_with TEXT: say why the run failed, on standard error and on the page.
fails_with() {
	ended=$1
	say "$1" >&2
}

# colour LINE: with the verdicts' words in colour, on a terminal.
colour() {
	local line=$1 word code
	if [[ $coloured == yes ]]; then
		for word in 'PASS=32' 'FAIL=31' 'SKIP=33' 'Clock: good=32' 'Clock: bad=31' 'Clock: not judged=33'; do
			code=${word##*=} word=${word%=*}
			[[ $line != "$word"* ]] || line=$'\e['"${code}m$word"$'\e[0m'"${line#"$word"}"
		done
	fi
	printf '%s' "$line"
}

# show LINE: a line of the guest's, or of QEMU's own, which goes to standard error.
show() {
	local line=${1%$'\r'}
	if [[ $line == "${qemu##*/}: "* || $line == "$qemu: "* || $line == "KVM internal error"* ]]; then
		if [[ $line == *"warning: host doesn't support requested feature"* ]]; then
			missing_features=$((missing_features + 1))
			return
		fi
		printf '%s\n' "$line" >&2
		# QEMU would stop the machine for inspection, and wait for ever.
		[[ $line != "KVM internal error"* ]] || { broken="$line" && stop_qemu; }
		return
	fi
	if ((missing_features > 0)); then
		say "the host lacks features of CPU model $cpu ($missing_features warnings)" >&2
		missing_features=0
	fi
	# Nobody may be reading any more: the trap of SIGPIPE ends the run.
	[[ -n $interrupted ]] || printf '%s\n' "$(colour "${line:$shown}")" 2>/dev/null
	shown=0
}

# show_part LINE: the line of stages as far as the guest has got.
show_part() {
	[[ $1 == 'testing '* && -z $interrupted ]] || return
	printf '%s' "${1:$shown}" 2>/dev/null
	shown=${#1}
}

stop_qemu() {
	[[ -z $pid ]] || kill -TERM "$pid" 2>/dev/null
}

# feed: send what the user gives to the guest, and a ^D on a line of its own at its end.  QEMU does not
# tell the guest that there is no more, and bytes that came before the guest listens would be lost.
feed() {
	(
		trap 'kill "$cat" 2>/dev/null; exit' TERM
		cat <&"$user" >&"$to_guest" &
		cat=$!
		wait "$cat" && printf '\n\004' >&"$to_guest"
	) &
	feeder=$!
}

# run: the guest from its start to its end, which `finish` judges.
run() {
	local line='' part started=$SECONDS heard=$SECONDS shown=0 status=0 pipe='' user='' to_guest='' feeder=''
	missing_features=0 broken='' interrupted='' pid=''
	trap 'interrupted=130; stop_qemu' INT
	trap 'interrupted=143; stop_qemu' TERM HUP
	trap 'interrupted=141; stop_qemu' PIPE

	local input=/dev/null
	if [[ $shell == yes ]]; then
		pipe=$(mktemp -d) || die "cannot make a temporary directory"
		mkfifo "$pipe/input" || die "cannot make a FIFO"
		input=$pipe/input
		exec {user}<&0 {to_guest}<>"$input"
	fi
	# timeout keeps QEMU in the foreground group, so that the terminal stays as it is.
	exec {guest}< <(exec timeout --foreground -k 5 "$timeout" "${command[@]}" <"$input" 2>&1)
	pid=$!
	while :; do
		part=''
		if IFS= read -r -t 1 -u "$guest" part; then
			show "$line$part"
			heard=$SECONDS
			[[ $shell == no || -n $feeder || $line$part != "shell: ready"* ]] || feed
			line=''
		elif (($? > 128)); then # nothing more for a second, or a signal
			line+=$part
			[[ -z $part ]] || heard=$SECONDS
			show_part "$line"
			if ((SECONDS - heard >= 10)) && [[ -z $interrupted && -z $feeder && $debug == no ]]; then
				say "still running, $((SECONDS - started)) s" >&2
				heard=$SECONDS
			fi
		else
			line+=$part
			break
		fi
	done
	[[ -z $line ]] || show "$line"
	wait "$pid"
	status=$?
	exec {guest}<&-
	if [[ -n $feeder ]]; then
		kill "$feeder" 2>/dev/null
		wait "$feeder" 2>/dev/null
	fi
	[[ -z $pipe ]] || rm -r "$pipe"

	[[ -z $interrupted ]] || exit "$interrupted"
	if [[ -n $broken ]]; then
		fails_with "the guest did something that KVM cannot run: $broken"
		exit 1
	fi
	finish "$status"
}

# run_on_terminal: QEMU has the terminal to itself, key by key.
run_on_terminal() {
	local saved
	saved=$(stty -g)
	timeout --foreground -k 5 "$timeout" "${command[@]}"
	set -- $?
	stty "$saved"
	finish "$1"
}

# finish STATUS: what QEMU's status means, and the end.
finish() {
	case $1 in
	"$exit_passed") exit 0 ;;
	"$exit_failed") exit 1 ;;
	"$exit_no_console")
		fails_with "the kernel found no serial port (COM1) to report on"
		exit 1
		;;
	124 | 137)
		fails_with "TIMEOUT: the guest did not end within $timeout s"
		exit 124
		;;
	0)
		if [[ $terminal == yes ]]; then
			fails_with "NO VERDICT: QEMU was ended by ^] x, or the guest reset or powered off"
		else
			fails_with "NO VERDICT: the guest reset (a triple fault?) or powered off before its report ended"
		fi
		exit 1
		;;
	134)
		die "QEMU crashed: its message stands above" \
			"this host cannot give the guest the CPU '$cpu': leave --cpu out, or take what it names" \
			"from the model, as in --cpu host,-arch-capabilities"
		;;
	1) die "QEMU could not run the guest: its message stands above" ;;
	*)
		fails_with "NO VERDICT: QEMU ended with status $1"
		exit 1
		;;
	esac
}

parse_arguments "$@"
check_arguments
output=$(realpath -m -- "${O:-$root/build}")
[[ -z ${QEMU-} || $dry_run == yes ]] || command -v "$qemu" >/dev/null || die "there is no QEMU=$qemu"

if [[ $dry_run == no ]]; then
	needs=(run)
	[[ -n $kernel ]] || needs+=(build)
	[[ $iso == no ]] || needs+=(iso)
	[[ -z $html ]] || needs+=(page)
	deps_need "$install" "${needs[@]}" || exit 2
	if [[ $iso == yes ]]; then
		build iso
	elif [[ -z $kernel ]]; then
		build kernel
	fi
	check_elf "${kernel:-$output/clockpage.elf}"
fi
choose_accel
compose_command
show_words "${command[@]}"
[[ $dry_run == no ]] || exit 0
[[ $iso == yes && $accel == kvm && -e /sys/module/kvm_pvm ]] &&
	say "GRUB is emulated on this KVM host, instruction by instruction: wait 15 to 60 s." >&2
[[ $shell == no ]] || say "the shell comes when the kernel has started; halt or ^D ends it" >&2
[[ $debug == no ]] || say "waiting for: gdb -ex 'target remote :1234' ${kernel:-$output/clockpage.elf}"
[[ -z $html ]] || trap 'write_page $?' EXIT
if [[ $terminal == yes ]]; then
	run_on_terminal
else
	run
fi
