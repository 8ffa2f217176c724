# shellcheck shell=bash
# SPDX-License-Identifier: 0BSD
#
# What the library's suites share; sourced, with ROOT and OUT set.

# shellcheck disable=SC2034 # for the scripts that source this
LIB_SOURCES=("$ROOT/lib/pvclock/pvclock.c" "$ROOT/lib/pvclock/host.c")
# shellcheck disable=SC2034
WARN=(-Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wundef -Werror)
# shellcheck disable=SC2034
failed=0

pass() {
	echo "PASS $1${2:+: $2}"
}

fail() {
	echo "FAIL $1: ${2:-}"
	failed=1
}

skip() {
	echo "SKIP $1: $2"
}

# have COMPILER FLAGS...: whether it makes programs that run here.
have() {
	echo 'int main(void) { return 0; }' >"$OUT/probe.c"
	"$@" -o "$OUT/probe" "$OUT/probe.c" 2>"$OUT/probe.log" && "$OUT/probe"
}

# tap PREFIX LOG: turns TAP into PASS and FAIL lines with their figures.
tap() {
	awk -v prefix="$1" '
		/^# figures / { name = $3; sub(/:$/, "", name); sub(/^# figures [^:]*: /, ""); text[name] = $0; next }
		/^ok [0-9]+ - / { name = $4; print "PASS " prefix name (name in text ? ": " text[name] : ""); next }
		/^not ok [0-9]+ - / { if (bad) print "FAIL " prefix bad ": " why; bad = $5; why = "see the log"; next }
		/^# / && bad && why == "see the log" { why = substr($0, 3) }
		END { if (bad) print "FAIL " prefix bad ": " why }
	' "$2"
	if grep -q '^not ok' "$2"; then
		failed=1
	fi
}
