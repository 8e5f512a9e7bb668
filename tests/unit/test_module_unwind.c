/* Backtraces over hand-made stacks and unwind tables: each rule, each way to end. */
#include "formats/unwind.h"
#include "tests/unit/lib/tiny.h"

#include <elf.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <cmocka.h>

#define BASE  UINT64_C(0x7f0000000000)
#define STACK UINT64_C(0x7ffc00000000)
#define WORDS 512

static char dir[300], so[400];

/*
 * Functions that never run: only their tables count. Escapes: 0x0f def_cfa_expression, 0x10
 * expression, 0x16 val_expression; operations: 0x77 breg7 (rsp), 0x73 breg3 (rbx), 0x06 deref, 0x23
 * plus_uconst, 0x08 const1u, 0x28 bra, 0x2f skip, 0x12 dup, 0x13 drop, 0x1c minus, 0x22 plus, 0x96
 * nop.
 */
#define FUNCTION(name, cfi)                                                         \
	".globl " name "\n.type " name ",@function\n" name ": .cfi_startproc\n" cfi \
	"\n.fill 32,1,0x90\n.cfi_endproc\n.size " name ",.-" name "\n"
static const char assembly[] = ".text\n.fill 16,1,0x90\n" FUNCTION(
	"first", ".cfi_undefined rip") FUNCTION("leaf", "")
	FUNCTION("frame", ".cfi_def_cfa_offset 32\n.cfi_offset rbx,-16") FUNCTION(
		"based", ".cfi_def_cfa rbp,16\n.cfi_offset rbp,-16")
		FUNCTION("moved", ".cfi_def_cfa_offset 24\n.cfi_register rip,rbx") FUNCTION(
			"computed",
			".cfi_escape 0x0f,3,0x77,8,0x06\n.cfi_escape "
			"0x16,3,4,0x77,0,0x23,5") FUNCTION("branches",
                                                           ".cfi_escape "
                                                           "0x0f,14,0x77,16,0x08,1,0x28,2,0,0x23,"
                                                           "99,0x08,0,0x28,1,0")
			FUNCTION("endless", ".cfi_escape 0x0f,5,0x77,8,0x2f,0xfd,0xff") FUNCTION(
				"empty", ".cfi_escape 0x0f,1,0x22") FUNCTION("still",
                                                                             ".cfi_def_cfa_offset "
                                                                             "0\n.cfi_offset rip,0")
				FUNCTION("handled",
                                         ".cfi_signal_frame\n.cfi_escape 0x0f,3,0x77,16,0x06\n"
                                         ".cfi_escape 0x10,16,2,0x77,8") ".globl bare\n.type "
									 "bare,@function\nbare: "
									 ".fill 32,1,0x90\n.size "
									 "bare,.-bare\n";

struct dead {
	struct tiny tiny;
	struct modules modules;
	uint64_t word[WORDS]; /* the stack, from STACK up */
	struct frame frame[16];
	size_t n;
	const char *why;
};

static int set_up(void **state)
{
	(void)state;
	snprintf(dir, sizeof(dir), "%s/coreheap-unwind.XXXXXX",
	         getenv("OUT") ? getenv("OUT") : "/tmp");
	assert_non_null(mkdtemp(dir));
	snprintf(so, sizeof(so), "%s/toy.so", dir);
	tiny_cc(so, NULL, assembly);
	return 0;
}

static int tear_down(void **state)
{
	char command[400];

	(void)state;
	snprintf(command, sizeof(command), "rm -rf '%s'", dir);
	return system(command);
}

static vaddr in(const char *function)
{
	return BASE + tiny_symbol(so, function) + 8;
}

static void make(struct dead *d, vaddr rip, uint64_t rbp)
{
	struct thread t = { .tid = 1 };

	*d = (struct dead){ .n = 0 };
	t.regs[USER_RIP] = rip;
	t.regs[USER_RSP] = STACK;
	t.regs[USER_RBP] = rbp;
	array_push(&d->tiny.threads, t);
}

