# SPDX-License-Identifier: GPL-3.0-or-later
# An image for building packages, in CI or by hand:
#   docker build -t abuildpy .
#   docker run --rm -it -v "$PWD:/home/builder/aports" abuildpy
# The build's walls need user namespaces; where the container has none, abuild falls back and says so
# (with Docker, --security-opt seccomp=unconfined gives them back; --privileged is not needed).

FROM alpine:3.22 AS build
RUN apk add --no-cache python3 py3-pip
COPY pyproject.toml README.md LICENSE /src/
COPY abuildpy /src/abuildpy
# --build-arg EXTRAS=,distributed makes one for batches on many machines (docs/machines.md).
ARG EXTRAS=
# "fast" is a compiled module with wheels for x86_64 and aarch64; other machines do without.
RUN python3 -m venv /opt/abuildpy \
	&& cd /src \
	&& { /opt/abuildpy/bin/pip install --no-cache-dir --only-binary deflate ".[fast$EXTRAS]" \
		|| /opt/abuildpy/bin/pip install --no-cache-dir ".${EXTRAS:+[${EXTRAS#,}]}"; } \
	&& /opt/abuildpy/bin/pip uninstall -qy pip

FROM alpine:3.22
RUN apk add --no-cache \
	build-base bubblewrap bzip2 ca-certificates doas fakeroot git libcap-getcap libcap-setcap lzip \
	patch pkgconf python3 unzip xz zstd
COPY --from=build /opt/abuildpy /opt/abuildpy
# /usr/local/bin is in the PATH of login shells too.
RUN cd /opt/abuildpy/bin \
	&& for program in abuild* abump ap apk* checkapk newapkbuild; do ln -s "$PWD/$program" /usr/local/bin/; done \
	&& addgroup -S abuild \
	&& adduser -D builder \
	&& addgroup builder abuild \
	&& mkdir -p /var/cache/distfiles /etc/doas.d \
	&& chgrp abuild /var/cache/distfiles \
	&& chmod 2775 /var/cache/distfiles \
	&& echo 'permit nopass :abuild' > /etc/doas.d/abuild.conf \
	&& git config --system --add safe.directory '*'
# abuild -r installs build dependencies, abuild-keygen -i a key.
ENV SUDO_APK="doas apk --no-interactive" SUDO=doas
USER builder
WORKDIR /home/builder
CMD ["/bin/sh"]
