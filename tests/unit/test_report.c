/* The report as data: verdicts, fingerprints, order; what is unknown is absent in every format. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "analyzer/report/csv.h"
#include "analyzer/leak/group.h"
#include "analyzer/process/process.h"
#include "analyzer/leak/sort.h"
#include "analyzer/report/verdict.h"

static struct report r;

static void start(void)
{
	r = (struct report){
		.input = { .path = "core",
		           .kind = "core",
		           .compression = "none",
		           .bytes = 1000,
		           .heap = -1,
		           .stacks = -1,
		           .globals = -1,
		           .tls = -1 },
		.process = { .comm = "worker-3",
		             .exe = "/srv/bin/prog",
		             .pid = 7,
		             .threads = 2,
		             .arch = "x86_64" },
		.has_memory = true,
		.has_leaks = true,
		.memory = { .in_use = 1 << 30, .in_use_blocks = 1000, .free_held = 0 },
	};
}

static void assert_verdict(const char *code, const char *part)
{
	verdict_find(&r);
	assert_string_equal(r.verdict, code);
	if (!strstr(r.verdict_text, part))
		fail_msg("\"%s\" does not say \"%s\"", r.verdict_text, part);
	report_free(&r);
}

static void verdicts(void **state)
{
	(void)state;
	start();
	assert_verdict("clean", "No leak found: each of the 1,000 blocks, 1.00 GiB in use");
	start();
	r.leaks.definite = (struct tally){ 4, 512 << 20 };
	r.leaks.indirect = (struct tally){ 1200, 1 << 20 };
	assert_verdict("leaks", "1,204 blocks, 513 MiB are unreachable: leaked, 50% of all");
	start();
	r.leaks.definite = (struct tally){ 1, 24 };
	assert_verdict("leaks",
	               "1 block, 24 B is unreachable: leaked, <0.1% of all that is in "
	               "use. Nothing that the program can still use points to it, so it can never "
	               "be freed. That is too little to explain the size of the process.");
	start();
	r.leaks.possible = (struct tally){ 2, 48 };
	assert_verdict("possible", "No certain leak. 2 blocks, 48 B of the 1,000 blocks in use");
	start();
	r.leaks.withheld = true;
	r.leaks.possible = r.leaks.suspended = (struct tally){ 5, 500 };
	assert_verdict("withheld", "No verdict: memory that may hold pointers is missing");
	start();
	r.memory.in_use = ABSENT;
	assert_verdict("no-heap", "no leak can be found or ruled out");
	start();
	r.memory.in_use = ABSENT;
	r.process.allocator = "jemalloc";
	assert_verdict("foreign", "does not use glibc's malloc but jemalloc");
}

static void verdicts_name_other_causes(void **state)
{
	(void)state;
	start();
	r.memory.in_use = 1 << 20;
	r.memory.free_held = 64 << 20;
	r.memory.trimmable = 32 << 20;
	r.memory.resident = 100 << 20;
	r.memory.ledger[OWNER_BINS] = (struct balance_line){ .bytes = 64 << 20,
		                                             .resident = 64 << 20 };
	assert_verdict("clean", "Most of the resident memory, 64.0 MiB of 100 MiB, is free memory "
	                        "that malloc keeps; malloc_trim(0) would return 32.0 MiB");
	start();
	r.memory.resident = 100 << 20;
	r.memory.ledger[OWNER_ANON] = (struct balance_line){ .bytes = 90 << 20,
		                                             .resident = 90 << 20 };
	assert_verdict("clean",
	               "Most of the resident memory, 90.0 MiB of 100 MiB, is not malloc's");
}

static struct report_finding leak_of(uint64_t size, uint64_t blocks, vaddr example)
{
	return (struct report_finding){
		.kind = "leak",
		.reach = "definite",
		.size = size,
		.blocks = blocks,
		.bytes = size * blocks,
		.held = { ABSENT, ABSENT },
		.retained_bytes = ABSENT,
		.type_confidence = -1,
		.site_confidence = -1,
		.count = ABSENT,
		.example = example,
		.site = { .line = ABSENT, .offset = ABSENT },
	};
}

static void fingerprint(const struct report_finding *f, char out[20])
{
	array_push(&r.findings, *f);
	report_finish(&r);
	memcpy(out, r.findings.v[0].fingerprint, 20);
	report_free(&r);
}

/* These values are a promise: a changed rule needs another version in front. */
static void fingerprints_never_change(void **state)
{
	struct report_finding f = leak_of(104, 3, 0x1000);
	char one[20], other[20];

	(void)state;
	start();
	fingerprint(&f, one);
	assert_string_equal(one, "h1:75818af1b91ddbe2");
	f = leak_of(104, 9, 0x7000); /* another run: counts and addresses differ */
	start();
	r.process.comm = "worker-9"; /* another thread dumped */
	r.process.pid = 8;
	r.process.build_id = "abcd";
	r.process.exe = "/opt/other/prog (deleted)"; /* an upgrade while it ran */
	fingerprint(&f, other);
	assert_string_equal(one, other);
}

