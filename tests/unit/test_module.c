/* Modules of hand-made processes: what is one, where its file is, what may be read from it. */
#include "formats/module.h"
#include "tests/unit/lib/tiny.h"

#include <elf.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#define BASE UINT64_C(0x7f0000000000)

static char dir[300];

static const char assembly[] =
	".text\n.globl work\n.type work,@function\n"
	"work: .cfi_startproc\n.fill 32,1,0x90\nret\n.cfi_endproc\n.size work,.-work\n"
	".section .rodata\n.globl banner\nbanner: .asciz \"GNU C Library (Toy GLIBC 2.99-1) stable "
	"release version 2.99.\\n\"\n"
	".section .data.rel.ro,\"aw\"\n.globl table\ntable: .quad work\n"
	".data\n.globl counter\n.type counter,@object\n.size counter,8\ncounter: .quad 4711\n"
	".bss\n.globl room\n.type room,@object\n.size room,65536\nroom: .zero 65536\n"
	".section .tdata,\"awT\"\n.quad 7\n.quad 8\n";

static const char *in(const char *name)
{
	static char paths[8][600];
	static unsigned next;
	char *path = paths[next++ % 8];

	snprintf(path, sizeof(paths[0]), "%s/%s", dir, name);
	return path;
}

static int set_up(void **state)
{
	(void)state;
	snprintf(dir, sizeof(dir), "%s/coreheap-module.XXXXXX",
	         getenv("OUT") ? getenv("OUT") : "/tmp");
	assert_non_null(mkdtemp(dir));
	tiny_cc(in("toy.so"), NULL, assembly);
	tiny_cc(in("other.so"), "-Wl,--defsym=x=1", assembly); /* another build-id */
	tiny_cc(in("bare.so"), "-Wl,--build-id=none", assembly);
	return 0;
}

static int tear_down(void **state)
{
	char command[400];

	(void)state;
	snprintf(command, sizeof(command), "rm -rf '%s'", dir);
	return system(command);
}

static void found(void **state)
{
	struct tiny t = { 0 };
	struct modules m;

	(void)state;
	tiny_load(&t, in("toy.so"), in("toy.so"), BASE, TINY_KERNEL);
	t.auxv[0] = AT_ENTRY;
	t.auxv[1] = BASE + tiny_symbol(in("toy.so"), "work");
	t.nauxv = 1;
	modules_find(tiny_core(&t), NULL, &m);
	assert_int_equal(m.n, 1);
	assert_int_equal(m.exe, 0);
	assert_true(m.v[0].header);
	assert_int_equal(m.v[0].start, BASE);
	assert_int_equal(m.v[0].bias, BASE);
	assert_int_equal(m.v[0].build_id_size, 20);
	assert_int_equal(m.v[0].tls_size, 16);
	assert_true(m.v[0].data_start <= BASE + tiny_symbol(in("toy.so"), "counter"));
	assert_true(m.v[0].data_end >= BASE + tiny_symbol(in("toy.so"), "room") + 65536);
	assert_true(m.v[0].end >= m.v[0].data_end);
	assert_string_equal(m.v[0].file, in("toy.so"));
	assert_null(m.v[0].file_missing);
	assert_ptr_equal(module_at(&m, BASE), &m.v[0]);
	assert_ptr_equal(module_at(&m, m.v[0].end - 1), &m.v[0]);
	assert_null(module_at(&m, m.v[0].end));
	assert_null(module_at(&m, BASE - 1));
	modules_free(&m);
	tiny_free(&t);
}

/* Which file of the host, or why none. */
static void expect_file(const char *seen, const char *loaded, const struct module_options *opt,
                        const char *file, const char *missing)
{
	struct tiny t = { 0 };
	struct modules m;

	tiny_load(&t, seen, loaded, BASE, TINY_KERNEL);
	t.auxv[0] = AT_ENTRY;
	t.auxv[1] = BASE + 0x1000;
	t.nauxv = 1;
	modules_find(tiny_core(&t), opt, &m);
	assert_int_equal(m.n, 1);
	if (file)
		assert_string_equal(m.v[0].file, file);
	else
		assert_null(m.v[0].file);
	if (missing)
		assert_string_equal(m.v[0].file_missing, missing);
	else
		assert_null(m.v[0].file_missing);
	modules_free(&m);
	tiny_free(&t);
}

