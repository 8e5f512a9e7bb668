/*
 * load: clients for sessiond. One session in `drop` hangs up in the middle of a PUT. At the end it
 * says how many did, holds three sessions open and idle, prints "ready" and waits to be killed.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define CLIENTS 6
#define IDLE    3
#define BODY    3000 /* bytes of the smallest value */

static struct sockaddr_un address = { .sun_family = AF_UNIX };
static int sessions, drop; /* per client */
static int dropped[CLIENTS];

static void must(int good, const char *what)
{
	if (!good) {
		perror(what);
		exit(1);
	}
}

static void say(int fd, const char *text, size_t size)
{
	while (size) {
		ssize_t n = write(fd, text, size);

		must(n > 0, "write");
		text += n;
		size -= (size_t)n;
	}
}

static void hear(int fd)
{
	char c = 0;

	while (c != '\n')
		must(read(fd, &c, 1) == 1, "read");
}

static int login(int client, int session)
{
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	char line[64];

	must(fd >= 0 && !connect(fd, (struct sockaddr *)&address, sizeof(address)), "connect");
	snprintf(line, sizeof(line), "LOGIN user-%d-%d\n", client, session);
	say(fd, line, strlen(line));
	hear(fd);
	return fd;
}

/* Stores one value; half of it where the client is to hang up. */
static void put(int fd, int client, int session, int hang_up)
{
	static const char bytes[BODY + 8 * 48] = "value";
	size_t size = BODY + (size_t)(session % 8) * 48;
	char line[64];

	snprintf(line, sizeof(line), "PUT session:%d:%010d %zu\n", client, session % 100, size);
	say(fd, line, strlen(line));
	say(fd, bytes, hang_up ? size / 2 : size);
	if (!hang_up)
		hear(fd);
}

static void *client(void *arg)
{
	int me = *(int *)arg, i, fd;

	for (i = 0; i < sessions; i++) {
		/* The last tenth goes well, so that no worker's stack still shows the last leak. */
		int hang_up = i % drop == 0 && i < sessions - sessions / 10;

		fd = login(me, i);
		put(fd, me, i, 0);
		put(fd, me, i + 1, hang_up);
		dropped[me] += hang_up;
		if (!hang_up) {
			say(fd, "GET session:0:0000000000\n", 25);
			hear(fd);
			say(fd, "QUIT\n", 5);
		}
		close(fd);
	}
	return NULL;
}

int main(int argc, char **argv)
{
	pthread_t thread[CLIENTS];
	int id[CLIENTS], i, sum = 0;

	if (argc != 4 || strlen(argv[1]) >= sizeof(address.sun_path) || atoi(argv[3]) < 1) {
		fprintf(stderr, "usage: load SOCKET SESSIONS DROP-ONE-IN\n");
		return 2;
	}
	strcpy(address.sun_path, argv[1]);
	sessions = atoi(argv[2]) / CLIENTS;
	drop = atoi(argv[3]);
	for (i = 0; i < CLIENTS; i++) {
		id[i] = i;
		pthread_create(&thread[i], NULL, client, &id[i]);
	}
	for (i = 0; i < CLIENTS; i++) {
		pthread_join(thread[i], NULL);
		sum += dropped[i];
	}
	for (i = 0; i < IDLE; i++)
		login(CLIENTS, i);
	printf("%d sessions, %d of them hung up in the middle of a PUT\n", sessions * CLIENTS, sum);
	puts("ready");
	fflush(stdout);
	pause();
	return 0;
}
