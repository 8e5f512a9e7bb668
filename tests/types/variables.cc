// variables: as variables.c, of what C++ adds.
#include <cstdio>
#include <cstdlib>

namespace app {
struct node {
	node *next;
	int value;
};
struct base {
	node *from_base;
	virtual ~base() {}
};
struct second {
	node *from_second;
};
class derived : public base, public second {
public:
	node *own;
	static node *shared;
	struct inner {
		node *deep;
	} in;
};
node *derived::shared;
namespace {
derived object;
}
template <class T> struct box {
	static T *only;
};
template <class T> T *box<T>::only;
namespace nested {
node *plain;
}
// Rust's debug information has no lines of types, but types of one name in several scopes.
# 0 "no-lines"
namespace inner { struct map { node *first; }; }
# 0 "no-lines"
namespace outer { struct map { inner::map base; }; }
# 1 "variables.cc"
outer::map map;
} // namespace app

static thread_local app::node *local;

#define SAY(what, name) std::printf("%p %s\n", (void *)&(what), name)

int main()
{
	using namespace app;

	object.own = new node();
	local = object.own;
	box<node>::only = object.own;
	nested::plain = object.own;
	map.base.first = object.own;
	derived::shared = object.own;
	SAY(object, "app::(anonymous namespace)::object._vptr");
	SAY(object.from_base, "app::(anonymous namespace)::object.from_base");
	SAY(object.from_second, "app::(anonymous namespace)::object.from_second");
	SAY(object.own, "app::(anonymous namespace)::object.own");
	SAY(object.in.deep, "app::(anonymous namespace)::object.in.deep");
	SAY(derived::shared, "app::derived::shared");
	SAY(box<node>::only, "app::box<app::node>::only");
	SAY(nested::plain, "app::nested::plain");
	SAY(map.base.first, "app::map.base.first");
	SAY(local, "local");
	std::fflush(stdout);
	std::abort();
}
