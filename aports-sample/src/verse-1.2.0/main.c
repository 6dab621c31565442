/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "verse.h"

#include <stdio.h>
#include <string.h>

static int usage(FILE *out)
{
	fputs("usage: verse count LINE | verse rhyme LINE LINE | verse --version\n", out);
	return out == stdout ? 0 : 2;
}

int main(int argc, char **argv)
{
	if (argc == 3 && strcmp(argv[1], "count") == 0) {
		printf("%u\n", verse_syllables(argv[2]));
		return 0;
	}
	if (argc == 4 && strcmp(argv[1], "rhyme") == 0)
		return verse_rhymes(argv[2], argv[3]) ? 0 : 1;
	if (argc == 2 && strcmp(argv[1], "--version") == 0) {
		printf("verse %s\n", verse_version());
		return 0;
	}
	if (argc == 2 && strcmp(argv[1], "--help") == 0)
		return usage(stdout);
	return usage(stderr);
}
