#!/usr/bin/env python3
"""House rules that a machine can check: prints `file:line: what`, exits 1 where there is any.

usage: lint.py [TREE]     see CONTRIBUTING.md for the rules and their reasons
"""
import pathlib
import re
import sys

LINE, FUNCTION, FILE = 100, 60, 500  # columns (a tab is 8), lines, lines
MAY_INCLUDE = {
    "formats": ("formats",),
    "heapwalk": ("formats", "heapwalk"),
    "analyzer": ("formats", "heapwalk", "analyzer", "preload"),
    "preload": ("preload",),
}
SHARED = "preload/region.h"  # what the analyzer may see of preload/
ELF = re.compile(r"^(libelf|gelf|dwarf|elfutils/.*)\.h$")
ALLOC = re.compile(
    r"\b(malloc|calloc|realloc|reallocarray|free|strdup|strndup|asprintf|vasprintf|getline|"
    r"getdelim|aligned_alloc|posix_memalign|memalign|valloc|open_memstream)\s*\(")
UNFINISHED = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b")
# Spelled so that this file does not find itself.
MACHINE = re.compile(r"(?<![\w.$}/-])/(" + "wor" + "k|roo" + r"t)/\w|\.\./" + "shared")
BLANKED = re.compile(r'/\*.*?\*/|//[^\n]*|"(?:[^"\\\n]|\\.)*"|\'(?:[^\'\\\n]|\\.)*\'', re.S)

problems = []


def problem(path, line, what):
    problems.append((str(path), line, what))


def blank(text):
    """The code alone: comments and strings become spaces, lines stay where they are."""
    def spaces(match):
        return re.sub(r"[^\n]", " ", match.group())
    return BLANKED.sub(spaces, text)


def check_includes(path, folder, text):
    for number, line in enumerate(text.splitlines(), 1):
        match = re.match(r'\s*#\s*include\s*([<"])([^>"]+)[>"]', line)
        if not match:
            continue
        quoted, name = match.group(1) == '"', match.group(2)
        if quoted:
            target = name.split("/")[0]
            if "/" not in name or target not in MAY_INCLUDE or ".." in name:
                problem(path, number, f'include "{name}": write "folder/file.h"')
            elif target not in MAY_INCLUDE[folder] or (
                    target == "preload" != folder and name != SHARED):
                problem(path, number, f"{folder} must not include {name} (layering)")
        elif ELF.match(name) and not (folder == "formats" and path.suffix == ".c"):
            problem(path, number, f"<{name}>: libelf and libdw belong in formats/*.c")
        elif name == "jansson.h" and not (folder == "analyzer" and "json" in path.stem
                                          and path.suffix == ".c"):
            problem(path, number, "<jansson.h> belongs in the JSON renderers, analyzer/*/*json*.c")
        elif name == "seccomp.h" and path.name != "syscalls.c":
            problem(path, number, "<seccomp.h> belongs in analyzer/command/syscalls.c")


def check_functions(path, code):
    start = None
    for number, line in enumerate(code.splitlines(), 1):
        if line.startswith("{"):
            start = number
        elif line.startswith("}") and start:
            # From the opening to the closing brace, both counted.
            if number - start + 1 > FUNCTION:
                problem(path, start, f"function of {number - start + 1} lines, over {FUNCTION}")
            start = None


def check_product(path, folder):
    text = path.read_text()
    code = blank(text)
    check_includes(path, folder, text)
    check_functions(path, code)
    if path.suffix == ".h" and not text.startswith("/*"):
        problem(path, 1, "a header opens with what its module knows and refuses to know")
    # preload/ stands before malloc: it defines it, and calls it through pointers only
    if folder != "preload" and (path.name not in ("base.c",) or folder != "formats"):
        for number, line in enumerate(code.splitlines(), 1):
            match = ALLOC.search(line)
            if match:
                problem(path, number, f"{match.group(1)}(): memory comes from formats/base.h")


def check_text(path):
    """What holds for every C file, tests included."""
    text = path.read_text()
    strings = re.sub(r"/\*.*?\*/", lambda m: re.sub(r"[^\n]", " ", m.group()), text, flags=re.S)
    code = blank(text).splitlines()
    strings = re.sub(r'"(?:[^"\\\n]|\\.)*"', '""', strings)
    lines = text.splitlines()
    if len(lines) > FILE:
        problem(path, FILE, f"file of {len(lines)} lines, over {FILE}")
    for number, line in enumerate(lines, 1):
        width = len(line.expandtabs(8))
        if width > LINE:
            problem(path, number, f"line of {width} columns, over {LINE}")
        if line != line.rstrip():
            problem(path, number, "spaces at the end of the line")
        before = code[number - 2].rstrip() if number > 1 else ""
        # After an unfinished line, spaces align; after a finished one they would indent.
        if re.match(r" {8}", line) and code[number - 1].strip() and before.endswith((";", "{", "}")):
            problem(path, number, "indented with spaces, not tabs")
    for number, line in enumerate(strings.splitlines(), 1):
        if "//" in line:
            problem(path, number, "a // comment: write /* */")


def check_words(path):
    try:
        text = path.read_text()
    except UnicodeDecodeError:
        return
    for number, line in enumerate(text.splitlines(), 1):
        for pattern, what in ((UNFINISHED, "an unfinished mark"),
                              (MACHINE, "a path of one machine")):
            match = pattern.search(line)
            if match:
                problem(path, number, f"{what}: {match.group()}")


def main():
    tree = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else pathlib.Path(__file__).parent.parent)
    checked = 0
    for folder in MAY_INCLUDE:
        for path in sorted((tree / folder).glob("**/*.[ch]")):
            check_product(path, folder)
            checked += 1
    for folder in (*MAY_INCLUDE, "tests", "corpus"):
        for path in sorted((tree / folder).glob("**/*")):
            if path.suffix in (".c", ".h"):
                check_text(path)
            if path.suffix == ".py" and path.stem in sys.stdlib_module_names:
                problem(path, 1, "named as a module of Python's: those beside it would import it")
            if path.suffix in (".c", ".h", ".sh", ".py", ".md", "") and path.is_file() \
                    and path.name != "lint.py" and path.stat().st_size < 1 << 20:
                check_words(path)
    for path in [*sorted((tree / "doc").glob("*.md")), *sorted(tree.glob("*.md")),
                 tree / "Makefile"]:
        if path.is_file():
            check_words(path)
    for path, line, what in sorted(set(problems)):
        print(f"{path}:{line}: {what}")
    if not checked:
        print(f"{tree}: no product sources found")
        return 1
    return 1 if problems else 0


sys.exit(main())