static void unwind(struct dead *d, enum tiny_save save)
{
	if (!d->tiny.files.n) {
		tiny_load(&d->tiny, so, so, BASE, save);
		tiny_map(&d->tiny, STACK, sizeof(d->word), SEG_R | SEG_W, d->word, sizeof(d->word));
	}
	modules_find(tiny_core(&d->tiny), NULL, &d->modules);
	d->n = unwind_thread(&d->tiny.core, &d->modules, 0, d->frame, 16, &d->why);
}

static void end(struct dead *d)
{
	modules_free(&d->modules);
	tiny_free(&d->tiny);
}

static void ordinary_frames(void **state)
{
	struct dead d;

	(void)state;
	make(&d, in("leaf"), STACK + 8 * 8);
	d.word[0] = in("frame");     /* leaf: CFA is rsp + 8 */
	d.word[1 + 3] = in("based"); /* frame: 32 bytes */
	d.word[8] = STACK + 8 * 20;  /* based: rbp of its caller */
	d.word[9] = in("first");
	unwind(&d, TINY_KERNEL);
	assert_int_equal(d.n, 4);
	assert_null(d.why);
	assert_int_equal(d.frame[0].pc, in("leaf"));
	assert_true(d.frame[0].activation);
	assert_int_equal(d.frame[1].pc, in("frame"));
	assert_false(d.frame[1].activation);
	assert_int_equal(d.frame[2].pc, in("based"));
	assert_int_equal(d.frame[3].pc, in("first"));
	end(&d);
}

static void computed_rules(void **state)
{
	struct dead d;

	(void)state;
	make(&d, in("frame"), 0);
	d.word[2] = in("first"); /* frame saved rbx here: */
	d.word[3] = in("moved"); /* moved: its caller is in rbx */
	d.word[4] = 0;
	unwind(&d, TINY_KERNEL);
	assert_int_equal(d.n, 3);
	assert_int_equal(d.frame[2].pc, in("first"));
	assert_null(d.why);
	end(&d);
	make(&d, in("computed"), 0);
	d.word[1] = STACK + 8 * 100; /* computed: CFA is the word at rsp + 8 */
	d.word[99] = in("branches"); /* branches: CFA is rsp + 16 */
	d.word[101] = in("first");
	unwind(&d, TINY_KERNEL);
	assert_int_equal(d.n, 3);
	assert_int_equal(d.frame[1].pc, in("branches"));
	assert_int_equal(d.frame[2].pc, in("first"));
	end(&d);
}

static void through_a_signal_handler(void **state)
{
	struct dead d;

	(void)state;
	make(&d, in("leaf"), 0);
	d.word[0] = in("handled");
	d.word[2] = in("first") - 8; /* handled, at rsp 8: interrupted pc, its very start */
	d.word[3] = STACK - 4096;    /* and stack pointer, below: another stack */
	unwind(&d, TINY_KERNEL);
	assert_int_equal(d.n, 3);
	assert_true(d.frame[1].trampoline);
	assert_false(d.frame[0].trampoline);
	assert_int_equal(d.frame[2].pc, in("first") - 8);
	assert_true(d.frame[2].activation);
	assert_null(d.why);
	end(&d);
}

static void expect_end(const char *function, size_t n, const char *why)
{
	struct dead d;

	make(&d, in("leaf"), 0);
	d.word[0] = in(function);
	unwind(&d, TINY_KERNEL);
	assert_int_equal(d.n, n);
	assert_non_null(d.why);
	if (!strstr(d.why, why))
		fail_msg("%s: %s", function, d.why);
	end(&d);
}

static void ends_and_says_why(void **state)
{
	(void)state;
	expect_end("bare", 2, "no unwind information in ");
	expect_end("still", 2, "does not advance");
	expect_end("endless", 2, "cannot be followed");
	expect_end("empty", 2, "cannot be followed");
	expect_end("computed", 2, "is not saved"); /* CFA is the word 0 */
	expect_end("leaf", 2, "the return address is 0");
}

