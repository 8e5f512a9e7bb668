#include "analyzer/code/allocator.h"

#define RESULT ALLOCATOR_RESULT

#define BYTES(n)                                                               \
	{                                                                      \
		.size = ALLOCATOR_BYTES, .arg = (n), .scale = 1, .out = RESULT \
	}
#define PRODUCT(a, b)                                                              \
	{                                                                          \
		.size = ALLOCATOR_PRODUCT, .arg = (a), .other = (b), .out = RESULT \
	}
#define TEXT(where)                                    \
	{                                              \
		.size = ALLOCATOR_TEXT, .out = (where) \
	}
#define FIXED(n)                                                   \
	{                                                          \
		.size = ALLOCATOR_FIXED, .add = (n), .out = RESULT \
	}

struct known {
	const char *name;
	struct site_allocator is;
};

/* glibc's malloc(3), strdup(3), asprintf(3), getline(3); GLib's memory functions, as of 2.76 all of
 * them on malloc. A glibc FILE has 472 bytes with its lock (libio/iofopen.c, 2.2 to 2.41). */
static const struct known known[] = {
	{ "malloc", BYTES(0) },
	{ "__libc_malloc", BYTES(0) },
	{ "calloc",
	  { .size = ALLOCATOR_PRODUCT, .arg = 0, .other = 1, .out = RESULT, .zeroed = true } },
	{ "__libc_calloc",
	  { .size = ALLOCATOR_PRODUCT, .arg = 0, .other = 1, .out = RESULT, .zeroed = true } },
	{ "realloc", BYTES(1) },
	{ "__libc_realloc", BYTES(1) },
	{ "reallocarray", PRODUCT(1, 2) },
	{ "memalign", BYTES(1) },
	{ "aligned_alloc", BYTES(1) },
	{ "posix_memalign", { .size = ALLOCATOR_BYTES, .arg = 2, .scale = 1, .out = 0 } },
	{ "valloc", BYTES(0) },
	{ "pvalloc", BYTES(0) },
	{ "strdup", TEXT(RESULT) },
	{ "__strdup", TEXT(RESULT) },
	{ "strndup", TEXT(RESULT) },
	{ "__strndup", TEXT(RESULT) },
	{ "realpath", TEXT(RESULT) },
	{ "asprintf", TEXT(0) },
	{ "__asprintf", TEXT(0) },
	{ "__asprintf_chk", TEXT(0) },
	{ "vasprintf", TEXT(0) },
	{ "__vasprintf_chk", TEXT(0) },
	{ "open_memstream", TEXT(0) },
	{ "getline", { .size = ALLOCATOR_ANY, .out = 0 } },
	{ "getdelim", { .size = ALLOCATOR_ANY, .out = 0 } },
	{ "__getdelim", { .size = ALLOCATOR_ANY, .out = 0 } },
	{ "fopen", FIXED(472) },
	{ "fopen64", FIXED(472) },
	{ "fdopen", FIXED(472) },
	{ "g_malloc", BYTES(0) },
	{ "g_malloc0", { .size = ALLOCATOR_BYTES, .scale = 1, .out = RESULT, .zeroed = true } },
	{ "g_try_malloc", BYTES(0) },
	{ "g_realloc", BYTES(1) },
	{ "g_slice_alloc", BYTES(0) },
	{ "g_slice_alloc0",
	  { .size = ALLOCATOR_BYTES, .scale = 1, .out = RESULT, .zeroed = true } },
	{ "g_malloc_n", PRODUCT(0, 1) },
	{ "g_malloc0_n",
	  { .size = ALLOCATOR_PRODUCT, .arg = 0, .other = 1, .out = RESULT, .zeroed = true } },
	{ "g_realloc_n", PRODUCT(1, 2) },
	{ "g_strdup", TEXT(RESULT) },
	{ "g_strndup", TEXT(RESULT) },
	{ "g_strdup_printf", TEXT(RESULT) },
};

/* Members of std::string that get it a new buffer (libstdc++, bits/basic_string.h). */
static const struct {
	const char *name;
	enum allocator_string is;
} string_members[] = {
	{ "9_M_mutate", STRING_GROWN },   { "9_M_append", STRING_GROWN },
	{ "10_M_replace", STRING_GROWN }, { "14_M_replace_aux", STRING_GROWN },
	{ "9_M_assign", STRING_GROWN },   { "7reserve", STRING_GROWN },
	{ "6resize", STRING_GROWN },      { "12_M_construct", STRING_EXACT },
	{ "9push_back", STRING_GROWN },   { "6appendE", STRING_GROWN },
	{ "6assignE", STRING_GROWN },     { "7replaceE", STRING_GROWN },
	{ "6insertE", STRING_GROWN },     { "C1ERKS4_", STRING_EXACT },
	{ "C2ERKS4_", STRING_EXACT },     { "pLE", STRING_GROWN },
};

static bool string_allocator(const char *name, struct site_allocator *out)
{
	static const char class[] = "_ZNSt7__cxx1112basic_stringIcSt11char_traitsIcESaIcEE";
	const char *member = name + sizeof(class) - 1;

	if (strncmp(name, class, sizeof(class) - 1) != 0)
		return false;
	if (!strncmp(member, "9_M_create", 10)) {
		*out = (struct site_allocator)TEXT(RESULT);
		out->string = STRING_ASKED;
		return true;
	}
	for (size_t i = 0; i < sizeof(string_members) / sizeof(*string_members); i++) {
		const char *with = string_members[i].name;

		if (!strncmp(member, with, strlen(with))) {
			*out = (struct site_allocator)TEXT(ALLOCATOR_INSIDE);
			out->string = (uint8_t)string_members[i].is;
			return true;
		}
	}
	return false;
}

bool site_allocator_known(const char *name, struct site_allocator *out)
{
	for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++) {
		if (!strcmp(name, known[i].name)) {
			*out = known[i].is;
			return true;
		}
	}
	if ((!strncmp(name, "_Znwm", 5) || !strncmp(name, "_Znam", 5)) &&
	    strncmp(name + 5, "Pv", 2) != 0) { /* new, new[]; not at a place that is given */
		*out = (struct site_allocator)BYTES(0);
		return true;
	}
	return string_allocator(name, out);
}

bool site_allocator_named(const char *function)
{
	if (!strncmp(function, "_Z", 2))
		return false;
	return strstr(function, "alloc") || strstr(function, "strdup") ||
	       strstr(function, "strndup");
}
