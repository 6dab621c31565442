/* SPDX-License-Identifier: GPL-3.0-or-later */
/* bookshelf-lookup: prints the lines of the index that start with a name. */
#include <stdio.h>
#include <string.h>

int main(int argc, char **argv)
{
	char line[4096];

	if (argc != 2) {
		fputs("usage: bookshelf-lookup NAME <INDEX\n", stderr);
		return 2;
	}
	while (fgets(line, sizeof line, stdin) != NULL)
		if (strncmp(line, argv[1], strlen(argv[1])) == 0)
			fputs(line, stdout);
	return 0;
}
