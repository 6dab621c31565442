/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef VERSE_H
#define VERSE_H

#ifdef __cplusplus
extern "C" {
#endif

/* How many syllables a line of English verse has, by its groups of vowels. */
unsigned verse_syllables(const char *line);

/* 1 when the last words of two lines end alike, else 0. */
int verse_rhymes(const char *one, const char *other);

/* The version of the library, as text. */
const char *verse_version(void);

#ifdef __cplusplus
}
#endif

#endif
