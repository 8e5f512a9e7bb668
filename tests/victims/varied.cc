/*
 * varied: leaks 500 objects of a class, each with a text of its own, for each character on
 * standard input. Their chunks have one size in the first step; in later ones three have a little
 * more, as malloc does it that has larger ones at hand. It prints the number of the step.
 *
 * Beside that two queues of 1,000 equal elements each. In one 600 are taken off the front in each
 * step, one by one, and put at the end again, each in the place that became free; the other waits.
 */
#include <list>
#include <new>

#include <cstdio>
#include <cstdlib>
#include <unistd.h>

struct Session {
	virtual ~Session() { }
	long id;
	char *text;
	long state[14];
};

struct Job {
	long words[10]; /* in a block of 104 bytes */
};
struct Still {
	long words[12]; /* 120 */
};

static std::list<Job> jobs(1000);
static std::list<Still> still(1000);

int main()
{
	char line[16];
	long id = 0;

	for (int step = 1; read(0, line, 1) == 1; step++) {
		for (int i = 0; i < 500; i++) {
			size_t more = step > 1 && i < 3 ? 16 : 0;
			Session *s = new (malloc(sizeof(Session) + more)) Session;

			s->id = ++id;
			s->text = (char *)malloc(40);
			snprintf(s->text, 40, "session number %ld of them", id);
		}
		for (int i = 0; i < 600; i++) {
			jobs.pop_front();
			jobs.emplace_back();
		}
		dprintf(1, "%d\n", step);
	}
}
