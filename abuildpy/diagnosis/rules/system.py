# SPDX-License-Identifier: GPL-3.0-or-later
"""What the system, the shell and small tools say: memory, disk, network, permissions, missing programs, patches, checksums.

Sources: errno(3) in the words of glibc and musl, the messages of BusyBox ash, bash and dash, coreutils and BusyBox, patch,
curl, wget, git.
"""

from __future__ import annotations

from abuildpy.diagnosis.rules.table import CAUSE, END, LIKELY, PATH, QUOTED, STOP, WEAK, rule

_SHELL = r"(?:\S*/)?(?:ash|sh|bash|dash|busybox|zsh|\S+\.sh|\S+): (?:eval: )?(?:line )?\d+: "
_TOOL = (
    r"(?:\S*/)?(?:cp|mv|install|ln|rm|mkdir|rmdir|cat|sed|grep|chmod|chown|touch|tar|find|gzip|gunzip|xz|"
    r"unzip|bsdtar|strip|diff|ls|head|tail|cut|sort|awk|gawk|mktemp|readlink|realpath|stat|dd|cmp|xargs|"
    r"setcap|zstd|bzip2|patchelf)"
)

RULES = (
    # disk
    rule("disk-full", CAUSE, "system", "no space left on device", r".*[Nn]o space left on device"),
    rule("disk-full", CAUSE, "system", "quota exceeded", r".*[Dd]isk quota exceeded"),
    rule("disk-full", CAUSE, "system", "enospc", r".*ENOSPC"),
    rule("file-too-large", CAUSE, "system", "file too large", r".*File too large"),
    rule("file-too-large", CAUSE, "system", "file size limit", r".*File size limit exceeded"),
    # memory
    rule("out-of-memory", CAUSE, "system", "heap out of memory", r".*JavaScript heap out of memory"),
    rule("out-of-memory", CAUSE, "system", "outofmemoryerror", r".*java\.lang\.OutOfMemoryError"),
    rule("out-of-memory", CAUSE, "system", "virtual memory exhausted", r".*virtual memory exhausted"),
    rule("out-of-memory", CAUSE, "system", "memory exhausted", r".*\bmemory exhausted"),
    rule("out-of-memory", CAUSE, "system", "bad_alloc", r".*std::bad_alloc"),
    rule(
        "out-of-memory",
        CAUSE,
        "system",
        "out of memory",
        r"(?:LLVM ERROR|.*fatal error|.*FATAL|.*[Ee]rror|runtime|\S+): [Oo]ut of memory",
    ),
    rule("out-of-memory", CAUSE, "system", "cannot allocate memory", r".*[Cc]annot allocate memory"),
    rule("out-of-memory", CAUSE, "system", "memory allocation of", r"memory allocation of \d+ bytes failed"),
    rule("out-of-memory", CAUSE, "system", "sigkill", r".*\(signal: 9, SIGKILL"),
    rule("out-of-memory", CAUSE, "system", "signal: killed", r".*signal: killed"),
    rule("out-of-memory", CAUSE, "system", "killed", r"(?:\S+: (?:line )?\d+: +\d+ )?Killed(?:\s{2,}.*| .*\|.*)?$"),
    # network
    rule(
        "network",
        CAUSE,
        "network",
        "could not resolve host",
        r"(?!\s*warning).*[Cc]ould not resolve host(?:name)?:? ?(?P<name>[\w.-]*)",
    ),
    rule("network", CAUSE, "network", "unable to resolve host", r".*unable to resolve host address (?P<name>\S*)"),
    rule("network", CAUSE, "network", "bad address", r"(?:wget|curl|\S*): bad address '(?P<name>[^']*)'"),
    rule(
        "network",
        CAUSE,
        "network",
        "temporary failure in name",
        r"(?!\s*WARNING).*Temporary failure in name resolution",
    ),
    rule("network", CAUSE, "network", "service not known", r"(?!\s*WARNING).*Name or service not known"),
    rule("network", CAUSE, "network", "name does not resolve", r"(?!\s*WARNING).*Name does not resolve"),
    rule("network", CAUSE, "network", "network is unreachable", r"(?!\s*WARNING).*Network (?:is )?unreachable"),
    rule("network", CAUSE, "network", "no such host", r".*no such host"),
    rule("network", CAUSE, "network", "failed to lookup address", r".*failed to lookup address information"),
    rule(
        "network", CAUSE, "network", "could not connect to server", r".*(?:curl: \(7\)|[Cc]ould not connect to server)"
    ),
    rule("network", CAUSE, "network", "unable to access", r"fatal: unable to access '(?P<name>[^']+)'"),
    rule(
        "network",
        CAUSE,
        "network",
        "failed to connect to",
        r"(?:curl|wget|fatal|git)\S*: .*[Ff]ailed to connect to (?P<name>\S+)",
    ),
    rule("network", CAUSE, "network", "spurious network error", r"(?!warning).*spurious network error"),
    rule("network", CAUSE, "network", "unable to update", r"error: Unable to update https?://"),
    rule("fetch-failed", CAUSE, "network", "curl: (", r"curl: \((?!0\))\d+\) "),
    rule("fetch-failed", CAUSE, "network", "server returned error", r"(?:\S*/)?wget: server returned error: "),
    rule("fetch-failed", CAUSE, "network", "error 4", r"(?:\d{4}-\S+ \S+ )?ERROR 4\d\d: "),
    # sums and patches
    rule(
        "checksum",
        CAUSE,
        "checksum",
        ": failed",
        r"(?P<name>\S[^:]*\.(?:tar|tgz|t[bx]z|zip|gz|xz|bz2|zst|patch|diff|crate|gem|jar|whl|bin|run|"
        r"deb)[^:]*): FAILED$",
    ),
    rule("missing-file", CAUSE, "checksum", "can't open", r"\S*sum: can't open '(?P<name>[^']+)'"),
    rule("missing-file", CAUSE, "checksum", "no such file", r"\S*sum: (?P<name>[^\s:]+): No such file"),
    rule("checksum", END, "checksum", "did not match", r"\S*sum: WARNING: \d+ .*did NOT match"),
    rule("checksum", CAUSE, "checksum", "checksum mismatch", r"(?!.*(?:tests?|checking)\b).*[Cc]hecksum mismatch"),
    rule("checksum", CAUSE, "checksum", "checksum for", r"error: .*the listed checksum of|error: checksum for"),
    rule("checksum", CAUSE, "checksum", "bad checksum", r".*[Bb]ad checksum"),
    rule("patch-rejected", CAUSE, "patch", "hunk", r"(?:\s*)Hunk #?(?P<name>\d+) FAILED"),
    rule(
        "patch-rejected",
        CAUSE,
        "patch",
        "hunk",
        r"\d+ out of \d+ hunks? (?:FAILED|ignored|failed)(?: -- saving rejects to (?:file )?(?P<file>\S+))?",
    ),
    rule("patch-rejected", CAUSE, "patch", "hunk", r"\d+ out of \d+ hunks? (?:FAILED|ignored|failed)"),
    rule("patch-rejected", CAUSE, "patch", "patch", r"Reversed \(or previously applied\) patch detected"),
    rule("patch-rejected", CAUSE, "patch", "can't find file to patch", r"[Cc]an't find file to patch"),
    rule("patch-rejected", CAUSE, "patch", "refusing to patch", r"File (?P<file>.+) is not a regular file -- refusing"),
    rule("patch-rejected", CAUSE, "patch", "no file to patch", r"No file to patch"),
    rule("patch-rejected", CAUSE, "patch", "patch: ****", r"patch: \*\*\*\* (?P<name>.*)"),
    rule("patch-rejected", CAUSE, "patch", "can't open", r"patch: can't open '?(?P<file>[^':]+)"),
    rule(
        "patch-rejected",
        CAUSE,
        "patch",
        "patch does not apply",
        r"error: (?:(?P<file>\S+): )?patch (?:does not apply|failed)",
    ),
    rule("patch-rejected", CAUSE, "patch", "patch failed", r"error: patch failed: (?P<file>[^:]+):(?P<line>\d+)"),
    rule("archive", CAUSE, "tar", "unexpected eof", r"\S*(?:tar|gzip|xz|zstd|unzip|bzip2): .*[Uu]nexpected EOF"),
    rule("archive", CAUSE, "tar", "does not look like", r"\S*tar: This does not look like"),
    rule("archive", CAUSE, "tar", "unexpected end of", r"(?:.*/)?(?:\S*tar|gzip|xz|zstd|bzip2): .*unexpected end of"),
    *(
        rule(
            "archive",
            CAUSE,
            "tar",
            needle,
            rf"(?i:(?:.*/)?(?:\w*tar|gzip|gunzip|zcat|xz|lzma|zstd|unzip|bzip2|bunzip2|lzip|cpio): .*{needle})",
        )
        for needle in (
            "invalid magic",
            "invalid zip magic",
            "short read",
            "format not recognized",
            "not in gzip format",
            "corrupted data",
            "crc error",
        )
    ),
    rule("archive", END, "tar", "error is not recoverable", r"\S*tar: Error is not recoverable"),
    rule("archive", END, "tar", "exiting with failure", r"\S*tar: Exiting with failure"),
    # crashes
    rule(
        "crash",
        CAUSE,
        "system",
        "segmentation fault",
        r"(?!.*(?:\*\*\*|internal compiler error|(?:tests?|testing|checking|"
        r"handler)\b.*[.?]{3})).*\bSegmentation fault(?:\s*\(core dumped\))?(?:\s{2,}.*|$)",
    ),
    rule(
        "crash",
        CAUSE,
        "system",
        "core dumped",
        r"(?!.*\*\*\*).*\b(?:Aborted|Bus error|Illegal instruction|Floating point exception|"
        r"Trace/breakpoint trap|Bad system call)\s*\(core dumped\)",
    ),
    rule(
        "crash",
        CAUSE,
        "system",
        "illegal instruction",
        r"(?:\S+: (?:line )?\d+: +\d+ )?Illegal instruction(?:\s{2,}.*)?$",
    ),
    rule("crash", CAUSE, "system", "bus error", r"(?:\S+: (?:line )?\d+: +\d+ )?Bus error(?:\s{2,}.*)?$"),
    rule("crash", CAUSE, "system", "aborted", r"(?:\S+: (?:line )?\d+: +\d+ )?Aborted(?:\s{2,}.*)?$"),
    rule("crash", CAUSE, "system", "sigsegv", r".*\(signal: 11, SIGSEGV"),
    rule(
        "crash",
        CAUSE,
        "sanitizer",
        "sanitizer: ",
        r"(?:=+\d+=+ ?)?ERROR: (?:Address|Leak|Thread|Memory)Sanitizer: (?P<name>\S+)",
    ),
    rule("crash", CAUSE, "sanitizer", "runtime error: ", r"(?P<file>[^\s:]+):(?P<line>\d+):\d+: runtime error: "),
    rule(
        "assertion",
        CAUSE,
        "system",
        "assertion",
        r"(?:\S+: )?(?P<file>[^\s:]+\.\w+):(?P<line>\d+): .*Assertion [`'‘].* failed",
    ),
    rule(
        "assertion",
        CAUSE,
        "system",
        "assertion failed",
        r"Assertion failed: .* \((?P<file>[^\s:]+): [^:]*: (?P<line>\d+)\)",
    ),
    # the loader, glibc's and musl's: a program cannot begin
    rule(
        "missing-library",
        LIKELY,
        "loader",
        "error while loading shared",
        r".*: error while loading shared libraries: (?:lib)?(?P<name>[^\s:]+?)(?:\.so[.\d]*)?: ",
    ),
    rule(
        "missing-library",
        LIKELY,
        "loader",
        "error loading shared",
        r"Error loading shared library (?:lib)?(?P<name>[^\s:]+?)(?:\.so[.\d]*)?: ",
    ),
    rule("undefined-reference", LIKELY, "loader", "error relocating", r"Error relocating [^:]+: (?P<name>\S+): symbol"),
    rule(
        "undefined-reference",
        LIKELY,
        "loader",
        "symbol lookup error",
        r".*: symbol lookup error: .*undefined symbol: (?P<name>[^\s,]+)",
    ),
    # programs that are not there
    rule(
        "missing-program",
        LIKELY,
        "shell",
        "not found",
        r"(?:\S+: )?(?:eval: |exec: )?(?:line )?\d+: (?P<name>[^\s:]+): not found$",
    ),
    rule(
        "missing-program",
        LIKELY,
        "shell",
        "not found",
        r"\s*(?:\S*/)?(?:ash|sh|bash|dash|zsh): (?:(?:line )?\d+: )?(?P<name>[^\s:]+): (?:command )?not found$",
    ),
    rule(
        "missing-program",
        LIKELY,
        "shell",
        "command not found",
        r"\S+: (?:line )?\d+: (?P<name>[^\s:]+): command not found$",
    ),
    rule("missing-program", LIKELY, "shell", "command not found", r"(?:zsh: command not found: )(?P<name>\S+)"),
    rule(
        "missing-program", LIKELY, "shell", "no such file", rf"(?:/usr/bin/)?env: {QUOTED}: No such file or directory"
    ),
    rule("missing-program", LIKELY, "shell", "can't execute", r"env: can't execute '(?P<name>[^']+)'"),
    rule(
        "missing-program",
        CAUSE,
        "go",
        "executable file not found",
        r'.*exec: "(?P<name>[^"]+)": executable file not found in \$PATH',
    ),
    rule("exec-format", LIKELY, "shell", "exec format error", r".*[Ee]xec format error"),
    rule("missing-program", LIKELY, "shell", "bad interpreter", r".*: (?P<name>/\S+): bad interpreter"),
    rule(
        "missing-program",
        LIKELY,
        "shell",
        "no such file",
        r"(?:(?:nice|time|timeout|xargs|nohup|setsid|fakeroot|sudo|doas|exec|xvfb-run|"
        r"dbus-run-session): )(?:failed to run command )?[‘']?(?P<name>[\w.+/-]+)['’]?: No such file",
    ),
    # the shell itself
    rule(
        "shell-syntax",
        STOP,
        "shell",
        "syntax error",
        r"(?!\S*configure: )(?P<file>\S+): (?:eval: )?(?:line )?(?P<line>\d+): (?:[Ss]yntax error|unexpected)",
    ),
    rule(
        "shell-syntax",
        STOP,
        "shell",
        "syntax error",
        r"(?:\S*/)?(?:ash|sh|bash|dash|zsh): (?:-c: )?(?:line )?(?:\d+: )?[Ss]yntax error",
    ),
    rule(
        "shell-error",
        LIKELY,
        "shell",
        "parameter not set",
        r"(?P<file>\S+): (?:line )?(?P<line>\d+): (?P<name>\w+): parameter not set",
    ),
    rule(
        "shell-error",
        LIKELY,
        "shell",
        "unbound variable",
        r"(?P<file>\S+): (?:line )?(?P<line>\d+): (?P<name>\w+): unbound variable",
    ),
    rule(
        "missing-file", LIKELY, "shell", "can't cd to", r"(?:\S+: )*(?:(?:line )?\d+: )?cd: can't cd to (?P<name>[^:]+)"
    ),
    rule("missing-file", LIKELY, "shell", "cd: ", r"\S+: (?:(?:line )?\d+: )?cd: (?P<name>[^:]+): (?:No such|Not a)"),
    rule("read-only", LIKELY, "system", "read-only file system", r".*[Rr]ead-only file system"),
    rule("permission", WEAK, "system", "permission denied", rf"{_TOOL}: .*[Pp]ermission denied"),
    rule(
        "permission",
        LIKELY,
        "shell",
        "permission denied",
        r"(?:\S+: )?(?:(?:line )?\d+: )?(?:can't create |cannot create )?(?P<name>[^\s:]+): [Pp]ermission denied$",
    ),
    rule("permission", LIKELY, "system", "permission denied", r".*[Pp]ermission denied"),
    rule("permission", WEAK, "system", "operation not permitted", r".*[Oo]peration not permitted"),
    rule(
        "missing-file",
        LIKELY,
        "shell",
        "no such file",
        r"(?P<file>\S+): (?:line )?(?P<line>\d+): (?:can't (?:open|create) |"
        r"cannot open )?(?P<name>[^\s:]+): (?:No such file or directory|nonexistent directory)",
    ),
    rule(
        "missing-file",
        LIKELY,
        "shell",
        "can't open",
        r"(?:\S*/)?(?:sh|ash|dash|bash): (?:\d+: )?(?:can't open|cannot open|0: can't open) '?(?P<name>[^':]+)'?",
    ),
    rule(
        "missing-file",
        WEAK,
        "tool",
        "no such file",
        rf"{_TOOL}: (?:cannot|can't|could not|failed)[^'‘\"]*(?P<q>['‘\"]?)(?P<name>[^'’\":]+)['’\"]?: No such file",
    ),
    rule("missing-file", WEAK, "tool", "no such file", rf"{_TOOL}: .*No such file"),
)

