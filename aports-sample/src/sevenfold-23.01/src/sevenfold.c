/* SPDX-License-Identifier: GPL-3.0-or-later */
/* sevenfold: writes runs of the same byte as a count and the byte ("pack"), and back ("unpack"). */
#include <stdio.h>
#include <string.h>

static int pack(void)
{
	int byte = getchar();

	while (byte != EOF) {
		int run = 1, next;

		while ((next = getchar()) == byte && run < 255)
			run++;
		putchar(run);
		putchar(byte);
		byte = next;
	}
	return 0;
}

static int unpack(void)
{
	int run;

	while ((run = getchar()) != EOF) {
		int byte = getchar();

		if (byte == EOF)
			return 1;
		while (run-- > 0)
			putchar(byte);
	}
	return 0;
}

int main(int argc, char **argv)
{
	if (argc == 2 && strcmp(argv[1], "pack") == 0)
		return pack();
	if (argc == 2 && strcmp(argv[1], "unpack") == 0)
		return unpack();
	fputs("usage: sevenfold pack|unpack <IN >OUT\n", stderr);
	return 2;
}
