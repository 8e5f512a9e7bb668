/*
 * peak: runs a command and prints, as one line on standard error,
 *	WALL USER SYS HWM ANON FILE SHMEM STATUS
 * in seconds and KiB: the peak of the whole resident set as the kernel keeps it, and the highest
 * anonymous, file-backed and shared parts seen by looking at /proc/PID/status every millisecond
 * (with -w: wall and CPU times only, nothing is sampled, so that looking does not cost).
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static void keep_max(const char *text, const char *key, long *max)
{
	const char *at = strstr(text, key);
	long value = at ? atol(at + strlen(key)) : 0;

	if (value > *max)
		*max = value;
}

static void sample(pid_t pid, long *max)
{
	static const char *const key[] = { "\nRssAnon:", "\nRssFile:", "\nRssShmem:" };
	char path[64], text[4096];
	size_t n, i;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	f = fopen(path, "r");
	if (!f)
		return;
	n = fread(text, 1, sizeof(text) - 1, f);
	fclose(f);
	text[n] = 0;
	for (i = 0; i < 3; i++)
		keep_max(text, key[i], &max[i]);
}

int main(int argc, char **argv)
{
	const struct timespec pause = { 0, 1000000 };
	long max[3] = { 0, 0, 0 };
	int status, only_time = argc > 1 && !strcmp(argv[1], "-w");
	struct rusage usage;
	double start, end;
	pid_t pid;

	argv += 1 + only_time;
	if (!*argv) {
		fprintf(stderr, "usage: peak [-w] COMMAND [ARG...]\n");
		return 2;
	}
	start = now();
	pid = fork();
	if (pid < 0)
		return 1;
	if (pid == 0) {
		execvp(*argv, argv);
		perror(*argv);
		_exit(127);
	}
	while (wait4(pid, &status, only_time ? 0 : WNOHANG, &usage) == 0) {
		sample(pid, max);
		nanosleep(&pause, NULL);
	}
	end = now();
	fprintf(stderr, "%.3f %ld.%03ld %ld.%03ld %ld %ld %ld %ld %d\n", end - start,
	        usage.ru_utime.tv_sec, usage.ru_utime.tv_usec / 1000, usage.ru_stime.tv_sec,
	        usage.ru_stime.tv_usec / 1000, usage.ru_maxrss, max[0], max[1], max[2],
	        WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
	return 0;
}
