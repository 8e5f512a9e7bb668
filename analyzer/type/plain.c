/* Names of C++ types as people write them: what every use of a template repeats is left out. */
#include "analyzer/type/rtti.h"

/* Behind the '>' that closes the '<' at s[0]; NULL: none. Parentheses hide what is in them. */
static const char *behind_close(const char *s)
{
	unsigned angle = 0, round = 0;

	for (; *s; s++) {
		if (*s == '(')
			round++;
		else if (*s == ')' && round)
			round--;
		else if (!round && *s == '<')
			angle++;
		else if (!round && *s == '>' && --angle == 0)
			return s + 1;
	}
	return NULL;
}

static bool starts(const char *s, const char *with)
{
	return !strncmp(s, with, strlen(with));
}

/* A default argument of a template of the standard library, ", std::allocator<...>". */
static const char *behind_default(const char *s)
{
	static const char *const defaults[] = { ", std::allocator<", ", std::char_traits<",
		                                ", std::less<",      ", std::hash<",
		                                ", std::equal_to<",  ", std::default_delete<" };

	for (size_t i = 0; i < sizeof(defaults) / sizeof(*defaults); i++)
		if (starts(s, defaults[i]))
			return behind_close(s + strlen(defaults[i]) - 1);
	return NULL;
}

/* std::__cxx11::list, std::__1::list: the inner namespace is the library's own. */
static size_t inner_namespace(const char *s)
{
	static const char *const inner[] = { "std::__cxx11::", "std::__1::", "std::__debug::" };

	for (size_t i = 0; i < sizeof(inner) / sizeof(*inner); i++)
		if (starts(s, inner[i]))
			return strlen(inner[i]);
	return 0;
}

/* In place: names only get shorter. */
static void leave_out_inner(char *s)
{
	char *to = s;

	while (*s) {
		size_t inner = *s == 's' ? inner_namespace(s) : 0;

		if (inner) {
			memmove(to, "std::", 5);
			to += 5;
			s += inner;
		} else {
			*to++ = *s++;
		}
	}
	*to = '\0';
}

static void leave_out_defaults(char *s)
{
	char *to = s, *start = s;

	while (*s) {
		const char *behind = *s == ',' ? behind_default(s) : NULL;

		if (behind) {
			s += behind - s;
			while (*s == ' ' && s[1] == '>')
				s++;
		} else if (*s == ' ' && s[1] == '>' && to > start) {
			s++;
		} else {
			*to++ = *s++;
		}
	}
	*to = '\0';
}

/* basic_string<char> is string, basic_ostream<wchar_t> wostream: in place, names get shorter. */
static void rename_basic(char *s)
{
	static const char head[] = "std::basic_";

	for (char *at = strstr(s, head); at; at = strstr(at + 5, head)) {
		char *name = at + sizeof(head) - 1;
		size_t n = strspn(name, "abcdefghijklmnopqrstuvwxyz_");
		const char *rest = name + n;
		bool wide = starts(rest, "<wchar_t>");

		if (!wide && !starts(rest, "<char>"))
			continue;
		rest += wide ? 9 : 6;
		memmove(at + 5 + wide, name, n);
		if (wide)
			at[5] = 'w';
		memmove(at + 5 + wide + n, rest, strlen(rest) + 1);
	}
}

/* The first argument of the template whose '<' is at s[0]; its length in *n. */
static const char *first_argument(const char *s, size_t *n)
{
	unsigned depth = 0;

	for (const char *at = ++s; *at; at++) {
		if (*at == '<' || *at == '(')
			depth++;
		else if (!depth && (*at == ',' || *at == '>')) {
			*n = (size_t)(at - s);
			return s;
		} else if (*at == '>' || *at == ')')
			depth -= depth > 0;
	}
	return NULL;
}

/* What make_shared and shared_ptr allocate is of a class of the library's own. */
static const char *rename_shared(struct pool *pool, const char *name)
{
	static const struct {
		const char *head;
		bool whole; /* it holds the object itself */
	} blocks[] = {
		{ "std::_Sp_counted_ptr_inplace<", true }, { "std::__shared_ptr_emplace<", true },
		{ "std::_Sp_counted_ptr<", false },        { "std::_Sp_counted_deleter<", false },
		{ "std::__shared_ptr_pointer<", false },
	};

	for (size_t i = 0; i < sizeof(blocks) / sizeof(*blocks); i++) {
		size_t n;
		const char *arg;

		if (!starts(name, blocks[i].head))
			continue;
		arg = first_argument(name + strlen(blocks[i].head) - 1, &n);
		if (!arg)
			break;
		if (!blocks[i].whole && n && arg[n - 1] == '*')
			n--;
		return pool_printf(pool,
		                   blocks[i].whole ? "std::make_shared<%.*s>"
		                                   : "std::shared_ptr<%.*s> control block",
		                   (int)n, arg);
	}
	return name;
}

const char *rtti_plain(struct pool *pool, const char *name)
{
	char *short_name = pool_copy(pool, name);

	leave_out_inner(short_name);
	leave_out_defaults(short_name);
	rename_basic(short_name);
	return rename_shared(pool, short_name);
}
