#!/usr/bin/env bash
# Snapshots of one process against each other: what grows is named with its kind and its rate, blocks
# that survived are told from those that took their places; from cores, saved reports and both.
. "$(dirname "$0")/../lib.sh"
. "$SRC/tests/victims/growing.sh"
need_cmd python3
ok 'the victim compiles' compile growing "$SRC/tests/victims/growing.c"
why=$(core_forbidden) && skip_all "$why"
growing 3 || skip_all 'no core came'
judge() { python3 "$SRC/tests/victims/growing.py" "$@"; }
truth='truth.1 truth.2 truth.3'

exits 'three cores' 0 "$COREHEAP" diff core.1 core.2 core.3 --interval 60s --json -o cores.json
ok 'each is named with its kind and its rate' judge cores.json $truth
exits 'block by block' 0 "$COREHEAP" diff core.{1,2,3} --list survived,replaced,born,uncertain --format csv \
	-o list.csv
ok 'survivors, one by one, and the cohort' judge cores.json $truth --list=list.csv
sed 's/,replaced$/,survived/' list.csv >wrong.csv
not_ok 'that check can fail' judge cores.json $truth --list=wrong.csv
exits 'the cohort of the leak' 0 "$COREHEAP" diff core.{1,2,3} --list cohort --size 72 --format csv
is 'all of it' "$(tail -n +2 stdout | cut -d, -f2- | sort | uniq -c | tr -s ' ')" \
	' 4000 72,definite,,cohort'
"$COREHEAP" diff core.1 core.2 core.3 --interval 60s --json --threads 1 -o again.json
ok 'the same from run to run, for any number of threads' cmp cores.json again.json

for i in 1 2 3; do
	"$COREHEAP" summary core.$i --json --profile -o profile.$i.json
	"$COREHEAP" summary core.$i --json -o plain.$i.json
done
exits 'three saved profiles' 0 \
	"$COREHEAP" diff profile.{1,2,3}.json --interval 60s --json -o saved.json
ok 'they tell the same, survivors by samples' judge saved.json $truth --estimated
exits 'in words' 0 "$COREHEAP" diff profile.{1,2,3}.json --interval 60s
like 'the largest groups have their holders' "$(grep levelled stdout)" '200 B blocks, held by cache'
exits 'a core between two of them' 0 \
	"$COREHEAP" diff profile.1.json core.2 profile.3.json --interval 60s --json -o mixed.json
ok 'the same again' judge mixed.json $truth --estimated
ok 'contents do not get into a profile' sh -c '! grep -qE "(leak|cache|churn|record) of" profile.3.json'

exits 'a report without a profile, and two cores' 0 \
	"$COREHEAP" diff plain.1.json core.2 core.3 --interval 60s --json -o coarse.json
is 'what was there is not new: the cache' "$(python3 -c '
import json
for f in json.load(open("coarse.json"))["findings"]:
	if f.get("size") == 200 and f["reach"] == "reachable":
		print(*(p["blocks"] for p in f["series"]))')" '3000 6000 6000'
exits 'three reports without a profile' 0 \
	"$COREHEAP" diff plain.{1,2,3}.json --interval 60s --format csv -o plain.csv
like 'they tell the leak' "$(cat plain.csv)" \
	'^leak,growing-leak,h1:[0-9a-f]{16},definite,,,72,,,4000,12000,288000,864000,576000,'
exits 'and say what they cannot' 0 "$COREHEAP" diff plain.{1,2}.json
like 'blocks need a profile' "$(tr '\n' ' ' <stdout | tr -s ' ')" \
	'Not known: a saved report has no profile'

exits 'text' 0 "$COREHEAP" diff core.1 core.2 core.3 --interval 60s --limit-bytes 1G
like 'the verdict comes first' "$(head -1 stdout)" '^Memory outside malloc is growing: '
like 'deltas are told' "$(cat stdout)" '^  growing leak +72 B blocks +12,000 \(\+8,000\) +844 KiB'
like 'when the limit is reached' "$(tr '\n' ' ' <stdout)" \
	'At the last rate 1\.00 GiB are resident in [0-9]+ h [0-9]+ min'
exits 'lines of JSON' 0 "$COREHEAP" diff core.1 core.2 --format jsonl
is 'as many as in CSV' "$(wc -l <stdout)" \
	"$("$COREHEAP" diff core.1 core.2 --format csv | tail -n +2 | wc -l)"

fail() { exits "--fail-on $1 ${*:3}" "$2" "$COREHEAP" diff core.1 core.2 "${@:3}" --fail-on "$1"; }
fail 'leak_growth>280K' 1
fail 'leak_growth>290K' 0
fail 'leak_growth>16M/h' 1 --interval 60s
fail 'leak_growth>17M/h' 0 --interval 60s
fail 'growth>1G/d' 1 --interval 60s
fail 'resident_growth>1K/s' 1 --times 2026-01-01T00:00:00Z,2026-01-01T00:01:00+00:00
touch -d @1000000000 core.1 core.2
fail 'growth>1M/h' 0
like 'without times it says why not' "$(cat stderr)" 'cannot be decided'
touch -d @1000000060 core.2
exits 'times of files' 0 "$COREHEAP" diff core.1 core.2 --json
like 'serve where they are all there is' "$(cat stdout)" '"time_source": "file"'

bad() { exits "$1" "$2" "$COREHEAP" diff "${@:3}"; }
bad 'one snapshot is not enough' 2 core.1
bad 'times in disorder' 2 core.1 core.2 --times 2000000060,2000000000
bad 'too few times' 2 core.1 core.2 --times 2000000060
bad 'too many times' 2 core.1 core.2 --times 1,2,3
bad 'no time' 2 core.1 core.2 --times 1,yesterday
bad 'times and an interval' 2 core.1 core.2 --times 1,2 --interval 1m
bad 'a size, and no list' 2 core.1 core.2 --size 72
bad 'a list as one JSON' 2 core.1 core.2 --list born --json
bad 'a list of what is not known' 3 plain.1.json plain.2.json --list born
exits 'growth of one core' 2 "$COREHEAP" summary core.1 --fail-on 'growth>1'
exits 'a profile is JSON' 2 "$COREHEAP" summary core.1 --profile

if python3 -c 'import jsonschema' 2>/dev/null; then
	"$COREHEAP" schema >schema.json
	ok 'all of it conforms to the schema' python3 - schema.json cores.json saved.json \
		profile.3.json <<'PY'
import json, sys
import jsonschema
check = jsonschema.Draft202012Validator(json.load(open(sys.argv[1])))
errors = [e for name in sys.argv[2:] for e in check.iter_errors(json.load(open(name)))]
print(*[(list(e.absolute_path), e.message) for e in errors[:5]], sep="\n")
sys.exit(bool(errors))
PY
else
	skip 'all of it conforms to the schema' 'python3-jsonschema is not installed'
fi
plan_done