static void fingerprints_tell_leaks_apart(void **state)
{
	struct report_finding base = leak_of(104, 3, 0x1000), f;
	char one[20], other[20];

	(void)state;
	start();
	fingerprint(&base, one);
	for (int what = 0; what < 6; what++) {
		f = base;
		start();
		switch (what) {
		case 0:
			f.size = 120;
			break;
		case 1:
			f.kind = "possible";
			break;
		case 2:
			f.type = "struct session";
			break;
		case 3:
			f.site.function = "session_new";
			break;
		case 4:
			f.reach = "indirect";
			break;
		case 5:
			r.process.exe = "/srv/bin/prog2";
			break;
		}
		fingerprint(&f, other);
		assert_string_not_equal(one, other);
	}
}

static void findings_are_sorted_by_bytes(void **state)
{
	static const uint64_t want[] = { 300, 200, 100, 24, 24 };
	struct report_finding corruption = {
		.kind = "corruption",
		.code = "size",
		.message = "m",
		.bytes = ABSENT,
		.blocks = ABSENT,
		.size = ABSENT,
	};

	(void)state;
	start();
	array_push(&r.findings, corruption);
	array_push(&r.findings, leak_of(24, 1, 0x2000));
	array_push(&r.findings, leak_of(100, 2, 0x1000));
	array_push(&r.findings, leak_of(300, 1, 0x1000));
	array_push(&r.findings, leak_of(100, 1, 0x1000));
	array_push(&r.findings, leak_of(24, 1, 0x1000));
	report_finish(&r);
	for (size_t i = 0; i < 5; i++)
		assert_int_equal(r.findings.v[i].bytes, want[i]);
	assert_int_equal(r.findings.v[3].example, 0x1000); /* equal: by address */
	assert_string_equal(r.findings.v[5].kind, "corruption");
	sort_findings(&r, "size", 2);
	assert_int_equal(r.findings.n, 2);
	assert_int_equal(r.findings.v[0].size, 300);
	assert_int_equal(r.findings.v[1].size, 100);
	report_free(&r);
}

static void what_is_unknown_is_absent(void **state)
{
	static const char *const absent[] = {
		"\"type\"",           "\"site\"",
		"\"owner\"",          "\"held\"",
		"\"retained_bytes\"", "\"code\"",
		"\"count\"",          "confidence",
		"\"in_use\"",         "\"libc\"",
		"\"timestamp\"",      "\"signal\"",
		"\"heap\": -",        "18446744073709551615",
	};
	struct out out;
	const char *text;

	(void)state;
	start();
	r.has_findings = true;
	r.memory.in_use = ABSENT;
	array_push(&r.findings, leak_of(24, 1, 0x1000));
	report_finish(&r);
	out_memory(&out);
	json_report(&r, &out);
	text = out_text(&out);
	for (size_t i = 0; i < sizeof(absent) / sizeof(*absent); i++) {
		if (strstr(text, absent[i]))
			fail_msg("%s is in %s", absent[i], text);
	}
	assert_non_null(strstr(text, "\"size\": 24"));
	out_discard(&out);
	out_memory(&out);
	csv_findings(&r, &out);
	assert_non_null(strstr(out_text(&out), ",definite,1,24,,24,,,0x1000\n"));
	out_discard(&out);
	report_free(&r);
}

static void names_that_are_no_text_stay_json(void **state)
{
	struct out out;

	(void)state;
	start();
	r.process.comm = "a\xff\33\"";
	out_memory(&out);
	json_report(&r, &out);
	assert_non_null(strstr(out_text(&out), "\"comm\": \"a\\\\xff\\\\x1b\\\"\""));
	out_discard(&out);
	report_free(&r);
}

static void signals_have_names(void **state)
{
	(void)state;
	assert_string_equal(process_signal_name(6), "SIGABRT");
	assert_string_equal(process_signal_name(11), "SIGSEGV");
	assert_string_equal(process_signal_name(31), "SIGSYS");
	assert_null(process_signal_name(0));
	assert_null(process_signal_name(34));
	assert_null(process_signal_name(-1));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(verdicts),
		cmocka_unit_test(verdicts_name_other_causes),
		cmocka_unit_test(fingerprints_never_change),
		cmocka_unit_test(fingerprints_tell_leaks_apart),
		cmocka_unit_test(findings_are_sorted_by_bytes),
		cmocka_unit_test(what_is_unknown_is_absent),
		cmocka_unit_test(names_that_are_no_text_stay_json),
		cmocka_unit_test(signals_have_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
