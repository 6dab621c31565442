/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "verse.h"

#include <ctype.h>
#include <string.h>

#ifndef VERSE_VERSION
#define VERSE_VERSION "unknown"
#endif

static int is_vowel(int letter)
{
	letter = tolower(letter);
	return letter != 0 && strchr("aeiouy", letter) != NULL;
}

unsigned verse_syllables(const char *line)
{
	unsigned count = 0;
	int inside = 0;

	for (; *line != '\0'; line++) {
		int vowel = is_vowel((unsigned char)*line);

		if (vowel && !inside)
			count++;
		inside = vowel;
	}
	return count;
}

/* The part of a line from the last vowel group of its last word on. */
static const char *tail(const char *line, size_t *length)
{
	const char *end = line + strlen(line);
	const char *start;

	while (end > line && !isalpha((unsigned char)end[-1]))
		end--;
	start = end;
	while (start > line && isalpha((unsigned char)start[-1]) && !is_vowel((unsigned char)start[-1]))
		start--;
	while (start > line && is_vowel((unsigned char)start[-1]))
		start--;
	*length = (size_t)(end - start);
	return start;
}

int verse_rhymes(const char *one, const char *other)
{
	size_t first, second, at;
	const char *left = tail(one, &first);
	const char *right = tail(other, &second);

	if (first == 0 || first != second)
		return 0;
	for (at = 0; at < first; at++)
		if (tolower((unsigned char)left[at]) != tolower((unsigned char)right[at]))
			return 0;
	return 1;
}

const char *verse_version(void)
{
	return VERSE_VERSION;
}
