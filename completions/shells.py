# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes a program's completions in the languages of bash, zsh and fish."""

from __future__ import annotations

from collections.abc import Iterator

from completable import Command, Flag, Value, Verb

_LICENSE = "# SPDX-License-Identifier: GPL-3.0-or-later"
_ORIGIN = "Made by completions/generate.py, which is the place to change it."


def quoted(text: str) -> str:
    """One word of bash and zsh."""
    escaped = text.replace("'", "'\\''")
    return f"'{escaped}'"


def _indented(lines: Iterator[str] | list[str], by: int) -> list[str]:
    return ["\t" * by + line if line else "" for line in lines]


# --- bash -----------------------------------------------------------------------------------------------------------


def bash(command: Command) -> str:
    """The file that bash sources when the program's arguments are first completed."""
    function = f"_abuildpy_{command.name.replace('-', '_')}"
    body = [
        "local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}",
        "COMPREPLY=()",
        "",
        *_bash_redirection(command),
        *_bash_values(command),
        *_bash_flags(command),
        *_bash_arguments(command),
    ]
    head = [_LICENSE, f"# bash completion for {command.name}. {_ORIGIN}", ""]
    return "\n".join(
        [*head, f"{function}()", "{", *_indented(body, 1), "}", "", f"complete -F {function} {command.name}", ""]
    )


def _bash_redirection(command: Command) -> list[str]:
    after = ["compopt -o default 2>/dev/null"]
    if command.reads:
        after = [
            "if [[ $prev == '<' ]]; then",
            *_indented(list(_bash_offer(command.reads)), 1),
            "else",
            *_indented(after, 1),
            "fi",
        ]
    return ["if [[ $prev == [\\<\\>]* ]]; then", *_indented([*after, "return"], 1), "fi"]


def _bash_values(command: Command) -> list[str]:
    valued = [flag for flag in command.flags if flag.value]
    if not valued:
        return []
    lines = []
    equals = ""
    if any(spelling.startswith("--") for flag in valued for spelling in flag.spellings):
        equals = "$equals"
        lines = [
            '# readline breaks words at "=": --option=value arrives as three of them',
            "local equals=",
            'if [[ $cur == "=" ]]; then',
            "\tcur= equals==",
            'elif [[ $prev == "=" ]]; then',
            "\tprev=${COMP_WORDS[COMP_CWORD - 2]} equals==",
            "fi",
        ]
    lines.append(f"case $prev{equals} in")
    for flag in valued:
        joined = [f"{spelling}=" for spelling in flag.spellings if spelling.startswith("--")]
        patterns = joined if flag.optional else [*flag.spellings, *joined]
        offer = list(_bash_offer(flag.value)) if flag.value else []
        lines += _indented([f"{' | '.join(patterns)})", *_indented([*offer, "return", ";;"], 1)], 1)
    return [*lines, "esac"]


def _bash_flags(command: Command) -> list[str]:
    spellings = [spelling for flag in command.flags for spelling in _bash_spellings(flag)]
    if not spellings:
        return []
    lines = [f'mapfile -t COMPREPLY < <(compgen -W "{" ".join(spellings)}" -- "$cur")']
    if any(flag.optional for flag in command.flags):
        lines.append("[[ ${#COMPREPLY[@]} != 1 || ${COMPREPLY[0]} != *= ]] || compopt -o nospace 2>/dev/null")
    return ["if [[ $cur == -* ]]; then", *_indented([*lines, "return"], 1), "fi"]


def _bash_spellings(flag: Flag) -> list[str]:
    return [*flag.spellings, *(f"{spelling}=" for spelling in flag.spellings if flag.optional)]


def _bash_arguments(command: Command) -> list[str]:
    if not command.verbs:
        return list(_bash_offer(command.argument)) if command.argument else []
    lines = ["if ((COMP_CWORD == 1)); then"]
    lines += _indented(list(_bash_offer(Value("words", tuple(verb.name for verb in command.verbs)))), 1)
    lines.append("fi")
    cases: list[str] = []
    for verb in command.verbs:
        for place, value in enumerate(verb.values, 2):
            offer = list(_bash_offer(value))
            if offer:
                cases += _indented([f"{verb.name}:{place})", *_indented([*offer, ";;"], 1)], 1)
    return [*lines, "case ${COMP_WORDS[1]}:$COMP_CWORD in", *cases, "esac"] if cases else lines


def _bash_offer(value: Value) -> Iterator[str]:
    match value.kind:
        case "words":
            yield f'mapfile -t COMPREPLY < <(compgen -W "{" ".join(value.words)}" -- "$cur")'
        case "remote":
            yield 'mapfile -t COMPREPLY < <(compgen -W "$(git remote 2>/dev/null)" -- "$cur")'
        case "folder" | "files":
            yield "compopt -o filenames 2>/dev/null"
            found = ['compgen -d -- "$cur"', *(f"compgen -f -X '!{pattern}' -- \"$cur\"" for pattern in value.words)]
            yield f"mapfile -t COMPREPLY < <({'; '.join(found)})"
        case "recipe":
            yield from _bash_offer(Value("files", ("*APKBUILD",)))
            yield "# names of the tree"
            yield from _bash_tree(suffix="")
        case "bump":
            yield "# section/name- or name-, for the new version to be typed"
            yield "compopt -o nospace 2>/dev/null"
            yield from _bash_tree(suffix="-")


