# SPDX-License-Identifier: GPL-3.0-or-later
"""Forges: what their APIs tell of releases and tags, and git itself where these are closed or would be a burden."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import quote, urlsplit

from abuildpy.maintain.answers import dicts, text
from abuildpy.maintain.upstream.ask import git
from abuildpy.maintain.upstream.ask.asking import Asking, Named, Published, last_part, links
from abuildpy.maintain.upstream.facts import stem
from abuildpy.maintain.upstream.web import Answer, Unanswered
from abuildpy.repository.version import compare

_GITHUB_API = "https://api.github.com"
_PAGE = 100
_GITEA_PAGE = 50
_CLOSED = frozenset((400, 401, 403, 404, 406, 410))


def github(asking: Asking) -> Published:
    """Releases where a token lets them be asked (they tell which are unfinished), else tags.

    Without a token GitHub answers 60 questions of its API an hour (docs.github.com, "Rate limits for the REST API"), which
    is nothing for a tree of recipes; git has no such limit.
    """
    web, upstream = asking.web, asking.upstream
    releases: tuple[Named, ...] = ()
    if urlsplit(_GITHUB_API).netloc in web.settings.tokens:
        url = f"{_GITHUB_API}/repos/{upstream.project}/releases?per_page={_PAGE}"
        releases = _or_none(lambda: web.parsed(url, _github_releases, accept="application/vnd.github+json"))
        published = asking.published(releases, complete=False)
        if _knows_newer(asking, published):
            return published
    found = git.project_tags(asking)
    unfinished = {release.name for release in releases if release.unfinished}
    return asking.published((Named(tag, unfinished=tag in unfinished) for tag in found), complete=True)


def _github_releases(answer: Answer) -> tuple[Named, ...]:
    return tuple(
        Named(text(each.get("tag_name")), text(each.get("published_at")), bool(each.get("prerelease")))
        for each in dicts(answer.json())
        if not each.get("draft")
    )


def gitlab(asking: Asking) -> Published:
    """Tags (docs.gitlab.com, "Tags API"), the newest first."""
    upstream, web = asking.upstream, asking.web
    root = "/".join(upstream.address.split("/", 3)[:3])
    url = f"{root}/api/v4/projects/{quote(upstream.project, safe='')}/repository/tags?per_page={_PAGE}"
    found = _or_none(lambda: web.parsed(url, _gitlab_tags, accept="application/json"))
    published = asking.published(found, complete=0 < len(found) < _PAGE)
    if (published.releases and (published.complete or _knows_newer(asking, published))) or upstream.project.isdigit():
        return published
    return git.of_project(asking)


def _gitlab_tags(answer: Answer) -> tuple[Named, ...]:
    found = []
    for each in dicts(answer.json()):
        commit = each.get("commit")
        date = text(commit.get("committed_date")) if isinstance(commit, dict) else ""
        found.append(Named(text(each.get("name")), date))
    return tuple(found)


def gitea(asking: Asking) -> Published:
    """Releases (Forgejo's and Gitea's API, ``/repos/{owner}/{repo}/releases``), and tags where these do not suffice."""
    upstream, web = asking.upstream, asking.web
    root = "/".join(upstream.address.split("/", 3)[:3])
    base = f"{root}/api/v1/repos/{upstream.project}"
    found = _or_none(
        lambda: web.parsed(f"{base}/releases?limit={_GITEA_PAGE}", _github_releases, accept="application/json")
    )
    published = asking.published(found, complete=False)
    if _knows_newer(asking, published):
        return published
    unfinished = {release.name for release in found if release.unfinished}
    tags = git.project_tags(asking)
    return asking.published((Named(tag, unfinished=tag in unfinished) for tag in tags), complete=True)


def bitbucket(asking: Asking) -> Published:
    """Tags, or the files for download (developer.atlassian.com, "Repositories")."""
    upstream, web = asking.upstream, asking.web
    base = f"https://api.bitbucket.org/2.0/repositories/{upstream.project}"
    if upstream.template == "downloads":
        files = _or_none(lambda: web.parsed(f"{base}/downloads?pagelen={_PAGE}", _bitbucket_names))
        published = asking.published(
            (Named(stem(file.name), file.date) for file in files), complete=0 < len(files) < _PAGE
        )
        if published.releases:
            return published
    url = f"{base}/refs/tags?pagelen={_PAGE}&sort=-target.date"
    found = _or_none(lambda: web.parsed(url, _bitbucket_names))
    published = asking.published(found, complete=0 < len(found) < _PAGE)
    return published if published.releases else git.of_project(asking)


def _bitbucket_names(answer: Answer) -> tuple[Named, ...]:
    document = answer.json()
    values = document.get("values") if isinstance(document, dict) else None
    found = []
    for each in dicts(values):
        target = each.get("target")
        date = text(target.get("date")) if isinstance(target, dict) else text(each.get("created_on"))
        found.append(Named(text(each.get("name")), date))
    return tuple(found)


def cgit(asking: Asking) -> Published:
    """Tags, by git where the server lets it, else from the page of references. Raises Unanswered if neither is there."""
    try:
        return git.ask(asking)
    except Unanswered as failure:
        address = asking.upstream.address
        try:
            found = asking.web.parsed(f"{address}/refs/tags", links)
        except Unanswered:
            raise failure from None
        repository = last_part(address).removesuffix(".git")
        names = [Named(stem(last_part(url)).removeprefix(f"{repository}-")) for url in found if "/snapshot/" in url]
        return asking.published(names, complete=False)


def mercurial(asking: Asking) -> Published:
    """Tags of a Mercurial repository (``hg help hgweb``: the templates for machines)."""
    return asking.published(asking.web.parsed(f"{asking.upstream.address}/json-tags", _hg_tags), complete=True)


def _hg_tags(answer: Answer) -> tuple[Named, ...]:
    document = answer.json()
    return tuple(
        Named(text(each.get("tag"))) for each in dicts(document.get("tags") if isinstance(document, dict) else [])
    )


def _knows_newer(asking: Asking, published: Published) -> bool:
    """Whether an answer that need not be whole at least reaches back to what the recipe has, and so tells what is newer."""
    versions = [release.version for release in published.releases if not release.prerelease]
    return any(compare(version, asking.packaged) >= 0 for version in versions)


def _or_none(get: Callable[[], tuple[Named, ...]]) -> tuple[Named, ...]:
    """What an API tells; nothing where it is closed or knows no such project."""
    try:
        return get()
    except Unanswered as error:
        if error.status not in _CLOSED:
            raise
        return ()
