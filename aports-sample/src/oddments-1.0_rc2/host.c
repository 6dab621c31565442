/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>

extern int oddments_answer(void);

int main(void)
{
	printf("%d\n", oddments_answer());
	return 0;
}
