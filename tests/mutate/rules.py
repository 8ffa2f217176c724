# SPDX-License-Identifier: 0BSD
"""Changes to C source by rule: each is a bug that a careless hand could have left there."""

import re

# A token, with what is no code skipped: comments, strings, preprocessor lines.
TOKEN = re.compile(
    r"""
    (?P<skip> /\*.*?\*/ | //[^\n]* | "(?:\\.|[^"\\\n])*" | '(?:\\.|[^'\\\n])+'
      | ^[ \t]*\#[ \t]*(?!define)(?:\\\n|[^\n])* | ^[ \t]*\#[ \t]*define[ \t]+\w+(?:\([^)\n]*\))? )
  | (?P<number> \b(?:0[xX][0-9a-fA-F]+|[0-9]+)(?:[uUlL]*)\b )
  | (?P<name> [A-Za-z_]\w* )
  | (?P<operator> <<=|>>=|->|\+\+|--|<<|>>|<=|>=|==|!=|&&|\|\||[-+*/%&|^]=|[-+*/%&|^!~<>=] )
  | (?P<other> \S )
    """,
    re.X | re.S | re.M,
)

COMPARISONS = {"<": "<=", "<=": "<", ">": ">=", ">=": ">", "==": "!=", "!=": "=="}
OPERATORS = {
    "+": "-",
    "-": "+",
    "/": "*",
    "%": "/",
    "&": "|",
    "|": "&",
    "^": "|",
    "<<": ">>",
    ">>": "<<",
    "&&": "||",
    "||": "&&",
    "+=": "-=",
    "-=": "+=",
    "|=": "&=",
    "&=": "|=",
    "<<=": ">>=",
    ">>=": "<<=",
    "++": "--",
    "--": "++",
}
ORDERS = {
    "__ATOMIC_ACQUIRE": "__ATOMIC_RELAXED",
    "__ATOMIC_RELEASE": "__ATOMIC_RELAXED",
    "__ATOMIC_ACQ_REL": "__ATOMIC_RELAXED",
    "__ATOMIC_SEQ_CST": "__ATOMIC_RELAXED",
}
# A statement that is an assignment, a call or inline assembly, whole on its lines; not a declaration.
STATEMENT = re.compile(
    r"^(?P<indent>[ \t]+)(?!(?:if|for|while|switch|return|sizeof|do)\b)"
    r"(?P<text>(?:\(void\)|__asm__ (?=volatile\())?(?:\*|\+\+|--)?[A-Za-z_]\w*"
    r"(?:(?:->|\.)\w+|\[[^\]\n]*\])*\s*(?:\+\+|--|(?:[-+*/%&|^]|<<|>>)?=(?!=)|\()[^;{}]*;)[ \t]*$",
    re.M,
)
# What comes before a statement, comments left out; elsewhere a line continues an expression.
STATEMENT_END = re.compile(r"(?:^|[;{}:)]|\b(?:else|do))\s*\Z")
COMMENT = re.compile(r"/\*.*?\*/", re.S)
# Not what describes the sources to the compiler: assertions, and members that point to functions.
NO_CODE = re.compile(
    r"\b(?:\w*STATIC_ASSERT|_Static_assert)\s*\([^;]*;|^[ \t]+\w+ \(\*\w+\)\([^;]*;", re.M
)
# An array's length; nothing notices one that is longer.
LENGTH = re.compile(r"(?:^|[(,])[ \t]*(?!return\b|else\b)(?:\w+[ \t*]+)+\w+\[(?P<length>\d+)\]", re.M)
JUMP = re.compile(r"^(?P<indent>[ \t]+)(?P<text>(?:break|continue);)[ \t]*$", re.M)
FENCE = re.compile(r"\\n(?:lfence|mfence|sfence)|(?:lfence|mfence|sfence)\\n|\b(?:lfence|mfence|sfence)\b")
ASM = re.compile(r"__asm__[^;]*;")

# A line of assembly, without its label: an instruction, or a directive or a definition whose numbers count.
LINE_OF_ASSEMBLY = re.compile(
    r"^(?:\w+:)?[ \t]+(?P<text>(?:[a-z]|\.(?:if|elseif|rept|set)\b)[^#\n;]*)"
    r"|^\#define[ \t]+\w+[ \t]+(?P<defined>[^\n]+)",
    re.M,
)
# Not that of a register or of a local label.
NUMBER_OF_ASSEMBLY = re.compile(r"(?<![%\w.])(?:0x[0-9a-fA-F]+|[0-9]+)(?!\w)")
JUMPS = {"jz": "jnz", "jnz": "jz", "je": "jne", "jne": "je", "jc": "jnc", "jnc": "jc"}
KEEP_STACK = {"push": "push $0", "pop": "lea 8(%rsp), %rsp"}


