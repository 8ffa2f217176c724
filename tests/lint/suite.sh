#!/usr/bin/env bash
# SPDX-License-Identifier: 0BSD
#
# What can be said about the source without running it.
#
# Takes about 11 s.

set -uo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/../.." || exit 2
failures=0

# verdict NAME FIGURES COMMAND...: PASS with the figures if the command is content; else its output,
# and FAIL with the first line of it.
verdict() {
	local name=$1 figures=$2 output
	shift 2
	if output=$("$@" 2>&1); then
		echo "PASS $name: $figures"
	else
		head -n 30 <<<"$output" | sed 's/^/  /'
		echo "FAIL $name: $(grep -m 1 '[^[:space:]]' <<<"$output")"
		((failures++))
	fi
}

# The files of the tree: what is tracked, and what is about to be.  (A file that was deleted is
# still listed until that is committed.)
tree() {
	git ls-files -z --cached --others --exclude-standard -- "$@" |
		while IFS= read -r -d '' file; do
			[[ ! -f $file ]] || printf '%s\n' "$file"
		done | sort -u
}

has_no() { # PATTERN FILE...: no line matches; lines that do are printed
	! grep -nHIE -- "$@"
}

# --- C -----------------------------------------------------------------------------------------

mapfile -t c_files < <(tree '*.c' '*.h')
mapfile -t headers < <(tree '*.h')

includes() {
	# shellcheck disable=SC2046 # names without blanks
	tools/check-includes $(tree '*.c' '*.h' '*.S')
}
verdict lint.includes "every #include is an allowed edge, $(tree '*.c' '*.h' '*.S' | wc -l) files" \
	includes

# The kernel's headers and the library's have no hosted C library behind them.
compile_alone() {
	local header options bad=0
	for header in "${headers[@]}"; do
		options=(-Wall -Wextra -Werror -fsyntax-only -I. -Ilib -Iinclude)
		case $header in
		lib/* | include/* | arch/* | boot/* | base/* | drivers/* | kernel/*) options+=(-ffreestanding) ;;
		*) options+=(-D_GNU_SOURCE "-I$(dirname "$header")") ;;
		esac
		compiles_as "$header" gcc -x c -std=c11 "${options[@]}" || bad=1
		# The library's are for C++ as well.
		[[ $header != lib/* ]] || compiles_as "$header" g++ -x c++ -std=c++17 "${options[@]}" || bad=1
	done
	return $bad
}
compiles_as() { # HEADER COMPILER...
	local header=$1 log
	shift
	log=$(printf '#include "%s"\n' "$header" | "$@" - 2>&1) && return
	echo "$header does not compile alone with $1 $4:"
	grep -m 3 -E 'error|warning' <<<"$log" | sed 's/^/  /'
	return 1
}
verdict lint.headers-alone "${#headers[@]} headers as C11, lib/ also as C++17" compile_alone

# The format is one that versions 14 to 19 agree on.
formatted() {
	local file lines bad=0
	for file in "${c_files[@]}"; do
		lines=$(clang-format "$file" | diff "$file" - | grep -c '^<')
		((lines == 0)) || echo "$file: $lines lines differ: clang-format -i $file"
		((bad += lines))
	done
	((bad == 0))
}
verdict lint.clang-format "${#c_files[@]} files, version $(clang-format --version |
	grep -oE '[0-9]+' | head -n 1)" formatted

# --- scripts -----------------------------------------------------------------------------------

scripts=()
python=()
while IFS= read -r file; do
	case $(head -n 1 "$file" 2>/dev/null | tr -d '\0') in
	'#!'*sh | '# shellcheck shell='*) scripts+=("$file") ;;
	'#!'*python3) python+=("$file") ;;
	*)
		[[ $file != *.sh ]] || scripts+=("$file")
		[[ $file != *.py ]] || python+=("$file")
		;;
	esac
done < <(tree)
verdict lint.shellcheck "${#scripts[@]} scripts" shellcheck -x "${scripts[@]}"
verdict lint.shfmt "${#scripts[@]} scripts" shfmt -d "${scripts[@]}"

parse_python() {
	python3 -c 'import ast, sys
for name in sys.argv[1:]:
    ast.parse(open(name, encoding="utf-8").read(), name)' "$@"
}
verdict lint.python "${#python[@]} programs parse" parse_python "${python[@]}"

# --- manual pages ------------------------------------------------------------------------------

mapfile -t pages < <(tree 'docs/man/*.[1-9]')
if ((${#pages[@]} > 0)); then
	verdict lint.mandoc "${#pages[@]} pages" mandoc -T lint -W warning "${pages[@]}"
else
	echo "SKIP lint.mandoc: there are no manual pages yet"
fi

# --- every file --------------------------------------------------------------------------------

mapfile -t files < <(tree)

# Prose and what cannot hold a comment need no licence line; LICENSE covers them.
spdx() {
	local file bad=0
	for file in "${files[@]}"; do
		case $file in
		LICENSE | *.md | *.json | .gitignore | .editorconfig | */corpus/*) continue ;;
		esac
		head -n 5 "$file" | grep -q 'SPDX-License-Identifier: 0BSD' && continue
		echo "$file: no SPDX line among the first five"
		bad=1
	done
	return $bad
}
verdict lint.spdx "${#files[@]} files" spdx

verdict lint.white-space "no blanks at the end of a line" has_no '[[:blank:]]$' "${files[@]}"
verdict lint.line-length "no line of C is longer than 100 columns, macros apart" has_no '^[^#].{99,}[^\\]$' "${c_files[@]}"
# The brackets keep the pattern from matching itself.
verdict lint.machine-paths "nothing names a place on the author's machine" \
	has_no '[/]work/|[/]tmp/wt|[/]home/[a-z]|[/]root/' "${files[@]}"

((failures == 0))
