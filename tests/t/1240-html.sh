#!/usr/bin/env bash
# --format=html: one file that needs nothing else, in which no name of the dead process is more than
# text, and whose numbers are those of JSON.
. "$(dirname "$0")/../lib.sh"
need_cmd zstd python3

cat >page.py <<'PY'
"""page.py HTML JSON: is the page sound, and does it tell what JSON tells?"""
import html.parser, json, sys
text = open(sys.argv[1], encoding="utf-8").read()
r = json.load(open(sys.argv[2]))
ELEMENTS = set("html head meta style title body h1 h2 p b div table thead tbody tr th td details "
               "summary pre".split())
ATTRIBUTES = {"lang", "charset", "http-equiv", "content", "name", "class"}
class Page(html.parser.HTMLParser):
    def __init__(self):
        super().__init__()
        self.open, self.cells, self.words, self.rows = [], [], {}, []
    def handle_starttag(self, tag, attrs):
        assert tag in ELEMENTS, tag
        assert {name for name, _ in attrs} <= ATTRIBUTES, attrs
        if tag == "tr":
            self.cells = []
        if tag in ("td", "th"):
            self.cells.append("")
        if tag != "meta":
            self.open.append(tag)
    def handle_endtag(self, tag):
        assert self.open.pop() == tag, tag
        if tag == "tr":
            self.rows.append(self.cells)
    def handle_data(self, data):
        for tag in self.open[-1:]:
            self.words[tag] = self.words.get(tag, "") + data
            if tag in ("td", "th"):
                self.cells[-1] += data
    def unknown_decl(self, data):
        raise AssertionError(data)
    def handle_comment(self, data):
        raise AssertionError(data)
page = Page()
page.feed(text)
page.close()
assert not page.open, page.open
assert text.startswith("<!DOCTYPE html>\n")
assert "default-src 'none'" in text and "prefers-color-scheme: dark" in text
for word in "http://", "https://", "url(", "@import", "javascript:":
    assert word not in text, word
assert r["verdict"]["text"].startswith(page.words["h1"]), page.words["h1"]
for reach in ("definite", "indirect", "possible", "reachable"):
    row = next(row for row in page.rows if row[0] == reach)
    assert row[1] == f"{r['leaks'][reach]['blocks']:,}", row
findings = [f for f in r["findings"] if "reach" in f]
top = next((i for i, row in enumerate(page.rows) if row[0] == "SIZE" and "EXAMPLE" in row), None)
assert (top is None) == (not findings)
shown = []
for row in page.rows[top + 1:] if findings else []:
    if row[0] != "varies" and not row[0].endswith(" B"):
        break
    shown.append(row[page.rows[top].index("EXAMPLE")])
assert len(shown) == min(len(findings), 100), len(shown)
assert set(shown) <= {f["example"] for f in findings}
print("sound", page.words["b"])
PY

for case in bookworm-dynamic trixie-gcore bullseye-i386-static; do
	zstd -q -d -f --sparse "$SRC/corpus/$case/core.zst" -o core
	for command in summary leaks; do
		"$COREHEAP" "$command" core --json >json 2>/dev/null
		exits "$case: $command" 0 "$COREHEAP" "$command" core --format=html
		like "$case: $command: sound, and what JSON says" "$(python3 page.py stdout json 2>&1)" '^sound '
	done
done
is '-n bounds what is listed' "$("$COREHEAP" leaks core --format html -n 1 | grep -c '</td><td>{')" 1
like 'and says how many there are' "$("$COREHEAP" leaks core --format html -n 1)" 'and [0-9]+ more; '
head -c 200000 core >half
"$COREHEAP" summary half --format=html -o half.html 2>err
like 'what could not be read stands in it' "$(cat half.html)" '<h2>What could not be read</h2>'
is 'and so not on standard error' "$(cat err)" ''
is 'it is for its owner alone' "$(stat -c %a half.html)" 600

# ---- names are hostile: of the process, of its files, of the core, of functions ----
zstd -q -d -f "$SRC/corpus/bookworm-dynamic/core.zst" -o core
python3 - <<'PY'
data = open("core", "rb").read()
for name, evil in ("script", b"<script>\0\0\0\0\0"), ("quotes", b"'\"><b x=&lt;\0"), ("lines", b"a\n<b>\0\33[1m\0\0\0"):
    changed = data.replace(b"plan-dynamic\0", evil)
    assert len(changed) == len(data) and changed != data
    open(name, "wb").write(changed)
PY
for name in script quotes lines; do
	ln -f "$name" "$name<i>\"'&amp;.core"
	"$COREHEAP" summary "$name" --json >json 2>/dev/null
	exits "a hostile name: $name" 0 "$COREHEAP" leaks "$name<i>\"'&amp;.core" --format=html
	like "a hostile name: $name: only text" "$(python3 page.py stdout json 2>&1)" '^sound '
	cp stdout "$name.html"
done
is 'it is shown as it is' "$(grep -c '<b>&lt;script&gt;</b>' script.html)" 1
is 'a newline is made visible' "$(grep -c '<b>a\\x0a&lt;b&gt;</b>' lines.html)" 1
cat >evil.c <<'C'
#include <stdlib.h>
void *volatile sink;
__attribute__((noinline)) void evil(int n) { while (n--) sink = malloc(72); sink = 0; }
int main(void) { evil(40); char gone[8192]; for (size_t i = 0; i < sizeof(gone); i++)
	((volatile char *)gone)[i] = 0; abort(); }
C
sites=$BUILD/libcoreheap_sites.so
if [ -f "$sites" ] && ! core_forbidden >/dev/null && "$CC" -O1 -c -o evil.o evil.c &&
	objcopy --redefine-sym "evil=</pre><script src=x>" evil.o && "$CC" -o evil evil.o; then
	LD_PRELOAD=$sites COREHEAP_SITES=stack kernel_core evil.core "$OUT/evil"
	"$COREHEAP" leaks evil.core --json >json
	exits 'a hostile function' 0 "$COREHEAP" leaks evil.core --format html
	like 'a hostile function: only text' "$(python3 page.py stdout json 2>&1)" '^sound evil'
	like 'a hostile function: its stack' "$(cat stdout)" '#0 .*&lt;/pre&gt;&lt;script src=x&gt;'
else
	skip 'a hostile function' 'no core, or no library, here'
fi
plan_done