static void only_the_same_build_id(void **state)
{
	struct module_options opt = { .sysroot = dir };
	char path[700];

	(void)state;
	expect_file(in("other.so"), in("toy.so"), NULL, NULL, "build-id differs");
	expect_file(in("bare.so"), in("toy.so"), NULL, NULL, "the file has no build-id");
	expect_file(in("toy.so"), in("bare.so"), NULL, NULL, "core has no build-id");
	expect_file("/nowhere/toy.so", in("toy.so"), NULL, NULL, "not found");
	expect_file(dir, in("toy.so"), NULL, NULL, "cannot be read");
	snprintf(path, sizeof(path), "%s (deleted)", in("toy.so"));
	expect_file(path, in("toy.so"), NULL, in("toy.so"), NULL);
	expect_file("/toy.so", in("toy.so"), &opt, in("toy.so"), NULL);
}

static void other_places(void **state)
{
	struct module_options exe = { .exe = in("toy.so") }, debug = { .debug_dir = dir };
	struct tiny t = { 0 };
	struct modules m;
	char hex[41], path[700];

	(void)state;
	expect_file("/gone/toy", in("toy.so"), &exe, in("toy.so"), NULL);
	tiny_load(&t, "/gone/toy", in("toy.so"), BASE, TINY_KERNEL);
	modules_find(tiny_core(&t), &exe, &m);
	assert_null(m.v[0].file); /* --exe is for the executable alone */
	for (size_t i = 0; i < 20; i++)
		snprintf(hex + 2 * i, 3, "%02x", m.v[0].build_id[i]);
	snprintf(path, sizeof(path), "%s/.build-id", dir);
	assert_int_equal(mkdir(path, 0700), 0);
	snprintf(path, sizeof(path), "%s/.build-id/%.2s", dir, hex);
	assert_int_equal(mkdir(path, 0700), 0);
	snprintf(path, sizeof(path), "%s/.build-id/%.2s/%s", dir, hex, hex + 2);
	assert_int_equal(symlink(in("other.so"), path), 0);
	expect_file("/gone/toy", in("toy.so"), &debug, NULL, "build-id differs");
	assert_int_equal(unlink(path), 0);
	assert_int_equal(symlink(in("toy.so"), path), 0);
	expect_file("/gone/toy", in("toy.so"), &debug, path, NULL);
	modules_free(&m);
	tiny_free(&t);
}

static void a_fifo_does_not_block(void **state)
{
	(void)state;
	assert_int_equal(mkfifo(in("fifo"), 0600), 0);
	expect_file(in("fifo"), in("toy.so"), NULL, NULL, "cannot be read");
	expect_file("/dev/zero", in("toy.so"), NULL, NULL, "cannot be read");
}

static void header_not_saved(void **state)
{
	struct tiny t = { 0 };
	struct modules m;

	(void)state;
	tiny_load(&t, in("toy.so"), in("toy.so"), BASE, TINY_NOTHING);
	modules_find(tiny_core(&t), NULL, &m);
	assert_int_equal(m.n, 1);
	assert_false(m.v[0].header);
	assert_int_equal(m.v[0].build_id_size, 0);
	assert_null(m.v[0].file);
	assert_string_equal(m.v[0].file_missing, "its ELF header is not in the core");
	assert_int_equal(m.v[0].data_end, 0);
	assert_int_equal(m.exe, m.n);
	modules_free(&m);
	tiny_free(&t);
}

/* A debugger or a linker reads libraries through mmap: the file map has them, nobody loaded them.
 */
static void read_through_mmap_is_no_module(void **state)
{
	struct tiny t = { 0 };
	struct modules m;
	uint8_t page[4096], plain[4096] = "no ELF file";
	FILE *f = fopen(in("toy.so"), "rb");
	struct filemap whole = { BASE, BASE + 0x10000, 0, "/lib/read.so", false };
	struct filemap data = { BASE + 0x20000, BASE + 0x21000, 0, "/lib/text.so", false };

	(void)state;
	assert_int_equal(fread(page, 1, sizeof(page), f), sizeof(page));
	fclose(f);
	tiny_map(&t, BASE, 0x10000, SEG_R, page, sizeof(page));
	array_push(&t.files, whole);
	tiny_map(&t, BASE + 0x20000, 0x1000, SEG_R | SEG_X, plain, 4096);
	array_push(&t.files, data);
	modules_find(tiny_core(&t), NULL, &m);
	assert_int_equal(m.n, 0);
	modules_free(&m);
	tiny_free(&t);
}

