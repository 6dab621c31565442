# SPDX-License-Identifier: GPL-3.0-or-later
"""Which variables of the environment may hold a secret, and why: the one table, by name and by value.

abuild shows recipes the whole environment and people rely on it, so everything passes that is not named here. A name is
split at underscores and compared without regard to case: ``GIT_AUTHOR_NAME`` has the word AUTHOR and not AUTH,
``TOKENIZERS_PARALLELISM`` not TOKEN, ``KEYBOARD`` not KEY. It is imported where a start counts in milliseconds.
"""

from __future__ import annotations

_AGENT = "an agent or a service of the desktop listens there"
_STORE = "a file or service with credentials"
_CLOUD = "an account of a cloud"
_JOB = "rights of the CI job, or a way to command its later steps"
_NAMED = "named like a secret"
_VALUE = "its value looks like a secret"

NAMES = {
    **dict.fromkeys(("SSH_AUTH_SOCK", "SSH_AGENT_PID", "GPG_AGENT_INFO", "GNOME_KEYRING_CONTROL"), _AGENT),
    **dict.fromkeys(("DBUS_SESSION_BUS_ADDRESS", "DBUS_STARTER_ADDRESS", "DOCKER_HOST", "CONTAINER_HOST"), _AGENT),
    **dict.fromkeys(("KUBECONFIG", "XAUTHORITY", "KRB5CCNAME", "KRB5_KTNAME", "KRB5_CLIENT_KTNAME", "NETRC"), _STORE),
    **dict.fromkeys(("DOCKER_CONFIG", "PGPASSFILE", "PGSERVICEFILE", "BW_SESSION", "GIT_ASKPASS"), _STORE),
    **dict.fromkeys(("SSHPASS", "VSS_NUGET_EXTERNAL_FEED_ENDPOINTS"), _NAMED),
    **dict.fromkeys(("GITHUB_ENV", "GITHUB_PATH", "GITHUB_OUTPUT", "GITHUB_STATE", "GITHUB_STEP_SUMMARY"), _JOB),
    **dict.fromkeys(("CI_REPOSITORY_URL", "FORGEJO_ENV", "FORGEJO_OUTPUT", "FORGEJO_PATH", "FORGEJO_STATE"), _JOB),
}
"""Names as they are → the reason."""

STARTS = {
    "AWS_": _CLOUD,
    "AZURE_": _CLOUD,
    "CLOUDSDK_": _CLOUD,
    "ALIBABA_CLOUD_": _CLOUD,
    "ACTIONS_": _JOB,  # addresses of the runner's own services, and tokens for them
    # Settings of git, numbered: one of them may be an Authorization header, and without it the others make no sense.
    "GIT_CONFIG_COUNT": _STORE,
    "GIT_CONFIG_KEY_": _STORE,
    "GIT_CONFIG_VALUE_": _STORE,
    "GIT_CONFIG_PARAMETERS": _STORE,
}
"""Beginnings of names → the reason."""

WORDS = frozenset(
    "AUTH APIKEY COOKIE COOKIES CREDENTIAL CREDENTIALS CREDS DSN JWT KEY KEYS OIDC PASS PASSPHRASE PASSWD PASSWORD PASSWORDS "
    "PAT PIN PRIVATE PWD SECRET SECRETS TOKEN TOKENS WEBHOOK".split()
)
"""Words between underscores that make a name one of a secret."""

ENDS = ("TOKEN", "PASSWORD", "PASSWD", "PASSPHRASE", "SECRET", "APIKEY", "CREDENTIALS")
"""What the last word of a name may end in when people write words together: PGPASSWORD, SYSTEM_ACCESSTOKEN."""

PAIRS = ("CONNECTION_STRING",)
"""Words that mean it only together."""

PLAIN = frozenset(("PWD", "OLDPWD", "KERNEL_SIGNING_KEY", "GPG_KEY_ID"))
"""Names that only look like it. KERNEL_SIGNING_KEY is a path that kernel recipes ask for."""

PUBLIC = frozenset(("PUBLIC", "PUB", "PUBKEY"))
"""Words that turn KEY into what everybody may know."""

_VALUE_STARTS = (
    *("ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_"),  # GitHub
    *("glpat-", "glcbt-", "gldt-"),  # GitLab
    *("xoxb-", "xoxp-", "pypi-AgEI", "AGE-SECRET-KEY-"),
)
_LONG_USER = 20
"""From that length on what stands where an address has a user's name is a token."""


def why_secret(name: str, value: str) -> str:
    """Why a variable may hold something that a recipe has no business with; empty if nothing speaks for that."""
    upper = name.upper()
    if upper in NAMES:
        return NAMES[upper]
    if upper not in PLAIN:
        for start, reason in STARTS.items():
            if upper.startswith(start):
                return reason
        words = upper.split("_")
        found = WORDS.intersection(words)
        if found <= {"KEY", "KEYS"} and not PUBLIC.isdisjoint(words):
            found = frozenset()
        if found or words[-1].endswith(ENDS) or any(pair in upper for pair in PAIRS):
            return _NAMED
    return _VALUE if looks_secret(value) else ""


def looks_secret(value: str) -> bool:
    """Whether a text has an address with a password in it, a private key, or begins as well-known tokens do."""
    if value.startswith(_VALUE_STARTS) or ("-----BEGIN " in value and "PRIVATE KEY-----" in value):
        return True
    at = value.find("://")
    while at >= 0:
        end = at + 3
        while end < len(value) and value[end] not in "/?# \t\n'\"<>|":
            end += 1
        user, found, _ = value[at + 3 : end].rpartition("@")
        if found and (user.partition(":")[2] or len(user.partition(":")[0]) >= _LONG_USER):
            return True
        at = value.find("://", end)
    return False