static void what_is_not_there(void **state)
{
	struct dead d;

	(void)state;
	make(&d, in("leaf"), 0);
	tiny_load(&d.tiny, so, so, BASE, TINY_KERNEL);
	tiny_map(&d.tiny, STACK, 4096, SEG_R | SEG_W, NULL, 0);
	unwind(&d, TINY_KERNEL);
	assert_int_equal(d.n, 1);
	assert_string_equal(d.why, "the stack at 0x7ffc00000000 is not saved in the core");
	end(&d);
	make(&d, in("leaf"), 0);
	d.word[0] = 0x1234;
	unwind(&d, TINY_KERNEL);
	assert_int_equal(d.n, 2);
	assert_non_null(strstr(d.why, "in no file"));
	end(&d);
	make(&d, in("leaf"), 0);
	unwind(&d, TINY_NOTHING); /* no header, no build-id: the file must not be used */
	assert_int_equal(d.n, 1);
	assert_non_null(strstr(d.why, "its ELF header is not in the core"));
	end(&d);
}

static void no_file_map(void **state)
{
	struct dead d;

	(void)state;
	make(&d, in("leaf"), 0);
	tiny_load(&d.tiny, so, so, BASE, TINY_KERNEL);
	tiny_core(&d.tiny)->nfiles = 0;
	modules_find(&d.tiny.core, NULL, &d.modules);
	d.n = unwind_thread(&d.tiny.core, &d.modules, 0, d.frame, 16, &d.why);
	assert_int_equal(d.n, 1);
	assert_non_null(strstr(d.why, "no map of files"));
	end(&d);
}

static void call_through_a_bad_pointer(void **state)
{
	struct dead d;

	(void)state;
	for (int i = 0; i < 2; i++) {
		make(&d, i ? STACK + 64 : 0, 0); /* NULL; data that is not executable */
		d.word[0] = in("first");
		unwind(&d, TINY_KERNEL);
		assert_int_equal(d.n, 2);
		assert_int_equal(d.frame[1].pc, in("first"));
		assert_null(d.why);
		end(&d);
	}
	make(&d, 0, 0);
	d.word[0] = STACK; /* no code */
	unwind(&d, TINY_KERNEL);
	assert_int_equal(d.n, 1);
	assert_non_null(d.why);
	end(&d);
}

static void bounded(void **state)
{
	struct dead d;

	(void)state;
	make(&d, in("leaf"), 0);
	for (size_t i = 0; i < WORDS; i++)
		d.word[i] = in("leaf");
	unwind(&d, TINY_KERNEL);
	assert_int_equal(d.n, 16);
	assert_string_equal(d.why, "there are more frames");
	end(&d);
}

static vaddr random_vaddr(uint64_t *seed)
{
	static const char *const names[] = { "first", "leaf",     "frame",    "based",
		                             "moved", "computed", "branches", "endless",
		                             "empty", "still",    "handled",  "bare" };

	*seed = *seed * UINT64_C(6364136223846793005) + 1442695040888963407;
	switch (*seed >> 60) {
	case 0:
		return *seed;
	case 1:
		return UINT64_MAX - (*seed >> 59 & 63);
	case 2:
	case 3:
	case 4:
	case 5:
		return STACK + (*seed >> 40) % (WORDS * 8 + 64) / 8 * 8;
	default:
		return in(names[(*seed >> 40) % 12]);
	}
}

/* Any stack whatever: the walk ends, within its bounds. */
static void spoilt_stacks(void **state)
{
	uint64_t seed = 1;

	(void)state;
	for (int i = 0; i < 300; i++) {
		struct dead d;

		make(&d, random_vaddr(&seed), random_vaddr(&seed));
		for (size_t k = 0; k < 40; k++)
			d.word[k] = random_vaddr(&seed);
		unwind(&d, TINY_KERNEL);
		assert_true(d.n >= 1 && d.n <= 16);
		end(&d);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ordinary_frames),
		cmocka_unit_test(computed_rules),
		cmocka_unit_test(through_a_signal_handler),
		cmocka_unit_test(ends_and_says_why),
		cmocka_unit_test(what_is_not_there),
		cmocka_unit_test(no_file_map),
		cmocka_unit_test(call_through_a_bad_pointer),
		cmocka_unit_test(bounded),
		cmocka_unit_test(spoilt_stacks),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
