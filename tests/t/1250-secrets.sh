#!/usr/bin/env bash
# A core holds secrets: none of them is in any output of any command in any format, unless
# --show-content asks for it.
. "$(dirname "$0")/../lib.sh"
need_cmd python3

cat >keeper.c <<'C'
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
struct session { struct session *next; char *key; char token[24]; unsigned long number; };
static struct session *sessions;
static char global[32] = "cAnArY-30-global";
static __thread char local[32];
static char *make(const char *kind, int i, size_t size)
{
	char *block = calloc(1, size);
	snprintf(block, size, "cAnArY-%02d-%s", i, kind);
	return block;
}
static void add(int i, int lost)
{
	struct session *s = calloc(1, sizeof(*s));
	s->key = make("key", i, 48);
	snprintf(s->token, sizeof(s->token), "cAnArY-%02d-token", i);
	memcpy(&s->number, "cAnArY##", 8);
	s->next = lost ? 0 : sessions;
	if (!lost)
		sessions = s;
	else /* two of them, so that the first is held by the second alone */
		s->next = calloc(1, sizeof(*s)), *s->next = (struct session){ .key = make("lost", i + 10, 200) };
	fprintf(stderr, "%p %p\n", (void *)s, (void *)s->key);
}
int main(int argc, char **argv)
{
	char stack[32] = "cAnArY-31-stack";
	memcpy(local, "cAnArY-32-local", 16);
	for (int i = 0; i < 10; i++)
		add(i, i & 1);
	free(make("freed", 40, 24));
	free(make("freed", 41, 3000));
	char *text = make("inside", 42, 200000);
	fprintf(stderr, "%p\n", (void *)text);
	global[31] = stack[31] = local[31] = text[1] = (char)argc;
	char gone[8192];
	memset(gone, 0, sizeof(gone));
	abort();
}
C
compile keeper keeper.c -O0
core_forbidden >reason && skip_all "$(cat reason)"
cAnArY_ENV=cAnArY-33-environment kernel_core core "$OUT/keeper" cAnArY-34-argument
ok 'the core has them' test "$(grep -ac cAnArY core)" -gt 0
addresses=$(grep -o '0x[0-9a-f]*' core.log)
ok 'the victim told where they are' test "$(wc -w <<<"$addresses")" -ge 20

# As text, as the number that eight of their bytes are, and as hexadecimal digits.
found()
{
	grep -aicE 'canary|23235972416e4163|5972416e4163|63416e417259' "$@"
}
runs=0
hits=0
for command in $("$COREHEAP" help | sed -n '/^usage/,/^Options/s/^  \([a-z]*\) \(CORE\|OLD\).*/\1/p'); do
	case $command in
	explain) args="core $(tr '\n' ' ' <<<"$addresses")" ;;
	diff) args='core core' ;;
	*) args=core ;;
	esac
	for format in $("$COREHEAP" help "$command" | sed -n 's/^Formats: //p' | tr -d ,); do
		for more in '' -v; do
			# shellcheck disable=SC2086
			"$COREHEAP" "$command" $args --format="$format" $more >out 2>&1
			runs=$((runs + 1))
			if [ "$(found out)" != 0 ]; then
				note "$command --format=$format $more: $(grep -aiE canary out | head -n 1)"
				hits=$((hits + 1))
			fi
		done
	done
done
ok 'there were outputs' test "$runs" -ge 40
is 'none has any of them' "$hits" 0
"$COREHEAP" summary core --json --profile >out
is 'nor what a profile keeps' "$(found out)" 0
"$COREHEAP" leaks core --reach definite,indirect,possible,reachable -n 0 >out
is 'nor a list of all' "$(found out)" 0
# shellcheck disable=SC2086
"$COREHEAP" explain core $addresses --show-content >out
ok 'who asks for content gets it' test "$(found out)" -gt 0
plan_done
