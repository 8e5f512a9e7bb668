/*
 * small: a program in C++ with some thirty places that ask for memory: classes of a hierarchy,
 * containers, strings, shared pointers, arrays. It loses part of what it has, and aborts.
 */
#include <cstdint>
#include <cstdlib>
#include <deque>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

static unsigned seed = 11;

static unsigned roll(unsigned n)
{
	seed = seed * 1103515245u + 12345u;
	return (seed >> 8) % n;
}

static std::string text(const char *what, unsigned width)
{
	std::string s = what;

	while (s.size() < width)
		s += static_cast<char>('a' + roll(26));
	return s;
}

class Shape
{
public:
	explicit Shape(int n) : layer(n)
	{
	}
	virtual ~Shape() = default;
	virtual double area() const = 0;
	int layer, colour = 0xff00ff;
};

class Circle : public Shape
{
public:
	explicit Circle(double r) : Shape(1), radius(r)
	{
	}
	double area() const override
	{
		return 3.14159 * radius * radius;
	}
	double radius;
};

class Square : public Shape
{
public:
	explicit Square(double s) : Shape(2), side(s)
	{
	}
	double area() const override
	{
		return side * side;
	}
	double side;
};

class Group : public Shape
{
public:
	Group() : Shape(3)
	{
	}
	double area() const override
	{
		double sum = 0;

		for (const Shape *s : members)
			sum += s->area();
		return sum;
	}
	std::vector<Shape *> members;
};

struct Point {
	double x, y;
};

struct Edge {
	Point *from, *to;
	float weight;
	bool seen;
};

struct User {
	std::string name, mail;
	unsigned id;
	std::unique_ptr<Point> home;
};

struct Session {
	std::shared_ptr<User> user;
	std::map<std::string, int> counts;
	std::function<void(int)> done;
};

struct Node {
	Node *left = nullptr, *right = nullptr;
	int key;
	explicit Node(int k) : key(k)
	{
	}
};

struct Packet {
	uint16_t type = 7, length;
	uint32_t sequence;
	uint8_t *body;
};

struct Task {
	virtual ~Task() = default;
	virtual void run() = 0;
};

struct Print : Task {
	void run() override
	{
	}
	const char *what = "print";
};

struct Save : Task {
	void run() override
	{
	}
	std::string path;
};

static std::vector<Shape *> shapes;
static std::vector<Edge *> edges;
static std::vector<Point *> points;
static std::map<unsigned, std::shared_ptr<User>> users;
static std::unordered_map<std::string, unsigned> names;
static std::vector<std::unique_ptr<Session>> sessions;
static std::list<Packet *> packets;
static std::deque<std::unique_ptr<Task>> tasks;
static std::set<std::string> words;
static Node *top;
static int **grids[40];
static long total;

static Shape *make_shape()
{
	switch (roll(3)) {
	case 0:
		return new Circle(roll(100) * 0.5);
	case 1:
		return new Square(roll(100) * 0.25);
	default:
		break;
	}
	Group *g = new Group;
	for (unsigned i = 0; i < 2 + roll(4); i++)
		g->members.push_back(new Circle(1));
	return g;
}

static void add_edge()
{
	Point *a = new Point{ roll(9) * 1.0, roll(9) * 2.0 };
	Point *b = new Point{ roll(9) * 3.0, 1 };
	Edge *e = new Edge;

	e->from = a;
	e->to = b;
	e->weight = 0.5f;
	e->seen = false;
	edges.push_back(e);
	points.push_back(a);
}

static void add_user(unsigned id)
{
	auto u = std::make_shared<User>();

	u->name = text("user ", 12 + roll(30));
	u->mail = text("someone@", 20 + roll(20));
	u->id = id;
	if (roll(2))
		u->home = std::make_unique<Point>(Point{ 1, 2 });
	users[id] = u;
	names[u->name] = id;
	if (roll(2)) {
		auto s = std::make_unique<Session>();
		unsigned n = id, m = roll(7), k = roll(9);

		s->user = u;
		s->counts[text("hits of a certain kind ", 30)] = 1;
		s->counts["misses"] = 2;
		s->done = [n, m, k, u](int x) { total += x + n + m + k + u->id; };
		sessions.push_back(std::move(s));
	}
}

static void insert(int key)
{
	Node **at = &top;

	while (*at)
		at = key < (*at)->key ? &(*at)->left : &(*at)->right;
	*at = new Node(key);
}

static void send(uint32_t sequence)
{
	Packet *p = new Packet;

	p->length = static_cast<uint16_t>(20 + roll(200));
	p->sequence = sequence;
	p->body = new uint8_t[p->length];
	for (unsigned i = 0; i < p->length; i++)
		p->body[i] = static_cast<uint8_t>(roll(256));
	packets.push_back(p);
}

static void add_task()
{
	if (roll(2)) {
		tasks.push_back(std::make_unique<Print>());
	} else {
		auto s = std::make_unique<Save>();

		s->path = text("/some/where/on/the/disk/", 40);
		tasks.push_back(std::move(s));
	}
}

static int **make_grid(unsigned rows, unsigned columns)
{
	int **grid = new int *[rows];

	for (unsigned i = 0; i < rows; i++)
		grid[i] = new int[columns]();
	return grid;
}

static void lose()
{
	for (size_t i = 0; i < edges.size(); i += 3)
		edges[i] = nullptr;
	for (size_t i = 0; i < shapes.size(); i += 4)
		shapes[i] = nullptr;
	top->left = nullptr;
}

int main()
{
	for (int i = 0; i < 300; i++)
		shapes.push_back(make_shape());
	for (int i = 0; i < 250; i++)
		add_edge();
	for (unsigned i = 0; i < 150; i++)
		add_user(i);
	for (int i = 0; i < 400; i++)
		insert(static_cast<int>(roll(1u << 20)));
	for (uint32_t i = 0; i < 150; i++)
		send(i);
	for (int i = 0; i < 120; i++)
		add_task();
	for (int i = 0; i < 200; i++)
		words.insert(text("w", 18 + roll(10)));
	for (int i = 0; i < 40; i++)
		grids[i] = make_grid(2 + roll(5), 2 + roll(9));
	lose();
	abort();
}