def _bash_tree(suffix: str) -> Iterator[str]:
    """Offers names, or sections and names, of the recipes of the aports tree."""
    word = "${cur%-*}" if suffix else "$cur"
    yield "local top=${APORTSDIR:-$(git rev-parse --show-toplevel 2>/dev/null)} section= recipe"
    yield "[[ -n $top && -n $cur ]] || return" if not suffix else "[[ -n $top ]] || return"
    yield "[[ $cur != */* ]] || section=${cur%%/*}"
    yield f"local name={word}"
    yield 'for recipe in "$top"/${section:-*}/"${name#"$section"/}"*/APKBUILD; do'
    yield "\t[[ -f $recipe ]] || continue"
    yield '\trecipe=${recipe#"$top"/} recipe=${recipe%/APKBUILD}'
    yield "\t[[ -n $section ]] || recipe=${recipe#*/}"
    yield f'\t[[ $recipe{suffix} != "$cur"* ]] || COMPREPLY+=("$recipe{suffix}")'
    yield "done"


# --- zsh ------------------------------------------------------------------------------------------------------------


def zsh(command: Command) -> str:
    """The function that zsh's compinit finds."""
    compdef = f"#compdef {command.name}"
    lines = [_LICENSE, f"# {_ORIGIN}", ""]
    if command.reads:
        compdef += f" -redirect-,<,{command.name}=input"
        lines += [
            "if [[ $service == input ]]; then",
            f"\t{_zsh_action(command.reads)}",
            "\treturn",
            "fi",
        ]
    specifications = [specification for flag in command.flags for specification in _zsh_flag(flag)]
    if command.verbs:
        specifications += [quoted("1:verb:->verbs"), quoted("*:: :->rest")]
    elif command.argument:
        specifications.append(quoted(f"*:{command.label}:{_zsh_action(command.argument)}"))
    if specifications:
        lines += _zsh_arguments(specifications, command)
    else:
        lines.append("_message 'no arguments'")
    return "\n".join([compdef, *lines, ""])


def _zsh_arguments(specifications: list[str], command: Command) -> list[str]:
    states = [*_zsh_verbs(command.verbs), *_zsh_tree(command)]
    call = [f"_arguments -s -S{' -C' * bool(states)}", *specifications]
    lines = [" \\\n\t".join(call) + (" && return" if states else "")]
    if not states:
        return lines
    return [
        "local curcontext=$curcontext context state state_descr ret=1 top",
        "local -a line recipes verbs",
        "typeset -A opt_args",
        "",
        *lines,
        "",
        "case $state in",
        *_indented(states, 1),
        "esac",
        "return ret",
    ]


def _zsh_flag(flag: Flag) -> Iterator[str]:
    about = f"[{flag.about.replace('[', '(').replace(']', ')')}]"
    if flag.value:
        action = _zsh_action(flag.value)
        about += f"{'::' if flag.optional else ':'}{flag.label.replace(':', '')}:{action}"
    rivals = "(- *)" if flag.rivals == ("*",) else f"({' '.join(flag.rivals)})"
    rivals = "" if flag.rivals in ((), flag.spellings[:1]) else rivals
    spellings = [_zsh_spelling(spelling, flag) for spelling in flag.spellings]
    if len(spellings) == 1:
        yield quoted(f"{rivals}{spellings[0]}{about}")
    else:
        yield f"{quoted(rivals)}{{{','.join(spellings)}}}{quoted(about)}"


def _zsh_spelling(spelling: str, flag: Flag) -> str:
    """With the sign for where the value stands: in the next word, or in the same one."""
    if not flag.value:
        return spelling
    if spelling.startswith("--"):
        return f"{spelling}=-" if flag.optional else f"{spelling}="
    return f"{spelling}+" if len(spelling) == 2 else spelling


def _zsh_action(value: Value) -> str:
    match value.kind:
        case "words":
            return f"({' '.join(value.words)})"
        case "remote":
            return "($(git remote 2>/dev/null))"
        case "folder":
            return "_files -/"
        case "files":
            return f'_files -g "{" ".join(value.words)}"'
        case "recipe" | "bump":
            return "->tree"
        case "url":
            return "_urls"
        case _:
            return ""


