# shellcheck shell=bash
# SPDX-License-Identifier: 0BSD
#
# What the project needs from the machine it is built on, and how it gets there.  Sourced by
# run-qemu.sh and tests/run.sh:
#
#	deps_need yes build run		install what is missing for these purposes
#	deps_need no build run		only list what is missing
#
# Returns 0 when everything is there (and says nothing if it was there already), else 2 with the
# list of what is missing on standard error.
#
# A need is a probe, not a package: on a distribution without apt the same tools under other
# package names are found, and only what is really missing is asked for.

# purpose | probe: a command, or a path (shell pattern) | Debian 12 and 13 package | what it is for
deps_table() {
	cat <<-'TABLE'
		build|make|make|runs the build
		build|gcc|gcc|compiles the kernel and the library
		build|ld|binutils|links the kernel
		run|timeout|coreutils|ends a guest that hangs
		run|qemu-system-x86_64|qemu-system-x86|is the machine that the kernel boots on
		iso|grub-mkimage|grub-common|makes the boot image of the ISO
		iso|/usr/lib/grub/i386-pc/kernel.img|grub-pc-bin|GRUB itself, for BIOS machines
		iso|xorriso|xorriso|writes the ISO
		page|python3|python3|draws the page of a report
		test|/usr/include/stdio.h|libc6-dev|hosted tests
		test|/usr/include/cmocka.h|libcmocka-dev|test programs
		test32|/usr/lib/i386-linux-gnu/libcmocka.so|libcmocka-dev:i386|test programs of 32 bits
		test|/usr/lib/gcc/x86_64-linux-gnu/*/32/libgcc.a|gcc-multilib|the library on i386
		test|g++|g++|the headers as C++
		test|clang|clang|the second compiler
		test|/usr/lib/llvm-*/lib/clang/*/lib/*/libclang_rt.fuzzer*.a|libclang-rt-dev|fuzzing
		test|python3|python3|reads the guests' JSON
		test|qemu-img|qemu-utils|makes the disk that snapshots are saved in
		test|git|git|lists the files that lint looks at
		test|shellcheck|shellcheck|lint of shell scripts
		test|shfmt|shfmt|format of shell scripts
		test|clang-format|clang-format|format of C
		test|mandoc|mandoc|lint of manual pages
		test|spin|spin|checks the model of the page protocol
		browser|chromium|chromium|shows the page of a report to its tests
		root|debootstrap|debootstrap|makes a Debian system for tests/run.sh --root
		root|/usr/share/keyrings/debian-archive-keyring.gpg|debian-archive-keyring|proves that it is Debian's
		root|unshare|util-linux|keeps what is mounted in it out of sight
		root|tar|tar|copies this tree into it
	TABLE
}

# deps_missing PURPOSE...: the rows of the table whose probe finds nothing.
deps_missing() {
	local purpose probe package why
	while IFS='|' read -r purpose probe package why; do
		[[ " $* " == *" $purpose "* ]] || continue
		# Who names a compiler of his own has it, or make will say so.
		[[ -n ${CROSS_COMPILE-} && ($probe == gcc || $probe == ld) ]] && continue
		[[ -n ${CC-} && $probe == gcc ]] && continue
		[[ -n ${QEMU-} && $probe == qemu-system-x86_64 ]] && continue
		if [[ $probe == /* ]]; then
			compgen -G "$probe" >/dev/null || echo "$probe|$package|$why"
		else
			command -v "$probe" >/dev/null || echo "$probe|$package|$why"
		fi
	done < <(deps_table)
}

# deps_become_root: print the words to put before a command that needs root, one a line; without a
# way to become root, fail with a message.
deps_become_root() {
	if ((EUID == 0)); then
		echo env
	elif ! command -v sudo >/dev/null; then
		echo "Installing needs root: run this as root, or install sudo." >&2
		return 1
	elif { : </dev/tty; } 2>/dev/null; then
		echo sudo # it asks for the password on the terminal, whatever is redirected
	else
		printf '%s\n' sudo -n
	fi
}

# deps_apt PACKAGE...: install from the distribution's archive; what apt says is shown on failure.
# A package NAME:i386 is Debian's multiarch: it stands beside the one for amd64.
deps_apt() {
	local words as_root log status=0
	words=$(deps_become_root) || return 1
	mapfile -t as_root <<<"$words"
	as_root+=(env DEBIAN_FRONTEND=noninteractive)
	log=$(mktemp) || return 1
	if [[ " $*" == *:i386* ]] && ! dpkg --print-foreign-architectures | grep -qx i386; then
		"${as_root[@]}" dpkg --add-architecture i386 || return 1
	fi
	# The lists are fetched only if the packages cannot be had from the lists that are there.
	if ! "${as_root[@]}" apt-get install -qq -y --no-install-recommends "$@" \
		</dev/null >"$log" 2>&1; then
		echo "Fetching the package lists ..." >&2
		"${as_root[@]}" sh -c \
			'apt-get update -qq; exec apt-get install -qq -y --no-install-recommends "$@"' \
			sh "$@" </dev/null >"$log" 2>&1 || status=1
	fi
	((status == 0)) || sed 's/^/  /' "$log" >&2
	rm -f "$log"
	return $status
}

deps_need() {
	local install=$1 missing packages
	shift
	missing=$(deps_missing "$@")
	[[ -n $missing ]] || return 0

	{
		echo "Missing on this machine (what, Debian package, what for):"
		awk -F '|' '{ printf "  %-24s %-16s %s\n", $1, $2, $3 }' <<<"$missing"
	} >&2
	mapfile -t packages < <(cut -d '|' -f 2 <<<"$missing" | sort -u)
	if ! command -v apt-get >/dev/null; then
		echo "There is no apt here: install these from your distribution, then try again." >&2
		return 2
	fi
	if [[ $install != yes ]]; then
		echo "To install them: apt-get install ${packages[*]}" >&2
		return 2
	fi

	echo "Installing: ${packages[*]}" >&2
	if ! deps_apt "${packages[@]}"; then
		echo "The installation failed." >&2
		return 2
	fi
	missing=$(deps_missing "$@")
	if [[ -n $missing ]]; then
		echo "Still missing after the installation:" >&2
		awk -F '|' '{ printf "  %-24s %s\n", $1, $2 }' <<<"$missing" >&2
		return 2
	fi
}
