/* SPDX-License-Identifier: MIT */
/* tallyd: counts the words written to a FIFO and writes the counts to a file when it ends or gets SIGHUP. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAX_WORDS 1024

struct tally {
	char word[64];
	unsigned long count;
};

static struct tally table[MAX_WORDS];
static size_t used;
static volatile sig_atomic_t stop, dump;

static void on_signal(int number)
{
	if (number == SIGHUP)
		dump = 1;
	else
		stop = 1;
}

static void count(const char *word)
{
	size_t at;

	for (at = 0; at < used; at++) {
		if (strcmp(table[at].word, word) == 0) {
			table[at].count++;
			return;
		}
	}
	if (used < MAX_WORDS) {
		snprintf(table[used].word, sizeof table[used].word, "%s", word);
		table[used++].count = 1;
	}
}

static int save(const char *path)
{
	char temporary[4096];
	FILE *out;
	size_t at;

	snprintf(temporary, sizeof temporary, "%s.new", path);
	out = fopen(temporary, "w");
	if (out == NULL)
		return -1;
	for (at = 0; at < used; at++)
		fprintf(out, "%lu %s\n", table[at].count, table[at].word);
	if (fclose(out) != 0)
		return -1;
	return rename(temporary, path);
}

int main(int argc, char **argv)
{
	struct sigaction action = { .sa_handler = on_signal };
	char word[64];
	size_t length = 0;
	int fifo, once = argc == 4 && strcmp(argv[1], "--once") == 0;

	if (argc - once != 3) {
		fprintf(stderr, "usage: tallyd [--once] FIFO FILE\n");
		return 2;
	}
	argv += once;
	sigaction(SIGHUP, &action, NULL);
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	if (!once && mkfifo(argv[1], 0620) != 0 && errno != EEXIST) {
		perror(argv[1]);
		return 1;
	}
	fifo = open(argv[1], once ? O_RDONLY : O_RDWR);
	if (fifo < 0) {
		perror(argv[1]);
		return 1;
	}
	while (!stop) {
		char letter;
		ssize_t got = read(fifo, &letter, 1);

		if (dump) {
			dump = 0;
			save(argv[2]);
		}
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			break;
		if (letter == ' ' || letter == '\n' || letter == '\t') {
			word[length] = '\0';
			if (length > 0)
				count(word);
			length = 0;
		} else if (length + 1 < sizeof word) {
			word[length++] = letter;
		}
	}
	return save(argv[2]) == 0 ? 0 : 1;
}
