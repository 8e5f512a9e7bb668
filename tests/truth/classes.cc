/*
 * A C++ program that says what each of its blocks is: objects with virtual functions in all the
 * shapes that inheritance gives them, and the standard containers. operator new writes down every
 * block with what is being made at the moment; addresses are kept inverted, so that this list keeps
 * nothing alive. The truth goes to the file named first: "address type" a line. Then it aborts.
 */
#include <array>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <forward_list>
#include <list>
#include <map>
#include <memory>
#include <new>
#include <set>
#include <sstream>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

namespace {

struct made {
	uint64_t address; /* inverted */
	const char *what;
};
made list_of[1 << 17];
size_t nmade;
const char *(*name_of)(size_t) = nullptr; /* what is being made, by its size; null: not told */
const char *fixed;

const char *by_name(size_t)
{
	return fixed;
}

} // namespace

void *operator new(size_t size)
{
	void *p = malloc(size);

	if (!p)
		abort();
	if (name_of && nmade < sizeof(list_of) / sizeof(*list_of))
		list_of[nmade++] = { ~(uint64_t)p, name_of(size) };
	return p;
}

void *operator new[](size_t size)
{
	return operator new(size);
}

void operator delete(void *p) noexcept
{
	for (size_t i = nmade; p && i-- > 0;) {
		if (list_of[i].address == ~(uint64_t)p) {
			list_of[i].address = 0;
			break;
		}
	}
	free(p);
}

void operator delete(void *p, size_t) noexcept
{
	operator delete(p);
}

void operator delete[](void *p) noexcept
{
	operator delete(p);
}

void operator delete[](void *p, size_t) noexcept
{
	operator delete(p);
}

template <typename F> static void making(const char *what, F f)
{
	fixed = what;
	name_of = by_name;
	f();
	name_of = nullptr;
}

template <typename F> static void making(const char *(*what)(size_t), F f)
{
	name_of = what;
	f();
	name_of = nullptr;
}

/* ---- classes ---- */

struct Shape {
	virtual ~Shape() {}
	virtual double area() const = 0;
	long tag = 7;
};
struct Circle : Shape {
	double r = 1;
	double area() const override { return r * r * 3; }
};
struct Square : Shape {
	double side = 2;
	char text[40] = "square";
	double area() const override { return side * side; }
};
struct Named {
	virtual ~Named() {}
	virtual const char *name() const { return "named"; }
	int id = 1;
};
struct Both : Shape, Named { /* two vtables: the second within the object */
	double area() const override { return 0; }
	long more[3] = { 1, 2, 3 };
};
struct Root {
	virtual ~Root() {}
	int depth = 0;
};
struct Left : virtual Root {
	int left = 1;
};
struct Right : virtual Root {
	int right = 2;
};
struct Diamond : Left, Right {
	long bottom = 3;
};
struct Plain {
	long a = 0, b = 0;
};
struct OnlyVirtualBase : virtual Plain { /* no virtual function */
	long c = 0;
};
struct Late : Plain { /* its base has no vtable: its own comes first all the same */
	virtual ~Late() {}
	long d = 0;
};
namespace app {
template <typename K, typename V> struct Cache {
	virtual ~Cache() {}
	K key{};
	V value{};
};
namespace {
struct Hidden {
	virtual ~Hidden() {}
	long x = 5;
};
} // namespace
struct Session {
	virtual ~Session() {}
	std::string user;
	std::vector<long> marks;
	std::map<int, std::string> headers;
	std::list<int> queue;
};
struct alignas(16) Wide {
	virtual ~Wide() {}
	long v[2] = { 1, 2 };
};

/* A name of 1,024 characters, and a template of three such. */
#define GLUE(a) a##a##a##a
#define LONGER(a) GLUE(a)
#define LONG(a) LONGER(LONGER(LONGER(LONGER(LONGER(a)))))
#define QUOTE(a) #a
#define QUOTED(a) QUOTE(a)
struct LONG(x) {};
template <typename... T> struct Long {
	virtual ~Long() {}
	long v[3] = { 1, 2, 3 };
};
} // namespace app

/* What is kept is kept here; what is not is leaked. */
static void *kept[1 << 12];
static size_t nkept;

static void keep(void *p)
{
	kept[nkept++ % (sizeof(kept) / sizeof(*kept))] = p;
}

static void make_objects(int round)
{
	auto stow = [round](void *p) {
		if (round % 3)
			keep(p);
	};

	making("Circle", [&] { stow(new Circle); });
	making("Square", [&] { stow(new Square); });
	making("Both", [&] { stow(static_cast<Named *>(new Both)); });
	making("Diamond", [&] { stow(static_cast<Root *>(new Diamond)); });
	making("OnlyVirtualBase", [&] { stow(new OnlyVirtualBase); });
	making("Late", [&] { stow(static_cast<Plain *>(new Late)); });
	making("app::Cache<int, double>", [&] { stow(new app::Cache<int, double>); });
	making("app::Cache<std::string, std::vector<int>>",
	       [&] { stow(new app::Cache<std::string, std::vector<int>>); });
	making("app::(anonymous namespace)::Hidden", [&] { stow(new app::Hidden); });
	making("app::Session", [&] { stow(new app::Session); });
	making("app::Wide", [&] { stow(new app::Wide); });
	making("app::Long<app::" QUOTED(LONG(x)) ", char>",
	       [&] { stow(new app::Long<app::LONG(x), char>); });
	making("Circle[]", [&] { stow(new Circle[3 + (size_t)round % 5]); });
	making("app::Session[]", [&] { stow(new app::Session[2]); });
	making("std::make_shared<Square>", [&] {
		static std::vector<std::shared_ptr<Shape>> *all;
		auto p = std::make_shared<Square>();

		fixed = nullptr;
		if (!all)
			all = new std::vector<std::shared_ptr<Shape>>;
		fixed = nullptr;
		all->push_back(p);
	});
	making("Circle", [&] {
		Circle *c = new Circle;

		fixed = "std::shared_ptr<Circle> control block";
		auto *p = new (malloc(sizeof(std::shared_ptr<Circle>))) std::shared_ptr<Circle>(c);
		stow(p);
	});
}

