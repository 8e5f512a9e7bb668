#!/usr/bin/env bash
# The same core plain, compressed and through a pipe: the same report, but for what the input is.
. "$(dirname "$0")/../lib.sh"
need_cmd zstd lz4 xz gzip python3

# Of a kernel's sparse core, of gcore's without holes, and of one of the machine that tests run on.
zstd -q -d --sparse "$SRC/corpus/bookworm-dynamic/core.zst" -o corpus
zstd -q -d --no-sparse "$SRC/corpus/bookworm-gcore/core.zst" -o gcore
cores='corpus gcore'
if ! core_forbidden >/dev/null; then
	cat >prog.c <<'C'
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
static void *keep[100];
static void *run(void *p)
{
	keep[0] = malloc(1000);
	(void)!malloc(77);
	return p;
}
int main(void)
{
	pthread_t t;
	char *zeroes = malloc(9 << 20);

	memset(zeroes, 0, 5 << 20); /* resident, and all zero */
	keep[1] = zeroes;
	for (int i = 2; i < 100; i++)
		keep[i] = calloc(i, 300);
	pthread_create(&t, NULL, run, NULL);
	pthread_join(t, NULL);
	abort();
}
C
	compile prog prog.c && kernel_core own "$OUT/prog" && cores="own $cores"
fi
# what a view makes of a core is the same with sanitizers, and what unpacks sees all forms of one
[ "${SAN:-0}" = 0 ] || cores=${cores%% *}

# alike COMMAND [OPTION...]: what differs with the input taken out: its name, sizes and compression.
alike()
{
	"$@" >"$OUT/raw" 2>"$OUT/err" || { echo "exit $? of: $*"; cat "$OUT/err"; }
	sed -E -e 's/"path": "[^"]*", "bytes": [0-9]+, "compression": "[a-z0-9]+", ("uncompressed_bytes": [0-9]+, )?"kind"/"kind"/' \
		-e 's/; (core\.[a-z0-9]+|standard input): /; CORE: /' \
		-e 's/ \((zstd|lz4|xz|gzip): [0-9.]+ [KM]iB\)//' \
		-e 's, (\./)?(core\.[a-z0-9]+|-)( 0x[0-9a-f]+)?$, CORE\3,' "$OUT/raw"
	sed -E 's/^coreheap: (core\.[a-z0-9]+|standard input): /coreheap: CORE: /' "$OUT/err"
}

views='summary leaks blocks arenas maps threads check
	summary:--json leaks:--json blocks:--json blocks:--format=csv arenas:--json maps:--json
	threads:--json check:--json'
