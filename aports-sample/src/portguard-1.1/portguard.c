/* SPDX-License-Identifier: MIT */
/* portguard: says which user it runs for and as; meant to be installed setuid. */
#include <stdio.h>
#include <unistd.h>

int main(void)
{
	printf("for uid %ld as uid %ld\n", (long)getuid(), (long)geteuid());
	return 0;
}