class Change:
    """One place of a file, and what is put there."""

    def __init__(self, path, text, start, end, new, rule):
        self.path, self.start, self.end, self.new, self.rule = path, start, end, new, rule
        self.line = text.count("\n", 0, start) + 1
        self.old = text[start:end]
        at = text.rfind("\n", 0, start) + 1
        self.context = text[at : text.find("\n", start)].strip()
        self.becomes = (text[at:start] + new + text[end : text.find("\n", end)]).strip()

    def apply(self, text):
        return text[: self.start] + self.new + text[self.end :]

    def __str__(self):
        def short(words):
            return " ".join(words.split()) or "nothing"

        return f"{self.path}:{self.line}: {self.rule}: {short(self.old)} -> {short(self.new)}"


def _numbers(token):
    """Other values for a literal; of a mask one bit."""
    digits = token.rstrip("uUlL")
    suffix = token[len(digits) :]
    value = int(digits, 16 if digits[:2] in ("0x", "0X") else 8 if re.match("0[0-7]", digits) else 10)
    if digits[:2] in ("0x", "0X"):
        if value:
            yield "a bit of a mask", f"{value & (value - 1):#x}{suffix}"
        return
    yield "a constant", f"{value + 1}{suffix}"
    if value > 1:
        yield "a constant", f"{value - 1}{suffix}"


def _binary(before):
    """Is an operator after this token one between two operands?"""
    return before is not None and (before[0] in ("number", "name") or before[1] in (")", "]"))


def _line_of_assembly(kind, code):
    """Each change of a line of assembly: (start, end, what is put there, rule)."""
    operands = 0
    if kind == "instruction":
        yield 0, len(code), "", "an instruction"
        word = re.match(r"\w+", code)[0]
        operands = len(word)
        if word in JUMPS:
            yield 0, len(word), JUMPS[word], "a condition"
        register = re.fullmatch(r"(push|pop)[ \t]+%\w+", code)
        # The register is lost, and the stack is as it was.
        if register:
            yield 0, len(code), KEEP_STACK[register[1]], "a register"
    for number in NUMBER_OF_ASSEMBLY.finditer(code, operands):
        for rule, put in _numbers(number[0]):
            yield *number.span(), put, rule


def _assembly(path, text):
    """Each change of an assembly source: an instruction, a register, a condition, a number."""
    code = COMMENT.sub(lambda m: re.sub(r"[^\n]", " ", m[0]), text)
    for line in LINE_OF_ASSEMBLY.finditer(code):
        group = "text" if line["text"] else "defined"
        words, start = line[group].rstrip(), line.start(group)
        kind = "instruction" if re.match("[a-z]", words) else "directive"
        for begin, end, put, rule in _line_of_assembly(kind, words):
            yield Change(path, text, start + begin, start + end, put, rule)


def changes(path, text):
    """Every change of a file, in its order."""
    if path.endswith(".S"):
        return list(_assembly(path, text))
    found, before = [], None
    lengths = {match.start("length") for match in LENGTH.finditer(text)}
    for match in TOKEN.finditer(text):
        kind, token = match.lastgroup, match.group()
        if kind == "skip":
            continue
        new = []
        if kind == "number":
            new = list(_numbers(token))[1 if match.start() in lengths else 0 :]
        elif kind == "name" and token in ORDERS:
            new = [("an order", ORDERS[token])]
        elif kind == "operator":
            if token in COMPARISONS and _binary(before):
                new = [("a comparison", COMPARISONS[token])]
            elif token in ("++", "--") or token.endswith("=") and token in OPERATORS:
                new = [("an operator", OPERATORS[token])]
            elif token in OPERATORS and _binary(before):
                new = [("an operator", OPERATORS[token])]
            elif token == "!" and not text.startswith("!!", match.start()):
                new = [("a negation", "")]
        found += [Change(path, text, *match.span(), put, rule) for rule, put in new]
        before = (kind, token)
    for pattern in (STATEMENT, JUMP):
        for match in pattern.finditer(text):
            if not STATEMENT_END.search(COMMENT.sub("", text[: match.start()])[-40:]):
                continue
            found.append(
                Change(path, text, match.end("indent"), match.end("text"), ";", "a statement")
            )
    for block in ASM.finditer(text):
        for match in FENCE.finditer(block.group()):
            start = block.start() + match.start()
            found.append(Change(path, text, start, start + len(match.group()), "", "a fence"))
    skipped = [match.span() for match in NO_CODE.finditer(text)]
    found = [c for c in found if not any(a <= c.start < b for a, b in skipped)]
    return sorted(found, key=lambda c: (c.start, c.new))
