/* Names that are long, deep, or stand for more text than there is memory. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "formats/demangle.h"

static void a_name_of_thousands_of_bytes(void **state)
{
	struct pool pool = { 0 };
	char name[3100] = "_ZTS3000";
	const char *text;

	(void)state;
	memset(name + 8, 'a', 3000);
	text = demangle(&pool, name);
	assert_non_null(text);
	assert_int_equal(strlen(text), 3000 + strlen("typeinfo name for "));
	pool_free(&pool);
}

/* f(int *****...) */
static void a_deep_one(void **state)
{
	struct pool pool = { 0 };
	char name[4096] = "_Z1f";
	const char *text;

	(void)state;
	memset(name + 4, 'P', 4000);
	strcat(name, "i");
	text = demangle(&pool, name); /* libiberty prints 1024 levels at most */
	assert_true(!text || !strncmp(text, "f(int***", 8));
	memset(name + 4, 'N', 4000);
	assert_null(demangle(&pool, name));
	pool_free(&pool);
}

/* Each parameter is a function of two of the parameter before: twice as long. */
static void one_that_would_be_endless(void **state)
{
	static const char digits[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";
	struct pool pool = { 0 };
	char name[1024] = "_Z1fPFiiiE";
	const char *text;

	(void)state;
	for (unsigned i = 0; i < 17; i++)
		sprintf(name + strlen(name), "PFiS%c_S%c_E", digits[2 * i], digits[2 * i]);
	text = demangle(&pool, name);
	assert_non_null(text);
	assert_true(strlen(text) > 16000 && strlen(text) < 17000);
	assert_string_equal(text + strlen(text) - 3, "...");
	pool_free(&pool);
}

/* Each tuple has two of the tuple before: as `B` and its place in the name, to the base of 62. */
static void an_endless_one_of_rust(void **state)
{
	static const char digits[] =
		"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
	struct pool pool = { 0 };
	char name[1024] = "_RINvC1a1fTuuE";
	size_t before = strlen("INvC1a1f");
	const char *text;

	(void)state;
	for (int i = 0; i < 40; i++) {
		size_t at = strlen(name) - 2, n = before - 1;
		char place[8] = { 0 };

		if (n >= 62)
			place[0] = digits[n / 62], place[1] = digits[n % 62];
		else
			place[0] = digits[n];
		sprintf(name + strlen(name), "TB%s_B%s_E", place, place);
		before = at;
	}
	strcat(name, "E");
	text = demangle(&pool, name);
	assert_non_null(text);
	assert_memory_equal(text, "a::f::<((), ()), (((), ()), ((), ()))", 30);
	assert_true(strlen(text) > 16000 && strlen(text) < 17000);
	pool_free(&pool);
}

static void rust(void **state)
{
	struct pool pool = { 0 };

	(void)state;
	assert_string_equal(demangle(&pool, "_ZN1r4main17h086b0cfd890a8ea9E"), "r::main");
	assert_string_equal(demangle(&pool,
	                             "_RNvMs4_NtCslNYArtu3iFV_5alloc7raw_vecINtB5_11RawVecInner"
	                             "NtNtCsjrHSEGnQ3l9_3std5alloc6SystemE11finish_growBW_"),
	                    "<alloc::raw_vec::RawVecInner<std::alloc::System>>::finish_grow");
	assert_null(demangle(&pool, "_RNvM"));
	assert_null(demangle(&pool, "_Rest"));
	pool_free(&pool);
}

static void others(void **state)
{
	struct pool pool = { 0 };

	(void)state;
	assert_string_equal(demangle(&pool, "_ZN2ns3boxIiE3getEv"), "ns::box<int>::get()");
	assert_null(demangle(&pool, "main"));
	assert_null(demangle(&pool, "_ZZZZ"));
	assert_null(demangle(&pool, ""));
	pool_free(&pool);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_name_of_thousands_of_bytes),
		cmocka_unit_test(a_deep_one),
		cmocka_unit_test(one_that_would_be_endless),
		cmocka_unit_test(an_endless_one_of_rust),
		cmocka_unit_test(rust),
		cmocka_unit_test(others),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
