/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <verse.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifndef LOCALEDIR
#define LOCALEDIR "/usr/share/locale"
#endif

static char heading[128] = "syllables";

/* The heading in the user's language, from LOCALEDIR/<lang>/LC_MESSAGES/versify.msg if there is one. */
static void translate(void)
{
	const char *dir = getenv("VERSIFY_LOCALEDIR");
	const char *lang = getenv("LANG");
	char path[4096];
	FILE *in;

	if (lang == NULL || strlen(lang) < 2 || strchr(lang, '/') != NULL)
		return;
	snprintf(path, sizeof path, "%s/%.2s/LC_MESSAGES/versify.msg", dir != NULL ? dir : LOCALEDIR, lang);
	in = fopen(path, "r");
	if (in == NULL)
		return;
	if (fgets(heading, sizeof heading, in) != NULL)
		heading[strcspn(heading, "\n")] = '\0';
	fclose(in);
}

int main(int argc, char **argv)
{
	char line[4096], before[4096] = "";
	int rhymes = 0, at;

	for (at = 1; at < argc; at++) {
		if (strcmp(argv[at], "--rhymes") == 0) {
			rhymes = 1;
		} else if (strcmp(argv[at], "--version") == 0) {
			printf("versify %s (libverse %s)\n", VERSIFY_VERSION, verse_version());
			return 0;
		} else {
			fprintf(stderr, "usage: versify [--rhymes] [--version] <POEM\n");
			return 2;
		}
	}
	translate();
	puts(heading);
	while (fgets(line, sizeof line, stdin) != NULL) {
		line[strcspn(line, "\n")] = '\0';
		printf("%3u%s %s\n", verse_syllables(line), rhymes && verse_rhymes(before, line) ? "*" : " ", line);
		memcpy(before, line, sizeof before);
	}
	return 0;
}