static void loaded_twice(void **state)
{
	struct tiny t = { 0 };
	struct modules m;

	(void)state;
	tiny_load(&t, in("toy.so"), in("toy.so"), BASE, TINY_KERNEL);
	tiny_load(&t, in("toy.so"), in("toy.so"), BASE + 0x1000000, TINY_KERNEL);
	modules_find(tiny_core(&t), NULL, &m);
	assert_int_equal(m.n, 2);
	assert_int_equal(m.v[1].bias, BASE + 0x1000000);
	assert_string_equal(m.v[1].file, in("toy.so"));
	modules_free(&m);
	tiny_free(&t);
}

static void reads_what_the_core_left_out(void **state)
{
	vaddr work = BASE + tiny_symbol(in("toy.so"), "work");
	vaddr table = BASE + tiny_symbol(in("toy.so"), "table");
	vaddr counter = BASE + tiny_symbol(in("toy.so"), "counter");
	struct tiny t = { 0 };
	struct modules m;
	struct core *core;
	uint8_t code[33];
	uint64_t v;

	(void)state;
	tiny_load(&t, in("toy.so"), in("toy.so"), BASE, TINY_KERNEL);
	core = tiny_core(&t);
	modules_find(core, NULL, &m);
	assert_false(core_read(core, work, code, sizeof(code)));
	assert_true(module_read(core, &m, work, code, sizeof(code)));
	assert_int_equal(code[0], 0x90);
	assert_int_equal(code[32], 0xc3);
	assert_true(module_read(core, &m, counter, &v, 8)); /* saved */
	assert_int_equal(v, 4711);
	tiny_segment(&t, counter)->saved_end = tiny_segment(&t, counter)->start;
	tiny_segment(&t, counter)->meant_end = tiny_segment(&t, counter)->start;
	tiny_core(&t);
	assert_false(module_read(core, &m, counter, &v, 8)); /* writable: never from the file */
	assert_false(module_read(core, &m, table, &v, 8));
	tiny_segment(&t, table)->flags = SEG_R; /* as after mprotect: relocated all the same */
	assert_false(module_read(core, &m, table, &v, 8));
	tiny_segment(&t, work)->meant_end = tiny_segment(&t, work)->end; /* truncated core */
	assert_false(module_read(core, &m, work, code, 1));
	assert_false(module_read(core, &m, BASE - 8, &v, 8));
	modules_free(&m);
	tiny_free(&t);
}

static void never_from_another_file(void **state)
{
	vaddr work = BASE + tiny_symbol(in("toy.so"), "work");
	struct tiny t = { 0 };
	struct modules m;
	uint8_t byte;

	(void)state;
	tiny_load(&t, in("other.so"), in("toy.so"), BASE, TINY_KERNEL);
	modules_find(tiny_core(&t), NULL, &m);
	assert_false(module_read(&t.core, &m, work, &byte, 1));
	modules_free(&m);
	tiny_free(&t);
}

static void symbols(void **state)
{
	vaddr work = BASE + tiny_symbol(in("toy.so"), "work");
	vaddr room = BASE + tiny_symbol(in("toy.so"), "room");
	struct tiny t = { 0 };
	struct modules m;
	struct symbol s;

	(void)state;
	tiny_load(&t, in("toy.so"), in("toy.so"), BASE, TINY_KERNEL);
	modules_find(tiny_core(&t), NULL, &m);
	module_symbol(&t.core, &m, work + 5, false, &s);
	assert_string_equal(s.name, "work");
	assert_int_equal(s.offset, 5);
	assert_int_equal(s.module_offset, work + 5 - BASE);
	assert_ptr_equal(s.module, &m.v[0]);
	module_symbol(&t.core, &m, work + 33, true, &s); /* just behind a call at its end */
	assert_string_equal(s.name, "work");
	assert_int_equal(s.offset, 33);
	module_symbol(&t.core, &m, work + 33, false, &s);
	assert_null(s.name);
	module_symbol(&t.core, &m, room + 60000, false, &s);
	assert_string_equal(s.name, "room");
	assert_int_equal(s.offset, 60000);
	module_symbol(&t.core, &m, BASE - 1, false, &s);
	assert_null(s.name);
	assert_null(s.module);
	modules_free(&m);
	tiny_free(&t);
}

