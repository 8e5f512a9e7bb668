/* The store of types, names of C++ classes, shapes: without any process. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "analyzer/type/rtti.h"
#include "analyzer/type/shape.h"
#include "analyzer/type/type.h"

static struct types *store(uint64_t *wanted)
{
	struct heap heap = { .nchunks = 130, .bits_bytes = 24 };

	return types_make(&heap, wanted);
}

static void the_strongest_wins_in_any_order(void **state)
{
	static const struct type proposals[] = {
		{ "text", "text", 0.95 },      { "Base", "dwarf", 0.98 },
		{ "Derived", "vtable", 0.99 }, { "Derived2", "vtable", 0.99 },
		{ "Better", "vtable", 0.995 }, { "doubtful", "container", 0.5 },
	};
	uint64_t wanted[3] = { UINT64_C(1) << 5 | UINT64_C(1) << 63, 0, 3 };

	(void)state;
	for (size_t first = 0; first < 6; first++) {
		struct types *t = store(wanted);

		for (size_t i = 0; i < 6; i++)
			types_propose(t, 63, &proposals[(first + i) % 6]);
		assert_string_equal(types_of(t, 63)->name, "Better");
		types_propose(t, 5, &proposals[3]);
		types_propose(t, 5, &proposals[2]);
		assert_string_equal(types_of(t, 5)->name, "Derived"); /* sorts first */
		assert_false(types_propose(t, 5, &proposals[5]));     /* below the bar */
		types_free(t);
	}
}

static void what_is_not_wanted_is_not_known(void **state)
{
	static const struct type type = { "T", "vtable", 0.99 };
	uint64_t wanted[3] = { 1, 0, 2 };
	struct types *t = store(wanted);
	const uint64_t *told;

	(void)state;
	assert_true(types_propose(t, 0, &type));
	assert_true(types_propose(t, 129, &type));
	assert_false(types_propose(t, 1, &type));
	assert_false(types_propose(t, 130, &type));
	assert_false(types_propose(t, UINT32_MAX, &type));
	assert_null(types_of(t, 1));
	assert_null(types_of(t, UINT32_MAX));
	assert_int_equal(types_label(t, 0), types_label(t, 129));
	told = types_told(t);
	assert_true(told[0] == 1 && told[1] == 0 && told[2] == 2);
	types_free(t);
}

static void names_are_as_people_write_them(void **state)
{
	static const char *const cases[][2] = {
		{ "Session", "Session" },
		{ "std::vector<int, std::allocator<int> >", "std::vector<int>" },
		{ "std::__cxx11::basic_string<char, std::char_traits<char>, std::allocator<char> >",
		  "std::string" },
		{ "std::__1::basic_string<char, std::__1::char_traits<char>, "
		  "std::__1::allocator<char> >",
		  "std::string" },
		{ "A<std::__cxx11::basic_string<wchar_t, std::char_traits<wchar_t>, "
		  "std::allocator<wchar_t> >, int>",
		  "A<std::wstring, int>" },
		{ "std::map<int, long, std::less<int>, std::allocator<std::pair<int const, long> > "
		  ">",
		  "std::map<int, long>" },
		{ "std::_Sp_counted_ptr_inplace<a::B<int, long>, std::allocator<void>, "
		  "(__gnu_cxx::_Lock_policy)2>",
		  "std::make_shared<a::B<int, long>>" },
		{ "std::_Sp_counted_ptr<Circle*, (__gnu_cxx::_Lock_policy)2>",
		  "std::shared_ptr<Circle> control block" },
		{ "broken<std::vector<int, std::allocator<",
		  "broken<std::vector<int, std::allocator<" },
		{ "", "" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct pool pool = { 0 };

		assert_string_equal(rtti_plain(&pool, cases[i][0]), cases[i][1]);
		pool_free(&pool);
	}
}

static void shapes_join_where_nothing_contradicts(void **state)
{
	struct shape a = { 4, false, { SHAPE_PTR, SHAPE_ZERO, SHAPE_TEXT_WORD, SHAPE_LONG } };
	struct shape b = { 4, false, { SHAPE_PTR, SHAPE_PTR, SHAPE_LONG, SHAPE_ZERO } };
	struct shape c = { 4, false, { SHAPE_CODE, SHAPE_PTR, SHAPE_LONG, SHAPE_ZERO } };
	struct shape d = { 3, false, { SHAPE_PTR, SHAPE_PTR, SHAPE_LONG } };
	char text[SHAPE_TEXT];

	(void)state;
	assert_string_equal(shape_text(&a, text), "{ptr,0,text,long}");
	assert_true(shape_join(&a, &b));
	assert_string_equal(shape_text(&a, text), "{ptr*2,long*2}");
	assert_false(shape_join(&a, &c));
	assert_false(shape_join(&a, &d));
	assert_string_equal(shape_text(&a, text), "{ptr*2,long*2}");
	d.more = true;
	assert_string_equal(shape_text(&d, text), "{ptr*2,long,...}");
	d.n = 0;
	d.more = false;
	assert_string_equal(shape_text(&d, text), "{}");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_strongest_wins_in_any_order),
		cmocka_unit_test(what_is_not_wanted_is_not_known),
		cmocka_unit_test(names_are_as_people_write_them),
		cmocka_unit_test(shapes_join_where_nothing_contradicts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
