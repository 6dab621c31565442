/* SPDX-License-Identifier: MIT */
/* portbind: exits with 0 if it may listen on a TCP port below 1024; meant to be installed with a capability. */
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	struct sockaddr_in address;
	int port = argc == 2 ? atoi(argv[1]) : 0;
	int wanted = socket(AF_INET, SOCK_STREAM, 0);

	if (port <= 0 || port > 65535) {
		fputs("usage: portbind PORT\n", stderr);
		return 2;
	}
	memset(&address, 0, sizeof address);
	address.sin_family = AF_INET;
	address.sin_port = htons((unsigned short)port);
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (wanted < 0 || bind(wanted, (struct sockaddr *)&address, sizeof address) != 0) {
		perror("portbind");
		return 1;
	}
	close(wanted);
	return 0;
}
