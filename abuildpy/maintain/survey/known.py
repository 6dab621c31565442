# SPDX-License-Identifier: GPL-3.0-or-later
# ruff: noqa: E501 (tables and patterns do not read better broken)
"""Which package has what a build asks for: a pkg-config module, a CMake package, a program, a Python project.

First the word of package indexes (``pc:`` and ``cmd:`` of what packages provide), then a list of names that no rule would
find, then rules of naming, believed where a tree of aports has such a package or where there is no tree to ask.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from abuildpy.repository.index import IndexEntry

if TYPE_CHECKING:
    from abuildpy.aports.database import Database
    from abuildpy.config import Config
    from abuildpy.ui.console import Console

LONGEST_NAME = 100
"""Nothing that a build asks for has a longer one."""
_REPOSITORIES = ("main", "community", "testing")

_MODULES = {
    "alsa": "alsa-lib-dev", "appstream-glib": "appstream-glib-dev", "atk": "at-spi2-core-dev", "atspi-2": "at-spi2-core-dev",
    "atk-bridge-2.0": "at-spi2-core-dev", "avahi-client": "avahi-dev", "blkid": "util-linux-dev", "mount": "util-linux-dev",
    "uuid": "util-linux-dev", "fdisk": "util-linux-dev", "cairo": "cairo-dev", "cairo-gobject": "cairo-dev",
    "check": "check-dev", "cmocka": "cmocka-dev", "dbus-1": "dbus-dev", "dbus-glib-1": "dbus-glib-dev", "egl": "mesa-dev",
    "gl": "mesa-dev", "glesv2": "mesa-dev", "gbm": "mesa-dev", "glx": "mesa-dev", "epoxy": "libepoxy-dev", "expat": "expat-dev",
    "ext2fs": "e2fsprogs-dev", "com_err": "e2fsprogs-dev", "freetype2": "freetype-dev", "fontconfig": "fontconfig-dev",
    "fuse": "fuse-dev", "fuse3": "fuse3-dev", "gcr-3": "gcr-dev", "gcr-4": "gcr4-dev", "gdk-pixbuf-2.0": "gdk-pixbuf-dev",
    "gio-2.0": "glib-dev", "gio-unix-2.0": "glib-dev", "glib-2.0": "glib-dev", "gmodule-2.0": "glib-dev",
    "gmodule-no-export-2.0": "glib-dev", "gmodule-export-2.0": "glib-dev", "gobject-2.0": "glib-dev",
    "gthread-2.0": "glib-dev", "glibmm-2.4": "glibmm-dev", "gtkmm-3.0": "gtkmm3-dev", "gtkmm-4.0": "gtkmm4-dev",
    "gobject-introspection-1.0": "gobject-introspection-dev", "gjs-1.0": "gjs-dev", "girepository-1.0": "gobject-introspection-dev",
    "gnome-desktop-3.0": "gnome-desktop-dev", "gnome-desktop-4": "gnome-desktop-dev", "goa-1.0": "gnome-online-accounts-dev",
    "gnutls": "gnutls-dev", "gpgme": "gpgme-dev", "graphene-1.0": "graphene-dev", "graphene-gobject-1.0": "graphene-dev",
    "gsettings-desktop-schemas": "gsettings-desktop-schemas-dev", "gstreamer-1.0": "gstreamer-dev",
    "gstreamer-base-1.0": "gstreamer-dev", "gstreamer-controller-1.0": "gstreamer-dev", "gstreamer-check-1.0": "gstreamer-dev",
    "gst-plugin-bad-1.0": "gst-plugins-bad-dev", "gtk+-2.0": "gtk+2.0-dev", "gtk+-3.0": "gtk+3.0-dev",
    "gtk+-unix-print-3.0": "gtk+3.0-dev", "gdk-3.0": "gtk+3.0-dev", "gdk-x11-3.0": "gtk+3.0-dev", "gail-3.0": "gtk+3.0-dev",
    "gtk+-wayland-3.0": "gtk+3.0-dev", "gtk+-x11-3.0": "gtk+3.0-dev", "gtk4": "gtk4.0-dev", "gtk4-wayland": "gtk4.0-dev", "gtk4-x11": "gtk4.0-dev",
    "gudev-1.0": "libgudev-dev", "harfbuzz": "harfbuzz-dev", "hidapi-hidraw": "hidapi-dev", "hidapi-libusb": "hidapi-dev",
    "icu-i18n": "icu-dev", "icu-io": "icu-dev", "icu-uc": "icu-dev", "jansson": "jansson-dev", "json-c": "json-c-dev",
    "json-glib-1.0": "json-glib-dev", "krb5": "krb5-dev", "krb5-gssapi": "krb5-dev", "lcms2": "lcms2-dev",
    "libadwaita-1": "libadwaita-dev", "libarchive": "libarchive-dev", "libavcodec": "ffmpeg-dev", "libavformat": "ffmpeg-dev",
    "libavutil": "ffmpeg-dev", "libavfilter": "ffmpeg-dev", "libavdevice": "ffmpeg-dev", "libswscale": "ffmpeg-dev",
    "libswresample": "ffmpeg-dev", "libbsd": "libbsd-dev", "libcap": "libcap-dev", "libcap-ng": "libcap-ng-dev",
    "libcrypto": "openssl-dev", "libssl": "openssl-dev", "openssl": "openssl-dev", "libcurl": "curl-dev", "libdrm": "libdrm-dev",
    "libelf": "elfutils-dev", "libdw": "elfutils-dev", "libevent": "libevent-dev", "libffi": "libffi-dev",
    "libgcrypt": "libgcrypt-dev", "libgtop-2.0": "libgtop-dev", "libhandy-1": "libhandy1-dev", "libjpeg": "libjpeg-turbo-dev",
    "libkmod": "kmod-dev", "liblzma": "xz-dev", "libmagic": "file-dev", "libmnl": "libmnl-dev", "libnl-3.0": "libnl3-dev",
    "libnl-genl-3.0": "libnl3-dev", "libnl-route-3.0": "libnl3-dev", "libnm": "networkmanager-dev", "libpsl": "libpsl-dev", "libnghttp2": "nghttp2-dev", "libcares": "c-ares-dev", "libbrotlidec": "brotli-dev", "libbrotlicommon": "brotli-dev", "apr-1": "apr-dev", "apr-util-1": "apr-util-dev", "libidn2": "libidn2-dev", "libnotify": "libnotify-dev",
    "libpcap": "libpcap-dev", "libpci": "pciutils-dev", "libpcre": "pcre-dev", "libpcre2-8": "pcre2-dev", "libpcre2-posix": "pcre2-dev",
    "libpng": "libpng-dev", "libpng16": "libpng-dev", "libproc2": "procps-dev", "libpq": "libpq-dev", "libpulse": "pulseaudio-dev",
    "libpulse-mainloop-glib": "pulseaudio-dev", "libpulse-simple": "pulseaudio-dev", "libraw1394": "libraw1394-dev",
    "librsvg-2.0": "librsvg-dev", "libsasl2": "cyrus-sasl-dev", "libseccomp": "libseccomp-dev", "libsecret-1": "libsecret-dev",
    "libsoup-2.4": "libsoup-dev", "libsoup-3.0": "libsoup3-dev", "libssh": "libssh-dev", "libssh2": "libssh2-dev",
    "libsystemd": "elogind-dev", "libelogind": "elogind-dev", "libudev": "eudev-dev", "udev": "eudev-dev", "libusb-1.0": "libusb-dev", "libusb": "libusb-compat-dev",
    "libva": "libva-dev", "libwacom": "libwacom-dev", "libxml-2.0": "libxml2-dev", "libxslt": "libxslt-dev", "libexslt": "libxslt-dev",
    "libzip": "libzip-dev", "libzmq": "zeromq-dev", "libzstd": "zstd-dev", "liblz4": "lz4-dev", "lua": "lua5.4-dev", "lua5.1": "lua5.1-dev", "lua5.3": "lua5.3-dev", "lua5.4": "lua5.4-dev", "lua-5.4": "lua5.4-dev", "lua-5.3": "lua5.3-dev", "lua-5.1": "lua5.1-dev", "luajit": "luajit-dev",
    "ncurses": "ncurses-dev", "ncursesw": "ncurses-dev", "tinfo": "ncurses-dev", "nettle": "nettle-dev", "hogweed": "nettle-dev", "nss": "nss-dev", "nspr": "nspr-dev", "ogg": "libogg-dev",
    "opus": "opus-dev", "pango": "pango-dev", "pangocairo": "pango-dev", "pangoft2": "pango-dev", "p11-kit-1": "p11-kit-dev",
    "pixman-1": "pixman-dev", "polkit-agent-1": "polkit-dev", "polkit-gobject-1": "polkit-dev", "popt": "popt-dev",
    "protobuf": "protobuf-dev", "pygobject-3.0": "py3-gobject3-dev", "python3": "python3-dev", "python-3": "python3-dev",
    "readline": "readline-dev", "samplerate": "libsamplerate-dev", "sdl2": "sdl2-dev", "sndfile": "libsndfile-dev", "sqlite3": "sqlite-dev", "libpipewire-0.3": "pipewire-dev",
    "tss2-esys": "tpm2-tss-dev", "vorbis": "libvorbis-dev", "vorbisfile": "libvorbis-dev", "vorbisenc": "libvorbis-dev", "flac": "flac-dev", "speex": "speex-dev", "theora": "libtheora-dev",
    "vte-2.91": "vte3-dev", "vte-2.91-gtk4": "vte3-dev", "vulkan": "vulkan-loader-dev", "wayland-client": "wayland-dev", "wayland-cursor": "wayland-dev", "wayland-server": "wayland-dev", "wayland-egl": "wayland-dev", "wayland-scanner": "wayland-dev",
    "wayland-protocols": "wayland-protocols", "webkit2gtk-4.0": "webkit2gtk-dev", "webkit2gtk-4.1": "webkit2gtk-4.1-dev", "webkitgtk-6.0": "webkit2gtk-6.0-dev",
    "x11": "libx11-dev", "x11-xcb": "libx11-dev", "xau": "libxau-dev", "xaw7": "libxaw-dev", "xcb": "libxcb-dev", "xcomposite": "libxcomposite-dev", "xcursor": "libxcursor-dev", "xdamage": "libxdamage-dev", "xext": "libxext-dev",
    "xfixes": "libxfixes-dev", "xft": "libxft-dev", "xi": "libxi-dev", "xinerama": "libxinerama-dev", "xkbcommon": "libxkbcommon-dev", "xkbcommon-x11": "libxkbcommon-dev", "xkbregistry": "libxkbcommon-dev", "xkbfile": "libxkbfile-dev", "xmu": "libxmu-dev", "xpm": "libxpm-dev",
    "xproto": "xorgproto", "xorg-macros": "util-macros", "xrandr": "libxrandr-dev", "xrender": "libxrender-dev", "xres": "libxres-dev", "xscrnsaver": "libxscrnsaver-dev", "xt": "libxt-dev", "xtst": "libxtst-dev", "xv": "libxv-dev", "xxf86vm": "libxxf86vm-dev", "ice": "libice-dev", "sm": "libsm-dev",
    "xcb-aux": "xcb-util-dev", "xcb-atom": "xcb-util-dev", "xcb-event": "xcb-util-dev", "xcb-util": "xcb-util-dev", "xcb-ewmh": "xcb-util-wm-dev", "xcb-icccm": "xcb-util-wm-dev", "xcb-keysyms": "xcb-util-keysyms-dev", "xcb-cursor": "xcb-util-cursor-dev", "xcb-image": "xcb-util-image-dev", "xcb-xrm": "xcb-util-xrm-dev", "xcb-renderutil": "xcb-util-renderutil-dev",
    "yaml-0.1": "yaml-dev", "zlib": "zlib-dev", "bzip2": "bzip2-dev", "gsl": "gsl-dev", "fftw3": "fftw-dev", "fftw3f": "fftw-dev", "eigen3": "eigen-dev", "jack": "jack-dev", "lilv-0": "lilv-dev", "lv2": "lv2-dev", "exiv2": "exiv2-dev", "taglib": "taglib-dev", "id3tag": "libid3tag-dev", "mad": "libmad-dev", "babl": "babl-dev", "gegl-0.4": "gegl-dev", "colord": "colord-dev",
    "packagekit-glib2": "packagekit-dev", "libpeas-1.0": "libpeas-dev", "libpeas-gtk-1.0": "libpeas-dev", "tracker-sparql-3.0": "tracker-dev", "gnome-autoar-0": "gnome-autoar-dev", "gnome-autoar-gtk-0": "gnome-autoar-dev", "vapigen": "vala", "gexiv2": "gexiv2-dev", "valgrind": "valgrind-dev", "bash-completion": "bash-completion", "systemd": "",
    "gtk-doc": "", "threads": "", "m": "", "dl": "", "rt": "", "pthread": "", "libpthread": "", "iconv": "", "intl": "", "c": "", "appleframeworks": "",
}  # fmt: skip
_PREFIXES = (
    (re.compile(r"gstreamer-(?:.*)-1\.0"), "gst-plugins-base-dev"),
    (re.compile(r"(?i)xcb-\w+"), "libxcb-dev"),
    (re.compile(r"(?!wayland)\w{2,}proto"), "xorgproto"),
    (re.compile(r"boost(?:_\w+)?"), "boost-dev"),
    (re.compile(r"(?i)Qt5(?:Core|Gui|Widgets|Network|Sql|Xml|Test|DBus|Concurrent|OpenGL|PrintSupport)?"), "qt5-qtbase-dev"),
    (re.compile(r"(?i)Qt6(?:Core|Gui|Widgets|Network|Sql|Xml|Test|DBus|Concurrent|OpenGL|PrintSupport)?"), "qt6-qtbase-dev"),
    (re.compile(r"Qt(\d)LinguistTools"), r"qt\1-qttools-dev"),
    (re.compile(r"Qt(\d)(?:UiTools|Help|UiPlugin|Designer)"), r"qt\1-qttools-dev"),
    (re.compile(r"Qt(\d)(?:Quick|Qml|QuickWidgets|QuickTest|QmlModels)"), r"qt\1-qtdeclarative-dev"),
    (re.compile(r"Qt(\d)(?:QuickControls2)"), r"qt\1-qtquickcontrols2-dev"),
    (re.compile(r"Qt(\d)(?:Multimedia\w*)"), r"qt\1-qtmultimedia-dev"),
    (re.compile(r"Qt(\d)(?:WaylandClient|WaylandCompositor)"), r"qt\1-qtwayland-dev"),
    (re.compile(r"Qt(\d)(?:WebEngine\w*)"), r"qt\1-qtwebengine-dev"),
    (re.compile(r"Qt(\d)Core5Compat"), r"qt\1-qt5compat-dev"),
)  # fmt: skip
_CMAKE = {
    "zlib": "zlib-dev", "openssl": "openssl-dev", "libxml2": "libxml2-dev", "curl": "curl-dev", "sdl2": "sdl2-dev", "gettext": "gettext-dev", "intl": "",
    "boost": "boost-dev", "bzip2": "bzip2-dev", "png": "libpng-dev", "jpeg": "libjpeg-turbo-dev", "tiff": "tiff-dev", "freetype": "freetype-dev", "libzmq": "zeromq-dev", "zeromq": "zeromq-dev",
    "x11": "libx11-dev", "opengl": "mesa-dev", "openal": "openal-soft-dev", "egl": "mesa-dev", "opengles2": "mesa-dev", "ecm": "extra-cmake-modules", "glut": "freeglut-dev", "glew": "glew-dev", "glfw3": "glfw-dev", "glm": "glm-dev",
    "qt4": "", "qt5": "qt5-qtbase-dev", "qt6": "qt6-qtbase-dev", "qt": "qt6-qtbase-dev", "qmlmodule": "", "liblzma": "xz-dev", "expat": "expat-dev", "eigen3": "eigen-dev", "gtest": "gtest-dev", "gmock": "gtest-dev", "googletest": "gtest-dev", "benchmark": "benchmark-dev", "catch2": "catch2-3",
    "sqlite3": "sqlite-dev", "sqlite": "sqlite-dev", "postgresql": "libpq-dev", "mysql": "mariadb-connector-c-dev", "ldap": "openldap-dev", "gssapi": "krb5-dev", "pcre": "pcre-dev", "libusb": "libusb-dev", "libusb1": "libusb-dev", "udev": "eudev-dev",
    "bison": "bison", "flex": "flex", "perl": "perl", "perllibs": "perl-dev", "ruby": "ruby-dev", "swig": "swig", "lua": "lua5.4-dev", "luajit": "luajit-dev", "curses": "ncurses-dev", "ncurses": "ncurses-dev", "readline": "readline-dev", "backtrace": "libexecinfo-dev",
    "asciidoctor": "asciidoctor", "scdoc": "scdoc", "doxygen": "doxygen", "sphinx": "py3-sphinx", "pandoc": "pandoc", "help2man": "help2man", "xsltproc": "libxslt", "icu": "icu-dev", "protobuf": "protobuf-dev", "grpc": "grpc-dev", "absl": "abseil-cpp-dev", "nlohmann_json": "nlohmann-json", "fmt": "fmt-dev", "spdlog": "spdlog-dev", "zstd": "zstd-dev", "lz4": "lz4-dev",
    "python3": "python3-dev", "python": "python3-dev", "pythonlibs": "python3-dev", "pythoninterp": "python3", "pybind11": "py3-pybind11-dev", "alsa": "alsa-lib-dev", "pulseaudio": "pulseaudio-dev", "jack": "jack-dev", "sndfile": "libsndfile-dev", "threads": "", "pkgconfig": "", "git": "", "openmp": "openmp-dev", "mpi": "openmpi-dev", "hdf5": "hdf5-dev", "blas": "openblas-dev", "lapack": "openblas-dev", "fftw": "fftw-dev", "fftw3": "fftw-dev", "gsl": "gsl-dev", "gmp": "gmp-dev", "mpfr": "mpfr-dev",
    "qgpgme": "gpgme-dev", "gpgme": "gpgme-dev", "gpgmepp": "gpgme-dev", "sharedmimeinfo": "shared-mime-info", "wayland": "wayland-dev", "waylandscanner": "wayland-dev", "waylandprotocols": "wayland-protocols", "qtwaylandscanner": "qt6-qtwayland-dev", "xcb": "libxcb-dev", "xkbcommon": "libxkbcommon-dev", "iconv": "", "unixodbc": "unixodbc-dev", "ladspa": "ladspa-dev", "cups": "cups-dev", "exiv2": "exiv2-dev", "taglib": "taglib-dev", "vlc": "vlc-dev", "yaml-cpp": "yaml-cpp-dev", "yamlcpp": "yaml-cpp-dev", "tinyxml2": "tinyxml2-dev", "jsoncpp": "jsoncpp-dev", "rapidjson": "rapidjson-dev", "libarchive": "libarchive-dev", "cereal": "cereal", "opencv": "opencv-dev", "gdal": "gdal-dev", "proj": "proj-dev", "geos": "geos-dev", "wxwidgets": "wxwidgets-dev", "libssh2": "libssh2-dev", "libssh": "libssh-dev", "libgit2": "libgit2-dev", "llvm": "llvm17-dev", "clang": "clang17-dev", "poppler": "poppler-qt5-dev", "imagemagick": "imagemagick-dev", "phonon4qt5": "phonon-dev", "qca-qt5": "qca-dev", "qca-qt6": "qca-dev",
    "java": "", "jni": "", "latex": "", "subversion": "", "ccache": "", "dl": "", "valgrind": "", "cppcheck": "", "gperf": "gperf", "gnuplot": "", "reuse": "", "packagehandlestandardargs": "",
}  # fmt: skip
_PYTHON = {
    "pyyaml": "py3-yaml", "pytz": "py3-tz", "pyparsing": "py3-parsing", "pyopenssl": "py3-openssl", "pyicu": "py3-icu", "pyusb": "py3-usb", "pyxdg": "py3-xdg", "pyasn1": "py3-asn1", "pyasn1-modules": "py3-asn1-modules", "pymongo": "py3-mongo",
    "pysnmp": "py3-snmp", "pyopengl": "py3-opengl", "flit": "py3-flit-core", "tap-py": "py3-tappy", "pbr": "py3-pbr", "beautifulsoup4": "py3-beautifulsoup4", "bs4": "py3-beautifulsoup4", "python-dateutil": "py3-dateutil",
    "pygobject": "py3-gobject3", "dbus-python": "py3-dbus", "pyqt5": "py3-qt5", "pyqt6": "py3-qt6", "setuptools-scm": "py3-setuptools_scm",
    "opencv-python": "py3-opencv", "protobuf": "py3-protobuf", "pyzmq": "py3-pyzmq", "pillow": "py3-pillow", "meson": "meson",
    "ninja": "samurai", "cmake": "cmake", "cython": "cython", "numpy": "py3-numpy", "oldest-supported-numpy": "py3-numpy-dev", "python-magic": "py3-magic",
    "lxml": "py3-lxml", "scikit-learn": "py3-scikit-learn", "psycopg2-binary": "py3-psycopg2", "typing-extensions": "py3-typing-extensions",
    "meson-python": "py3-meson-python", "pyside6": "py3-pyside6", "docker": "py3-docker-py", "python-gnupg": "py3-gnupg", "six": "py3-six", "mopidy": "mopidy", "sphinx": "py3-sphinx", "pylint": "py3-pylint", "ipython": "ipython", "black": "black",
    "notmuch2": "py3-notmuch2", "gpg": "py3-gpgme", "pycurl": "py3-curl", "pyinotify": "py3-inotify", "pyserial": "py3-pyserial", "setuptools": "py3-setuptools",
}  # fmt: skip


class KnownPackages:
    """``entries`` are those of package indexes; ``in_tree`` tells whether a tree of aports makes a package of a name (None:
    there is no tree).
    """

    def __init__(self, entries: Iterable[IndexEntry] = (), in_tree: Callable[[str], bool] | None = None) -> None:
        self._entries = tuple(entries)
        self._in_tree = in_tree

    def module(self, name: str) -> str | None:
        """The package of a pkg-config module; empty if what it needs is there anyway, None if it is not known."""
        if len(name) > LONGEST_NAME:
            return None
        return self._provided(f"pc:{name}") or self._named(name, _MODULES, _module_names(name))

    def is_module(self, name: str) -> bool:
        """Whether a word is certainly the name of a module that a package has."""
        return bool(_MODULES.get(name)) or self._provided(f"pc:{name}") is not None

    def cmake(self, name: str) -> str | None:
        """The package of what ``find_package`` of CMake looks for, as for :meth:`module`."""
        if len(name) > LONGEST_NAME:
            return None
        bare = re.sub(r"^KF[56]", "", name) if re.match(r"KF[56]\w", name) else name
        low = bare.lower()
        if name[:3] in ("KF5", "KF6"):
            return self._first_there(_framework_names(bare, name[2]))
        module = re.fullmatch(r"Qt([56])(\w+)", name)
        if module is not None and self._prefixed(name) is None:
            return self._first_there([f"qt{module[1]}-qt{module[2].lower()}-dev"])
        names = [*_module_names(low), *_module_names(re.sub(r"\d+$", "", low))]
        plasma = re.fullmatch(r"(?i)kpim[56]?(\w+)", name)
        if plasma is not None:
            names = [f"{plasma[1].lower()}-dev", f"k{plasma[1].lower()}-dev", *names]
        return self._named(low, _CMAKE, names) if self._prefixed(name) is None else self._prefixed(name)

    def program(self, name: str) -> str | None:
        """The package of a program, None if it is not known."""
        return self._provided(f"cmd:{name}") or self._first_there([name])

    def python(self, project: str) -> str:
        """The package of a Python project."""
        name = re.sub(r"[-_.]+", "-", project).lower()
        if name in _PYTHON:
            return _PYTHON[name]
        stem = name.removeprefix("python-")
        stems = (
            name,
            project.lower(),
            name.replace("-", "_"),
            name.replace("-", "."),
            stem,
            name.removesuffix("-python"),
        )
        candidates = [
            f"py3-{each}" for each in dict.fromkeys((*stems, re.sub(r"^(?:py-?|python3?-)(?=\w{2})", "", name)))
        ]
        candidates.append(name)  # a program
        return next((each for each in candidates if self.is_there(each)), f"py3-{name}")

    def is_there(self, package: str) -> bool:
        """Whether an index or the tree has a package of that name."""
        return package in self._names or (self._in_tree is not None and self._in_tree(package))

    @property
    def can_tell(self) -> bool:
        """Whether there is anything to ask at all."""
        return bool(self._entries) or self._in_tree is not None

    def _named(self, name: str, table: Mapping[str, str], candidates: Iterable[str]) -> str | None:
        if name in table:
            return table[name]
        prefixed = self._prefixed(name)
        return self._first_there(candidates) if prefixed is None else prefixed

    @staticmethod
    def _prefixed(name: str) -> str | None:
        return next((p.fullmatch(name).expand(to) for p, to in _PREFIXES if p.fullmatch(name)), None)  # type: ignore[union-attr]

    def _first_there(self, candidates: Iterable[str]) -> str | None:
        return next((each for each in candidates if self.is_there(each)), None)

    @cached_property
    def _names(self) -> frozenset[str]:
        return frozenset(entry.name for entry in self._entries)

    @cached_property
    def _providers(self) -> dict[str, str]:
        found: dict[str, str] = {}
        for entry in self._entries:
            for provided in entry.provides:
                found.setdefault(re.split(r"[=<>~]", str(provided), maxsplit=1)[0], entry.name)
        return found

    def _provided(self, what: str) -> str | None:
        return self._providers.get(what)


def _module_names(name: str) -> list[str]:
    """Names that a package with a module of that name may have, the likeliest first."""
    low = name.lower().replace("_", "-")
    bare = re.sub(r"[-.]?\d+(?:\.\d+)*$", "", low)
    barer = re.sub(r"\d+$", "", bare)
    return [f"{each}-dev" for each in _variants(low, bare, barer)]


def _variants(*names: str) -> Iterator[str]:
    seen: set[str] = set()
    for name in names:
        for each in (name, f"lib{name}", name.removeprefix("lib"), name.removesuffix("-glib"), name.partition("-")[0]):
            if each and each not in seen:
                seen.add(each)
                yield each


def _framework_names(name: str, major: str) -> list[str]:
    """Names that the package of a KDE framework may have: ``CoreAddons`` of version 5 is in kcoreaddons5-dev."""
    low = name.lower()
    dashed = re.sub(r"(?<=[a-z])(?=[A-Z])", "-", name).lower()
    suffixes = ("5", "") if major == "5" else ("", major)
    stems = dict.fromkeys(
        (low if low.startswith("k") else f"k{low}", low, dashed, f"{dashed}s", f"{low}s", f"lib{low}")
    )
    whole = [f"{stem}{suffix}-dev" for suffix in suffixes for stem in stems]
    # A part of one: NewStuffCore is in knewstuff, AkonadiCore in akonadi.
    part = dashed.rpartition("-")[0].replace("-", "")
    return whole + [f"{stem}{suffix}-dev" for suffix in suffixes for stem in (f"k{part}", part) if part]


def read_known(in_tree: Callable[[str], bool] | None, indexes: Iterable[Path]) -> KnownPackages:
    """Reads what indexes there are; those that cannot be read count as not there."""
    from abuildpy.errors import AbuildError
    from abuildpy.repository.index import read_index

    entries: list[IndexEntry] = []
    for path in indexes:
        try:
            entries.extend(read_index(path).entries)
        except (OSError, AbuildError):
            continue
    return KnownPackages(entries, in_tree)


class TreePackages:
    """Whether a tree of aports has a package; its recipes are read when somebody asks for the first time."""

    def __init__(self, tree: Path, config: Config, console: Console) -> None:
        self._tree, self._config, self._console = tree, config, console

    def __call__(self, package: str) -> bool:
        """Whether a recipe makes or provides it."""
        return self._database.knows(package)

    @cached_property
    def _database(self) -> Database:
        from abuildpy.aports.database import read_database
        from abuildpy.phases.evaluations import Evaluations
        from abuildpy.phases.settings import Settings

        self._console.msg(f"Reading the recipes of {self._tree}")
        folders = [str(self._tree / name) for name in _REPOSITORIES if any((self._tree / name).glob("*/APKBUILD"))]
        return read_database(folders, Evaluations(self._config, Settings(quiet=True), self._console).answers)


def tree_around(folder: Path) -> Path | None:
    """The tree of aports that a folder is in: the nearest above it with ``main`` and its recipes in it."""
    for place in (folder, *folder.parents):
        try:
            if any((place / name).is_dir() for name in _REPOSITORIES) and any(place.glob("main/*/APKBUILD")):
                return place
        except OSError:
            continue
    return None