/* ---- containers ---- */

static const char *bucket_or_node(size_t size)
{
#ifdef _LIBCPP_VERSION
	return size == 32 ? "std::unordered_map/set node" : "std::unordered_map/set buckets";
#else
	return size == 24 ? "std::unordered_map/set node" : "std::unordered_map/set buckets";
#endif
}

/* Before GCC 5 the shortest string had a block, too. */
static const char *node_or_string(size_t size)
{
	return size >= 40 ? "std::map/set node" : "std::string buffer";
}

static const char *map_or_node(size_t size)
{
#ifdef _LIBCPP_VERSION
	return size == 4096 ? "std::deque block" : "std::deque map";
#else
	return size == 512 ? "std::deque block" : "std::deque map";
#endif
}

struct Holder { /* no vtable: found by what is in it alone */
	std::string text;
	std::vector<int> numbers;
	std::vector<std::string> words;
	std::map<int, long> tree;
	std::set<std::string> names;
	std::list<long> chain;
	std::unordered_map<int, long> table;
	std::deque<int> ends;
	std::vector<Shape *> shapes;
	std::wstring wide;
	std::u16string half;
	std::vector<bool> bits;
	std::ostringstream out;
};

/* What libc++ and the strings of before GCC 5 do not tell. */
static void make_wide(Holder *h, size_t n)
{
#if !defined(_LIBCPP_VERSION) && _GLIBCXX_USE_CXX11_ABI
	making("std::wstring buffer", [&] { h->wide.assign(L"a text that is wide"); });
	making("std::wstring buffer", [&] { h->wide.append(n, L'x'); });
	making("std::u16string buffer", [&] { h->half.assign(20 + n, u'h'); });
	making("std::vector<bool> buffer", [&] { h->bits.resize(70 * n, true); });
#endif
#if defined(_LIBCPP_VERSION) || _GLIBCXX_USE_CXX11_ABI
	making("std::string buffer", [&] {
		for (size_t i = 0; i < n; i++)
			h->out << "a number: " << i << ", ";
	});
#endif
}

static void make_containers(int round)
{
	Holder *h = new (malloc(sizeof(*h))) Holder;
	size_t n = 1 + (size_t)round % 40;

	if (round % 3)
		keep(h);
	making("std::string buffer", [&] { h->text.assign(40 + n * 3, 'x'); });
	making("std::vector buffer", [&] {
		for (size_t i = 0; i < n; i++)
			h->numbers.push_back((int)i);
	});
	making("std::vector buffer", [&] { h->words.resize(n); });
	making("std::string buffer", [&] {
		for (auto &w : h->words)
			w = "a word that does not fit into the string itself";
	});
	making("std::map/set node", [&] {
		for (size_t i = 0; i < n; i++)
			h->tree[(int)(i * 7 % 41)] = (long)i;
	});
	making(node_or_string, [&] {
		for (size_t i = 0; i < n; i++)
			h->names.insert(std::string(1, (char)('a' + i % 26)));
	});
	making("std::list node", [&] {
		for (size_t i = 0; i < n; i++)
			h->chain.push_back((long)i * 1000);
	});
	making(bucket_or_node, [&] {
		for (size_t i = 0; i < n; i++)
			h->table[(int)i * 17] = (long)i;
	});
	making(map_or_node, [&] {
		for (size_t i = 0; i < n * 20; i++)
			h->ends.push_back((int)i);
	});
	making("std::vector buffer", [&] { h->shapes.reserve(n); });
	making("Circle", [&] {
		for (size_t i = 0; i < n; i++)
			h->shapes.push_back(new Circle);
	});
	make_wide(h, n);
	making("std::map/set node", [&] {
		static app::Session *s;

		if (round % 10)
			return;
		fixed = "app::Session";
		s = new app::Session;
		keep(s);
		fixed = "std::string buffer";
		s->user = "somebody with a name of some length";
		fixed = "std::vector buffer";
		s->marks.assign(20, 3);
		name_of = node_or_string;
		s->headers[1] = "x";
		s->headers[2] = "y";
		name_of = by_name;
		fixed = "std::list node";
		s->queue.push_back(4);
	});
}

int main(int argc, char **argv)
{
	int rounds = argc > 2 ? atoi(argv[2]) : 60;
	FILE *truth;

	for (int i = 0; i < rounds; i++) {
		make_objects(i);
		make_containers(i);
	}
	truth = argc > 1 ? fopen(argv[1], "w") : stdout;
	if (!truth)
		return 1;
	for (size_t i = 0; i < nmade; i++)
		if (list_of[i].address && list_of[i].what)
			fprintf(truth, "0x%llx\t%s\n", (unsigned long long)~list_of[i].address,
			        list_of[i].what);
	fflush(truth);
	abort();
}
