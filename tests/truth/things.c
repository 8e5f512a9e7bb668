/*
 * A C program that says what its blocks are: what the C library allocates, text, arrays of
 * pointers; and blocks that only look like those, declared as "?": nothing may be asserted of them.
 * The truth goes to the file named first. Addresses are kept inverted until then.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <locale.h>
#include <netdb.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <wchar.h>

static struct made {
	uint64_t address; /* inverted */
	const char *what;
} made[4096];
static size_t nmade;
static void *kept[8192];
static size_t nkept;

static void *is(void *p, const char *what)
{
	if (!p || nmade == sizeof(made) / sizeof(*made))
		abort();
	made[nmade++] = (struct made){ ~(uint64_t)(uintptr_t)p, what };
	kept[nkept++] = p;
	return p;
}

static void *blank(size_t bytes)
{
	return is(calloc(1, bytes), "?");
}

static void streams(void)
{
	for (int i = 0; i < 5; i++) {
		FILE *f = is(fopen("/proc/self/maps", "r"), "FILE");
		char line[256];

		if (fgets(line, sizeof(line), f))
			is(((void **)f)[7], "FILE buffer"); /* _IO_buf_base */
		DIR *d = is(opendir("/proc/self"), "DIR");
		if (i % 2)
			readdir(d);
	}
}

static void addresses(void)
{
	struct addrinfo hint = { .ai_flags = AI_NUMERICHOST | AI_PASSIVE }, *all;

	for (int i = 0; i < 3; i++) {
		if (getaddrinfo(i ? "127.0.0.1" : "::1", "80", &hint, &all))
			abort();
		for (; all; all = all->ai_next)
			is(all, "struct addrinfo");
	}
}

static char *words[64];

static void texts(void)
{
	char text[300];

	for (int i = 0; i < 64; i++) {
		snprintf(text, sizeof(text), "%s number %d, grown by %*d",
		         i % 2 ? "caf\303\251" : "text", i, i * 4, i);
		words[i] = is(strdup(text), "text");
	}
	for (int i = 0; i < 8; i++) {
		char **all = is(calloc(10 + (size_t)i, sizeof(*all)), "array of pointers to text");

		memcpy(all, words + i, (8 + (size_t)i) * sizeof(*all));
	}
	for (int i = 0; i < 8; i++) { /* to blocks of which nobody knows what they are */
		double **all = is(calloc(18 + (size_t)i, sizeof(*all)), "array of pointers");

		for (int k = 0; k < 16 + i; k++) {
			all[k] = blank(sizeof(**all) * (size_t)(4 + k % 3 * 2));
			for (int n = 0; n < 4 + k % 3 * 2; n++)
				all[k][n] = (i + 1) / 7.0 + n;
		}
	}
	for (int i = 0; i < 3; i++) {
		char **env = is(calloc(8, sizeof(*env)), "environment (NAME=value)");

		for (int k = 0; k < 6; k++) {
			snprintf(text, sizeof(text), "NAME_%d=value %d", k, i);
			env[k] = strdup(text);
		}
	}
	setenv("COREHEAP_TEST", "a value that has to be allocated", 1);
	is(environ, "environment (NAME=value)");
}

struct named { /* begins as text does */
	char name[24];
	long count;
	double share;
	struct named *next;
};
struct tagged {
	char tag[8];
	uint32_t a, b;
};

static void decoys(int i)
{
	struct named *n = blank(sizeof(*n));
	struct tagged *t = blank(sizeof(*t));
	double *d = blank(10 * sizeof(*d));
	time_t *when = blank(2 * sizeof(*when));
	uint32_t *small = blank(12 * sizeof(*small));
	unsigned char *bytes = blank(100);
	wchar_t *wide = blank(20 * sizeof(*wide));
	void **mixed = blank(8 * sizeof(*mixed));
	uint64_t *sizes = blank(6 * sizeof(*sizes));

	snprintf(n->name, sizeof(n->name), "session-%d", i);
	n->count = i;
	n->share = 0.5;
	memcpy(t->tag, "HEADER01", 8);
	t->a = 1, t->b = (uint32_t)i;
	for (int k = 0; k < 10; k++)
		d[k] = 1.0 / (k + 1);
	when[0] = 1700000000 + i, when[1] = 1650000000 + i * 7;
	for (uint32_t k = 0; k < 12; k++)
		small[k] = k * 1000003u + (uint32_t)i;
	for (int k = 0; k < 100; k++)
		bytes[k] = (unsigned char)(k * 37 + i);
	wcscpy(wide, L"wide text");
	mixed[0] = words[i % 64], mixed[1] = n, mixed[2] = t, mixed[3] = d, mixed[4] = words[3];
	mixed[5] = words[4], mixed[6] = words[5];
	sizes[0] = 4096, sizes[1] = 4096, sizes[2] = 100;
}

static void *thread(void *barrier)
{
	void **tp = __builtin_thread_pointer();

#if defined __x86_64__
	is((char *)tp[1] - 16, "dtv (a thread's table of TLS)");
#endif
	pthread_barrier_wait(barrier);
	for (;;)
		pause();
}

int main(int argc, char **argv)
{
	static pthread_barrier_t barrier;
	pthread_t id;
	FILE *truth = argc > 1 ? fopen(argv[1], "w") : stdout;

	if (!truth)
		return 1;
	setlocale(LC_ALL, "C.UTF-8");
	streams();
	addresses();
	texts();
	for (int i = 0; i < 40; i++)
		decoys(i);
	pthread_barrier_init(&barrier, NULL, 2);
	pthread_create(&id, NULL, thread, &barrier);
	pthread_barrier_wait(&barrier);
	for (size_t i = 0; i < nmade; i++)
		fprintf(truth, "0x%llx\t%s\n", (unsigned long long)~made[i].address, made[i].what);
	fflush(truth);
	abort();
}
