# SPDX-License-Identifier: GPL-3.0-or-later
"""Languages whose tools speak in ways of their own: Rust, Go, Python, Node, Java, Perl, Ruby, OCaml, Haskell and others."""

from __future__ import annotations

from abuildpy.diagnosis.rules.table import CAUSE, END, LIKELY, PATH, QUOTED, WEAK, rule

_NPM = r"(?:npm|yarn|pnpm)(?: ERR!| error|:)"
_PERL_PLACE = r".* at (?P<file>\S+) line (?P<line>\d+)"
_RUBY_PLACE = r"(?:\S*ruby\S*: )?(?P<file>[^\s:]+|<internal:[^>]*>):(?P<line>\d+):in "

RULES = (
    # Rust and cargo
    rule("rust-error", END, "rust", "could not compile", r"error: (?:could not compile|build failed|aborting due to)"),
    rule("rust-error", END, "rust", "error: aborting", r"error: aborting due to"),
    rule("rust-error", END, "rust", "build failed", r"error: build failed"),
    rule("test-failed", END, "cargo-test", "test failed, to rerun", r"error: (?:doc)?test failed, to rerun"),
    rule("test-failed", END, "cargo-test", "target failed", r"error: \d+ targets? failed:"),
    rule("rust-error", END, "rust", "exit successfully", r"\s*(?:error: )?process didn't exit successfully"),
    rule(
        "rust-build-script",
        LIKELY,
        "rust",
        "error: failed to",
        rf"error: failed to run custom build command for {QUOTED}",
    ),
    rule("link-error", LIKELY, "rust", "error: linking", r"error: linking with "),
    rule("missing-program", CAUSE, "rust", "error: linker", r"error: linker `(?P<name>[^`]+)` not found"),
    rule(
        "missing-crate", CAUSE, "rust", "error: no matching", rf"error: no matching package (?:named )?{QUOTED} found"
    ),
    rule("missing-crate", CAUSE, "rust", "can't find crate", rf"error(?:\[E0463\])?: can't find crate for {QUOTED}"),
    rule("lock-file", CAUSE, "rust", "error: the lock", r"error: the lock file .* needs to be updated"),
    rule("lock-file", CAUSE, "rust", "error: cannot update", r"error: cannot update the lock file"),
    rule("old-compiler", CAUSE, "rust", "requires rustc", rf"error: (?:package )?{QUOTED}.* requires rustc"),
    rule("old-compiler", CAUSE, "rust", "error: rustc", r"error: rustc [\d.]+\S* is not supported by"),
    rule("rust-error", CAUSE, "rust", "error[e", r"error\[E\d{4}\]: "),
    rule(
        "cargo-error",
        CAUSE,
        "rust",
        "error: failed to",
        r"error: failed to (?:get|load|parse|select|download|fetch|resolve|read|compile|verify|sync|update)",
    ),
    rule(
        "rust-panic",
        CAUSE,
        "rust",
        "panicked at",
        r"\s*thread '(?P<name>[^']*)'(?: \(\d+\))? panicked at (?:'.*', )?(?P<file>[^\s:']+\.rs):(?P<line>\d+)",
    ),
    rule("rust-panic", CAUSE, "rust", "panicked at", r"\s*thread '.*' (?:\(\d+\) )?panicked at "),
    # Go
    rule(
        "missing-go-package",
        CAUSE,
        "go",
        "no required module provides",
        rf"(?P<file>{PATH}\.go):(?P<line>\d+):\d+: no required module provides package (?P<name>[^\s;]+)",
    ),
    rule(
        "missing-go-package",
        CAUSE,
        "go",
        "is not in ",
        rf"(?:(?P<file>{PATH}\.go):(?P<line>\d+):\d+: )?package (?P<name>\S+) is not in (?:GOROOT|std)",
    ),
    rule(
        "missing-go-package",
        CAUSE,
        "go",
        "cannot find package",
        rf"(?:(?P<file>{PATH}\.go):(?P<line>\d+):\d+: )?cannot find package {QUOTED}(?:\s|$|\.)",
    ),
    rule("network", CAUSE, "go", "dial tcp", r".*dial tcp"),
    rule("go-error", CAUSE, "go", ".go:", r"(?:vet: )?(?P<file>[^\s:]+\.go):(?P<line>\d+):\d+: (?!note|warning|info)"),
    rule("go-error", END, "go", "build constraints exclude", r"package \S+: build constraints exclude all Go files"),
    rule(
        "go-error",
        CAUSE,
        "go",
        "go: ",
        r"go: (?!downloading|finding|extracting|found|added|upgraded|warning|creating|to add|downgraded|"
        r"removed|trying)",
    ),
    rule("go-panic", CAUSE, "go", "panic: ", r"panic: "),
    rule("go-panic", CAUSE, "go", "fatal error: ", r"fatal error: (?!.*returned)"),
    # Python
    rule(
        "traceback",
        CAUSE,
        "python",
        "traceback (most",
        r"(?P<name>\s*(?:[|+] ?\s*)*)(?:Exception Group )?Traceback \(most recent call last\)",
    ),
    rule("python-syntax", CAUSE, "python", "error: ", r"\s*(?:Sorry: )?(?:SyntaxError|IndentationError|TabError): "),
    rule(
        "missing-python-module",
        CAUSE,
        "python",
        "no module named",
        r"\s*(?:\S*python[\d.]*: )(?:Error while finding module specification.*)?No module named (?P<name>\S+)",
    ),
    rule("python-requirement", CAUSE, "python", "missing dependencies", r"(?:ERROR )?Missing dependencies:"),
    rule(
        "python-requirement",
        CAUSE,
        "python",
        "could not find a version",
        r"\s*ERROR: Could not find a version that satisfies the requirement (?P<name>\S+)",
    ),
    rule(
        "python-requirement",
        END,
        "python",
        "no matching distribution",
        r"\s*ERROR: No matching distribution found for (?P<name>\S+)",
    ),
    rule(
        "python-error",
        END,
        "python",
        "subprocess-exited-with-error",
        r"\s*(?:error|ERROR): subprocess-exited-with-error",
    ),
    rule("python-error", END, "python", "failed building", r"\s*(?:error|ERROR):\s*Failed (?:building|to build)"),
    rule(
        "python-error",
        END,
        "python",
        "failed",
        r"\s*(?:error|ERROR):? ?:?\s*(?:metadata-generation-failed|Could not build wheels|Failed to build)",
    ),
    rule("python-error", END, "python", "error ", r"ERROR (?:Backend )?(?:subprocess|subproccess) exited"),
    rule(
        "python-error", END, "python", "failed with exit", r"\s*error: [Cc]ommand .* failed with exit (?:code|status)"
    ),
    rule(
        "python-error",
        END,
        "python",
        "note: this error originates",
        r"\s*note: This error originates from a subprocess",
    ),
    rule(
        "sphinx-error", CAUSE, "python", "error", r"(?:Sphinx|Extension|Theme|Application|Configuration) error(?::|!)"
    ),
    rule("sphinx-error", CAUSE, "python", "could not import extension", r".*Could not import extension (?P<name>\S+)"),
    # Node
    rule(
        "missing-node-module",
        CAUSE,
        "node",
        "cannot find module",
        rf"(?:\S*Error(?: \[\w+\])?: |.*?: )?(?:Error: )?Cannot find module {QUOTED}",
    ),
    rule("missing-node-module", CAUSE, "node", "cannot find package", rf".*Cannot find package {QUOTED} imported"),
    rule(
        "missing-node-module",
        CAUSE,
        "node",
        "module not found",
        r"Module not found: (?:Error: )?.*resolve '(?P<name>[^']+)'",
    ),
    rule(
        "missing-node-module",
        CAUSE,
        "node",
        "could not resolve",
        r".*(?:\[ERROR\]|failed to resolve|RollupError:).* \"(?P<name>[^\"]+)\"",
    ),
    rule(
        "missing-node-module",
        CAUSE,
        "node",
        "failed to resolve import",
        r".*failed to resolve import \"(?P<name>[^\"]+)\"",
    ),
    rule(
        "network",
        CAUSE,
        "node",
        "npm e",
        rf"{_NPM} (?!code |errno |syscall ).*(?:ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ENETUNREACH|getaddrinfo|ETIMEDOUT)",
    ),
    rule("network", CAUSE, "node", "couldn't connect", r"error .*couldn't connect to the registry"),
    rule("network", CAUSE, "node", "getaddrinfo", r".*(?:getaddrinfo|request to \S+ failed).*(?:ENOTFOUND|EAI_AGAIN)"),
    rule("network", CAUSE, "node", "getaddrinfo", r".*getaddrinfo.*EAI_AGAIN"),
    rule("missing-node-script", CAUSE, "node", "missing script", rf"{_NPM} Missing script: {QUOTED}$"),
    rule(
        "node-error",
        END,
        "node",
        "npm e",
        rf"{_NPM} (?:A complete log|Lifecycle script|command |path |cwd|code |syscall |errno |workspace|"
        rf"location|in workspace|at )",
    ),
    rule("node-error", LIKELY, "node", "npm e", rf"{_NPM} (?:ERR_|[Ee]rror)"),
    rule("node-error", WEAK, "node", "npm e", rf"{_NPM} "),
    rule(
        "node-error", END, "node", "command failed", r"error Command failed with exit code|.*ELIFECYCLE.*Command failed"
    ),
    rule("node-error", CAUSE, "node", "error in ", r"ERROR in (?P<file>\./\S+)(?: (?P<line>\d+):\d+)?"),
    rule(
        "node-error",
        CAUSE,
        "node",
        "error",
        r"(?:Uncaught )?(?:Syntax|Type|Reference|Range|URI|Eval|Aggregate|Assertion|Rollup)Error(?: \[\w+\])?: ",
    ),
    rule("node-error", CAUSE, "node", "[error]", r"(?:✘|X) \[ERROR\] "),
    # Java, Kotlin, Scala, Groovy
    rule(
        "java-error",
        CAUSE,
        "java",
        "[error]",
        r"\[ERROR\] (?:COMPILATION ERROR : )?(?P<file>/?\S+\.(?:java|kt|scala|groovy)):\[(?P<line>\d+),\d+\] ",
    ),
    rule(
        "java-error",
        END,
        "java",
        "[error]",
        r"\[ERROR\] (?:COMPILATION ERROR|BUILD ERROR|Re-run|To see|For more|After correcting|\s*$|-> \[Help|"
        r"Help \d|\[Help)",
    ),
    rule(
        "network",
        CAUSE,
        "java",
        "[error]",
        r"\[ERROR\] .*(?:Unknown host|Could not transfer artifact|Temporary failure in name|in offline mode)",
    ),
    rule("java-error", LIKELY, "java", "[error]", r"\[ERROR\] (?!Failed to execute goal|Tests run:|Failures:|Errors:)"),
    rule("java-error", LIKELY, "java", "failed to execute goal", r"\[ERROR\] Failed to execute goal"),
    rule("scala-error", CAUSE, "java", "[error]", r"\[error\] (?P<file>\S+\.(?:scala|java)):(?P<line>\d+)(?::\d+)?: "),
    rule("kotlin-error", CAUSE, "java", ".kt", r"e: (?:file://)?(?P<file>\S+\.kts?):(?:\s*\()?(?P<line>\d+)"),
    rule("gradle-error", END, "java", "build failed with an exception", r"FAILURE: Build failed"),
    rule("gradle-error", LIKELY, "java", "what went wrong", r"\* What went wrong:"),
    rule("java-exception", CAUSE, "java", "exception in thread", r"Exception in thread \"[^\"]*\" "),
    rule("java-error", END, "java", "build failed", r"BUILD FAILED|\[INFO\] BUILD FAILURE"),
    # Perl
    rule(
        "missing-perl-module",
        CAUSE,
        "perl",
        "can't locate",
        r"(?:.*: )?Can't locate (?P<name>\S+\.pm) in @INC.*? at (?P<file>\S+) line (?P<line>\d+)",
    ),
    rule("missing-perl-module", CAUSE, "perl", "can't locate", r"(?:.*: )?Can't locate (?P<name>\S+\.pm) in @INC"),
    rule("missing-perl-module", CAUSE, "perl", "base class package", rf"Base class package {QUOTED} is empty"),
    rule("perl-error", CAUSE, "perl", "syntax error at", r"syntax error at (?P<file>\S+) line (?P<line>\d+)"),
    rule(
        "perl-error",
        CAUSE,
        "perl",
        "explicit package name",
        r"Global symbol \"[^\"]+\" requires explicit package name.* at (?P<file>\S+) line (?P<line>\d+)",
    ),
    rule("perl-error", CAUSE, "perl", "can't locate object method", rf"Can't locate object method .*{_PERL_PLACE[2:]}"),
    rule("perl-error", END, "perl", "compilation aborted", r"(?:BEGIN failed--)?.*compilation aborted at"),
    rule("perl-error", LIKELY, "perl", "undefined subroutine", rf"Undefined subroutine{_PERL_PLACE}"),
    # Ruby
    rule(
        "missing-ruby-library",
        CAUSE,
        "ruby",
        "cannot load such file",
        rf"(?:{_RUBY_PLACE}|.*)?.*cannot load such file -- (?P<name>\S+)",
    ),
    rule(
        "missing-ruby-library",
        CAUSE,
        "ruby",
        "could not find",
        r"(?:.*: )?Could not find (?:gem )?'?(?P<name>[\w-]+)[^']*'? (?:\([^)]*\) )?(?:in |required by|with version)",
    ),
    rule("ruby-error", END, "ruby", "rake aborted", r"rake aborted!"),
    rule("ruby-error", CAUSE, "ruby", "error)", rf"{_RUBY_PLACE}.*\((?:\w+::)*\w*Error\)"),
    rule("ruby-error", CAUSE, "ruby", "syntax error", r"(?P<file>\S+\.rb):(?P<line>\d+): syntax error"),
    # OCaml, Haskell, Erlang, Elixir, Fortran, D, Nim, Lua, PHP, Tcl, Scheme
    rule("compile-error", CAUSE, "erlang", ".erl:", r"(?P<file>\S+\.erl):(?P<line>\d+):(?:\d+:)? (?![Ww]arning)"),
    rule(
        "compile-error",
        CAUSE,
        "elixir",
        "error) ",
        r"\*\* \((?:CompileError|SyntaxError|TokenMissingError|Mix|MatchError|UndefinedFunctionError|"
        r"\w+Error)\) (?:(?P<file>\S+\.exs?):(?P<line>\d+))?",
    ),
    rule("compile-error", END, "elixir", "compilation error in file", r"== Compilation error in file"),
    rule(
        "ghc-error",
        CAUSE,
        "haskell",
        "could not resolve dependencies",
        r"(?:Error:|cabal:|\[Cabal-\d+\]|\s)*.*Could not resolve dependencies",
    ),
    rule(
        "missing-haskell-package",
        CAUSE,
        "haskell",
        "could not find module",
        rf"\s*Could not (?:find|load) module {QUOTED}$",
    ),
    rule(
        "ghc-error",
        END,
        "haskell",
        "error: ",
        r"(?:Error|cabal): (?:\[Cabal-\d+\])?\s*Failed to build|Error: cabal: Failed to build",
    ),
    rule(
        "missing-lua-module",
        CAUSE,
        "lua",
        "not found",
        r"\S*lua\S*: (?:(?P<file>[^\s:]+):(?P<line>\d+): )?module '(?P<name>[^']+)' not found",
    ),
    rule("lua-error", CAUSE, "lua", ".lua:", r"(?:\S*/)?lua(?:jit|c|-?[\d.]+)?: (?P<file>[^\s:]+):(?P<line>\d+): "),
    rule("php-error", CAUSE, "php", "error: ", r"PHP (?:Fatal|Parse) error: .* in (?P<file>\S+) on line (?P<line>\d+)"),
    rule(
        "php-error",
        CAUSE,
        "php",
        "error: ",
        r"(?:PHP )?(?:Fatal|Parse) error: .*? in (?P<file>\S+?)(?: on line |:)(?P<line>\d+)",
    ),
    # documentation, translations, schemas
    rule(
        "network",
        CAUSE,
        "xml",
        "error : attempt to load",
        r"(?:.*: )?(?:I/O error|error) : Attempt to load network entity (?P<name>\S+)",
    ),
    rule(
        "network",
        CAUSE,
        "xml",
        "failed to load external",
        r"(?:.*: )?(?:warning: )?failed to load external entity \"(?P<name>https?://[^\"]+)\"",
    ),
    rule("xml-error", CAUSE, "xml", "parser error", r"(?P<file>[^\s:]+):(?P<line>\d+): parser error : "),
    rule("doc-error", CAUSE, "texinfo", ".texi:", r"(?P<file>\S+\.te?xi(?:nfo)?):(?P<line>\d+): (?!warning)"),
    rule("doc-error", CAUSE, "latex", "latex error", r"! LaTeX Error: "),
    rule("translation-error", CAUSE, "gettext", ".po:", r"(?P<file>\S+\.pot?):(?P<line>\d+):(?:\d+:)? (?!warning|…)"),
    rule("translation-error", END, "gettext", "fatal error", r"\S*msgfmt: found \d+ fatal errors?"),
    rule("protobuf-error", CAUSE, "protobuf", ".proto:", r"(?P<file>\S+\.proto):(?P<line>\d+):\d+: (?!warning)"),
    rule("missing-program", CAUSE, "protobuf", "program not found", r"(?P<name>protoc-gen-\S+): program not found"),
    rule(
        "grammar-error",
        CAUSE,
        "bison",
        "error",
        r"(?P<file>\S+\.(?:y|yy|ypp|l|ll)):(?P<line>\d+)[.\d-]*: (?:fatal )?error",
    ),
)
