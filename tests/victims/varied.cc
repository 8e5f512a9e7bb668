/*
 * varied: leaks 500 objects of a class, each with a text of its own, for each character on
 * standard input. Their chunks have one size in the first step; in later ones three have a little
 * more, as malloc does it that has larger ones at hand. It prints the number of the step.
 */
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
		dprintf(1, "%d\n", step);
	}
}