for core in $cores; do
	mv "$core" core.plain
	zstd -q -f core.plain -o core.zst
	lz4 -q -f core.plain core.lz4
	if [ "$core" = gcore ]; then # large
		views='summary maps:--json'
	else
		xz -0 -c core.plain >core.xz
		gzip -1 -c core.plain >core.gz
		cp core.zst core.txt
		cat core.xz >core.gzip # a name that lies
	fi
	for view in $views; do
		# what unpacks knows nothing of views: all forms for some of them, each view in some forms
		case $core:$view in
		gcore:*) forms='zst lz4' pipes=plain ;;
		own:summary* | own:blocks | corpus:leaks | corpus:check:--json)
			forms='zst lz4 xz gz txt gzip' pipes='plain zst gz' ;;
		own:*) forms='xz gzip' pipes=zst ;;
		*) forms=zst pipes=gz ;;
		esac
		# shellcheck disable=SC2086
		set -- ${view//:/ }
		alike "$COREHEAP" "$@" core.plain >want
		[ -s want ] || result 1 "$core: $view has a result"
		different=
		for file in $forms; do
			alike "$COREHEAP" "$@" "core.$file" >got
			cmp -s want got || { different="$different $file"; diff want got | head -5 | sed 's/^/# /'; }
		done
		for file in $pipes; do
			cat "core.$file" | alike "$COREHEAP" "$@" - >got
			cmp -s want got || { different="$different $file-pipe"; diff want got | head -5 | sed 's/^/# /'; }
		done
		for file in plain lz4; do
			[ "$core:$file" != gcore:lz4 ] || continue
			alike "$COREHEAP" "$@" - <"core.$file" >got
			cmp -s want got || { different="$different <$file"; diff want got | head -5 | sed 's/^/# /'; }
		done
		is "$core: $view is the same in every form" "$different" ''
	done
	mv core.plain "$core"
done

# ---- the input keys ----
cp --sparse=always corpus core
inputs()
{
	python3 -c 'import json, sys
i = json.load(sys.stdin)["input"]
print(i["path"], i["bytes"], i["compression"], i.get("uncompressed_bytes"))'
}
size=$(stat -c %s core)
zstd -q -f core -o core.zst
lz4 -q -f core core.lz4
xz -0 -c core >core.xz
gzip -c core >core.gz
is 'plain: bytes, no uncompressed_bytes' "$("$COREHEAP" --json core | inputs)" "core $size none None"
for pair in zst:zstd lz4:lz4 xz:xz gz:gzip; do
	file=core.${pair%:*}
	is "$file: bytes as given" "$("$COREHEAP" --json "$file" | inputs)" \
		"$file $(stat -c %s "$file") ${pair#*:} $size"
	is "$file through a pipe: bytes as they came" "$(cat "$file" | "$COREHEAP" - --json | inputs)" \
		"- $(stat -c %s "$file") ${pair#*:} $size"
done
is 'a pipe: bytes as they came' "$(cat core | "$COREHEAP" - --json | inputs)" "- $size none None"
like 'text names the compression' "$("$COREHEAP" core.xz)" 'core.xz: kernel core, 133 MiB \(xz: '
like 'text names standard input' "$(cat core.xz | "$COREHEAP" -)" 'standard input: kernel core, 133 MiB \(xz: '
like 'version lists the libraries' "$("$COREHEAP" version | tr '\n' ' ')" \
	'zstd [0-9.]+ lz4 [0-9.]+ liblzma [0-9.]+ zlib [0-9.]+'

# ---- as the tools make them: several frames, all levels, padding ----
half=$((size / 2 + 1234))
same()
{
	"$COREHEAP" leaks --strict --json "$1" >got.json && [ ! -s stderr ] &&
		sed 's/"path".*"kind"/"kind"/' got.json | cmp - want.json
}
"$COREHEAP" leaks --json core | sed 's/"path".*"kind"/"kind"/' >want.json
for tool in 'zstd -q' 'lz4 -q' 'xz -0' 'gzip -1'; do
	{ head -c $half core | $tool -c; tail -c +$((half + 1)) core | $tool -c; } >two
	ok "$tool: two in one file" same two
	{ cat two; head -c 1024 /dev/zero; } >padded
	ok "$tool: with padding behind" same padded
done
zstd -q --long=31 -c core >long && ok 'zstd: a window of 2 GiB' same long
zstd -q --no-check -c core >nocheck && ok 'zstd: no checksum' same nocheck
lz4 -q -BD -B4 -BX -c core >linked && ok 'lz4: small linked blocks with checksums' same linked
lz4 -q --no-frame-crc -c core >nocheck && ok 'lz4: no checksum' same nocheck
xz -0 -T2 --block-size=4MiB -c core >blocks && ok 'xz: blocks' same blocks
xz -0 --check=none -c core >nocheck && ok 'xz: no check' same nocheck
if command -v pzstd >/dev/null; then
	pzstd -q -p 2 -c core >pz && ok 'pzstd: skippable frames' same pz
fi

# ---- nothing stays behind ----
mkdir tmp
TMPDIR=$OUT/tmp "$COREHEAP" core.zst >/dev/null
is 'no file stays in TMPDIR' "$(ls -A tmp)" ''
{ head -c 1000000 core; sleep 100; } | TMPDIR=$OUT/tmp "$COREHEAP" - >/dev/null 2>&1 &
pid=$!
for ((i = 0; i < 400; i++)); do
	ls -l "/proc/$pid/fd" 2>/dev/null | grep -q "$OUT/tmp/" && break
	sleep 0.05
done
like 'meanwhile the file has no name' "$(ls -l "/proc/$pid/fd")" "$OUT/tmp/.*deleted"
is 'meanwhile nothing is in TMPDIR' "$(ls -A tmp)" ''
kill -INT "$pid"
kill %1 2>/dev/null
wait 2>/dev/null
is 'nor after an interrupt' "$(ls -A tmp)" ''
exits 'a TMPDIR that is not there' 0 env TMPDIR=/nowhere "$COREHEAP" core.zst
plan_done