def _zsh_verbs(verbs: tuple[Verb, ...]) -> list[str]:
    if not verbs:
        return []
    lines = ["verbs)", "\tverbs=("]
    lines += [f"\t\t{quoted(f'{verb.name}:{verb.about}')}" for verb in verbs]
    lines += ["\t)", "\t_describe -t verbs verb verbs && ret=0", "\t;;"]
    cases: list[str] = []
    for verb in verbs:
        for place, value in enumerate(verb.values, 2):
            if value.words:
                cases += [f"\t\t{verb.name}:{place})", f"\t\t\tcompadd -- {' '.join(value.words)} && ret=0", "\t\t\t;;"]
    return [*lines, "rest)", "\tcase $words[1]:$CURRENT in", *cases, "\tesac", "\t;;"] if cases else lines


def _zsh_tree(command: Command) -> list[str]:
    if command.argument is None or command.argument.kind not in ("recipe", "bump"):
        return []
    bump = command.argument.kind == "bump"
    files = [] if bump else ['_files -g "*APKBUILD" && ret=0']
    why = "# section/name- or name-, for the new version to be typed" if bump else "# names of the tree"
    suffix = "-S - " if bump else ""
    return [
        "tree)",
        *_indented(
            [
                *files,
                why,
                "top=${APORTSDIR:-$(git rev-parse --show-toplevel 2>/dev/null)}",
                "[[ -n $top ]] || return ret",
                "recipes=($top/*/*/APKBUILD(N:h))",
                "if [[ $PREFIX == */* ]]; then",
                "\trecipes=(${recipes#$top/})",
                "else",
                "\trecipes=(${recipes:t})",
                "fi",
                f"compadd {suffix}-- $recipes && ret=0",
                ";;",
            ],
            1,
        ),
    ]


# --- fish -----------------------------------------------------------------------------------------------------------


def fish(command: Command) -> str:
    """The file that fish sources when the program's arguments are first completed."""
    lines = [_LICENSE, f"# fish completion for {command.name}. {_ORIGIN}", ""]
    lines += _fish_tree(command)
    complete = f"complete -c {command.name}"
    if command.argument is None or command.argument.kind != "recipe":
        lines.append(f"{complete} -f")
    lines += [f"{complete} {_fish_flag(flag)}" for flag in command.flags]
    if command.argument and (offer := _fish_offer(command.argument, command)):
        in_order = "-k " * (command.argument.kind == "files")
        lines.append(f"{complete} {in_order}-a {_fish_quoted(offer)} -d {_fish_quoted(command.label.capitalize())}")
    for verb in command.verbs:
        lines.append(f"{complete} -n __fish_use_subcommand -a {verb.name} -d {_fish_quoted(verb.about)}")
        for place, value in enumerate(verb.values, 2):
            if offer := _fish_offer(value, command):
                condition = f"__fish_seen_subcommand_from {verb.name}; and test (count (commandline -opc)) -eq {place}"
                lines.append(f"{complete} -n {_fish_quoted(condition)} -a {_fish_quoted(offer)}")
    return "\n".join([*lines, ""])


def _fish_flag(flag: Flag) -> str:
    names = []
    for spelling in flag.spellings:
        if spelling.startswith("--"):
            names.append(f"-l {spelling[2:]}")
        else:
            names.append(f"-{'s' if len(spelling) == 2 else 'o'} {spelling[1:]}")
    if flag.value:
        names.append("-f" if flag.optional else "-x")
        if offer := _fish_offer(flag.value, None):
            names.append(f"{'-k ' * (flag.value.kind == 'files')}-a {_fish_quoted(offer)}")
    return f"{' '.join(names)} -d {_fish_quoted(flag.about)}"


def _fish_offer(value: Value, command: Command | None) -> str:
    match value.kind:
        case "words":
            return " ".join(value.words)
        case "remote":
            return "(git remote 2>/dev/null)"
        case "folder":
            return "(__fish_complete_directories)"
        case "files":
            # All files; those that fit come first, which -k keeps so.
            return " ".join(f"(__fish_complete_suffix {pattern.lstrip('*')})" for pattern in value.words)
        case "recipe" | "bump" if command:
            return f"({_fish_function(command)})"
        case _:
            return ""


def _fish_quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


def _fish_function(command: Command) -> str:
    return f"__abuildpy_{command.name.replace('-', '_')}_recipes"


def _fish_tree(command: Command) -> list[str]:
    if command.argument is None or command.argument.kind not in ("recipe", "bump"):
        return []
    bump = command.argument.kind == "bump"
    why = "# section/name- or name-, for the new version to be typed" if bump else "# names of the tree"
    end = "-" if bump else ""
    return [
        why,
        f"function {_fish_function(command)}",
        "    set -l top $APORTSDIR",
        '    test -n "$top"; or set top (git rev-parse --show-toplevel 2>/dev/null)',
        '    test -n "$top"; or return',
        "    set -l recipes $top/*/*/APKBUILD",
        "    set -l part '[^/]+'",
        "    string match -q '*/*' -- (commandline -ct); and set part '[^/]+/[^/]+'",
        f"    printf '%s\\n' $recipes | string replace -rf \"^.*/($part)/APKBUILD\\$\" '$1{end}'",
        "end",
        "",
    ]