static void libc_version(void **state)
{
	const struct module *libc;
	struct tiny t = { 0 };
	struct modules m;

	(void)state;
	assert_int_equal(symlink(in("toy.so"), in("libc.so.6")), 0);
	tiny_load(&t, in("libc.so.6"), in("toy.so"), BASE, TINY_KERNEL);
	modules_find(tiny_core(&t), NULL, &m);
	assert_string_equal(modules_libc(&t.core, &m, &libc), "2.99");
	assert_ptr_equal(libc, &m.v[0]);
	modules_free(&m);
	tiny_free(&t);
	tiny_load(&t, "/gone/libc-2.31.so", in("toy.so"), BASE, TINY_KERNEL);
	modules_find(tiny_core(&t), NULL, &m);
	assert_null(modules_libc(&t.core, &m, &libc)); /* no file, no text saved */
	assert_ptr_equal(libc, &m.v[0]);
	modules_free(&m);
	tiny_free(&t);
	tiny_load(&t, "/gone/libc-2.31.so", in("toy.so"), BASE, TINY_ALL);
	modules_find(tiny_core(&t), NULL, &m);
	assert_string_equal(modules_libc(&t.core, &m, NULL), "2.99");
	modules_free(&m);
	tiny_free(&t);
}

/* Each byte of the header page, spoilt in turn: nothing may break, nothing wild may be believed. */
static void spoilt_headers(void **state)
{
	static const uint8_t with[] = { 0x00, 0x01, 0x7f, 0x80, 0xff };
	struct tiny t = { 0 };
	uint8_t *page;

	(void)state;
	tiny_load(&t, in("toy.so"), in("toy.so"), BASE, TINY_KERNEL);
	page = (uint8_t *)tiny_segment(&t, BASE)->mem;
	for (size_t i = 0; i < 1024; i++) {
		uint8_t was = page[i];

		for (size_t k = 0; k < sizeof(with); k++) {
			struct modules m;

			page[i] = with[k];
			modules_find(tiny_core(&t), NULL, &m);
			assert_true(m.n <= 1);
			if (m.n) {
				uint64_t v;

				assert_true(m.v[0].start < m.v[0].end);
				assert_true(m.v[0].data_start <= m.v[0].data_end);
				assert_true(m.v[0].data_end == 0 ||
				            core_segment(&t.core, m.v[0].data_end - 1));
				module_read(&t.core, &m, BASE + 0x1000, &v, 8);
			}
			modules_free(&m);
		}
		page[i] = was;
	}
	tiny_free(&t);
}

static void spoilt_file_map(void **state)
{
	static const vaddr odd[] = {
		0, 1, 4095, 4096, UINT64_MAX - 4095, UINT64_MAX - 1, UINT64_MAX
	};
	struct modules m;

	(void)state;
	for (size_t i = 0; i < sizeof(odd) / sizeof(*odd); i++) {
		for (size_t k = 0; k < sizeof(odd) / sizeof(*odd); k++) {
			struct tiny t = { 0 };
			struct filemap line = { odd[i], odd[k], 0, "/lib/odd.so", false };

			if (odd[i] >= odd[k])
				continue;
			tiny_load(&t, in("toy.so"), in("toy.so"), BASE, TINY_KERNEL);
			array_push(&t.files, line);
			array_push(&t.files, ((struct filemap){ BASE + 0x1234, BASE + 0x1235, 0, "",
			                                        false }));
			modules_find(tiny_core(&t), NULL, &m);
			modules_free(&m);
			tiny_free(&t);
		}
	}
}

static void no_file_map(void **state)
{
	struct tiny t = { 0 };
	struct modules m;
	struct symbol s;

	(void)state;
	tiny_map(&t, BASE, 4096, SEG_R, NULL, 4096);
	modules_find(tiny_core(&t), NULL, &m);
	assert_int_equal(m.n, 0);
	assert_int_equal(m.exe, 0);
	assert_null(module_at(&m, BASE));
	assert_null(modules_libc(&t.core, &m, NULL));
	module_symbol(&t.core, &m, BASE, false, &s);
	assert_null(s.module);
	modules_free(&m);
	tiny_free(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(found),
		cmocka_unit_test(only_the_same_build_id),
		cmocka_unit_test(other_places),
		cmocka_unit_test(a_fifo_does_not_block),
		cmocka_unit_test(header_not_saved),
		cmocka_unit_test(read_through_mmap_is_no_module),
		cmocka_unit_test(loaded_twice),
		cmocka_unit_test(reads_what_the_core_left_out),
		cmocka_unit_test(never_from_another_file),
		cmocka_unit_test(symbols),
		cmocka_unit_test(libc_version),
		cmocka_unit_test(spoilt_headers),
		cmocka_unit_test(spoilt_file_map),
		cmocka_unit_test(no_file_map),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