LAST = (
    # what is not there, in the words of many languages
    rule(
        "missing-library",
        CAUSE,
        "luarocks",
        "could not find",
        r"Error: Could not find (?:library|header) file for (?P<name>\S+)",
    ),
    rule("missing-module", CAUSE, "guile", "no code for module", r"(?:.*: )?no code for module \((?P<name>[^)]+)\)"),
    rule("missing-module", LIKELY, "tcl", "can't find package", r"can't find package (?P<name>\S+)"),
    rule("missing-module", CAUSE, "emacs", "cannot open load file", r".*Cannot open load file: [^,]+, (?P<name>\S+)"),
    rule("missing-module", CAUSE, "lisp", "not found", r'\s*Component "?:?(?P<name>[\w./+-]+)"? not found'),
    rule(
        "missing-module",
        CAUSE,
        "r",
        "not available for package",
        r"ERROR: dependenc(?:y|ies) ‘(?P<name>[^’]+)’.* not available for package",
    ),
    # how compilers of Borland's and Microsoft's kind tell a place
    rule(
        "compile-error",
        CAUSE,
        "cc",
        "fatal",
        rf"(?P<file>{PATH}?)\((?P<line>\d+)(?:,\s*\d+)?\)\s?:? (?:Fatal|fatal error)\b(?!.*\b(?:There were|aborted))",
    ),
    # things that say of themselves that they are errors, in no way that says more
    rule("error", WEAK, "tool", "cannot", rf"{_TOOL}: .*cannot "),
    rule("error", WEAK, "tool", "can't", rf"{_TOOL}: .*can't "),
    rule("error", LIKELY, "git", "fatal: ", r"fatal: "),
    rule("error", LIKELY, "ocaml", "error: ", r"(?:Error|Fatal [Ee]rror): "),
    rule("error", LIKELY, "ocaml", "error (", r"Error \([^)]*\): "),
    rule(
        "error",
        LIKELY,
        "any",
        "error: ",
        r"(?:error|ERROR|FATAL|Fatal|FATAL ERROR|fatal error): (?!\d+ (?:error|warning)|0\b)",
    ),
    rule(
        "error",
        LIKELY,
        "any",
        "error",
        r"(?:Internal |Runtime |Build )?(?:ERROR|Error):? (?!\d+\b|code\b|"
        r": 0)(?=[A-Z`'\"a-z])(?!.*\b(?:0 errors|no errors)\b)",
    ),
    rule("error", LIKELY, "any", "error: ", r"(?:\S*/)?[\w.+-]+: (?:fatal )?(?:error|ERROR|Error|FATAL): "),
    rule("error", WEAK, "any", "fatal: ", r"(?:\S*/)?[\w.+-]+: fatal: "),
    rule("error", WEAK, "any", "failed", r"(?:\S*/)?[\w.+-]+: .*\b(?:failed|Failed)\b"),
    rule("error", WEAK, "any", "unable to", r"(?:\S*/)?[\w.+-]+: .*[Uu]nable to "),
    rule("error", END, "any", "non-zero exit status", r".*returned non-zero exit status"),
)
