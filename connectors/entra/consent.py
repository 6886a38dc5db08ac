"""The consent verdict: a pure function of what is needed and what the tenant has granted (DESIGN section 9)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from connectors.entra import remedies
from connectors.entra.models import (
    ConsentFacts,
    ConsentLine,
    ConsentManifest,
    ConsentReview,
    ConsentVerdict,
    EntraAccount,
    EntraApp,
    Grant,
    GrantedHow,
    Permission,
    PermissionKind,
)
from connectors.models import Finding

Key = tuple[str, PermissionKind, str]

# Every sign-in adds these by itself; they open nothing, so they do not count as granted too much.
SIGN_IN_SCOPES = frozenset({"openid", "profile", "email", "offline_access"})
_MINE = {GrantedHow.APPLICATION, GrantedHow.CONNECTION_ACCOUNT}


def review(manifest: ConsentManifest, facts: ConsentFacts, account: EntraAccount) -> ConsentReview:
    """Return the verdict, one line per permission, and a finding for each thing that is wrong.

    A required application permission must be granted to the application, a delegated one for the
    connection account itself. Of several verdicts that hold, the gravest is returned; the findings
    name everything at once. Facts: section 7.1.
    """
    seen = _Comparison.of(manifest, facts, account)
    return ConsentReview(
        verdict=_verdict(seen),
        app=facts.app,
        lines=_lines(seen),
        findings=tuple(_findings(seen)),
    )


def needed_how(permission: Permission) -> GrantedHow:
    """Return the only way of granting that counts for a required permission."""
    if permission.kind is PermissionKind.APPLICATION:
        return GrantedHow.APPLICATION
    return GrantedHow.CONNECTION_ACCOUNT


@dataclass(frozen=True, slots=True)
class _Comparison:
    """What is needed beside what is granted."""

    manifest: ConsentManifest
    facts: ConsentFacts
    account: EntraAccount
    required: Mapping[Key, Permission]
    granted: Mapping[Key, set[GrantedHow]]
    missing: tuple[Permission, ...]
    everywhere: tuple[Permission, ...]
    extra: tuple[Permission, ...]

    @classmethod
    def of(
        cls, manifest: ConsentManifest, facts: ConsentFacts, account: EntraAccount
    ) -> _Comparison:
        """Compare once; everything else here only reads the outcome."""
        granted = _granted(facts.grants)
        required = {_key(item): item for item in manifest.permissions}
        missing = (p for key, p in required.items() if needed_how(p) not in granted.get(key, ()))
        everywhere = {g.permission for g in facts.grants if g.how is GrantedHow.ORGANIZATION}
        # Beside a list that is only a part, nothing can be called too much.
        held = facts.grants if manifest.complete else ()
        extra = {g.permission for g in held if _is_extra(g, required)}
        return cls(
            manifest,
            facts,
            account,
            required,
            granted,
            tuple(sorted(missing)),
            tuple(sorted(everywhere)),
            tuple(sorted(extra)),
        )


def _verdict(seen: _Comparison) -> ConsentVerdict:
    facts = seen.facts
    if not facts.complete:
        return ConsentVerdict.INDETERMINATE
    if facts.app is None:
        return ConsentVerdict.APP_MISSING
    if seen.everywhere:
        return ConsentVerdict.GRANTED_ORG_WIDE
    if seen.required and len(seen.missing) == len(seen.required):
        return ConsentVerdict.NOT_GRANTED
    # A permission that is granted but no longer offered, or whose app is switched off, does not work.
    if seen.missing or facts.stale or facts.missing_resources or not facts.app.enabled:
        return ConsentVerdict.PARTIAL
    return _all_there(seen)


def _all_there(seen: _Comparison) -> ConsentVerdict:
    if not seen.manifest.complete:
        return ConsentVerdict.INDETERMINATE
    return ConsentVerdict.OVER_GRANTED if seen.extra else ConsentVerdict.FULLY_GRANTED


def _findings(seen: _Comparison) -> Iterator[Finding]:
    facts = seen.facts
    if not facts.complete:
        yield from (remedies.unread(what) for what in facts.unread or ("the consent",))
    if not seen.manifest.complete:
        yield remedies.manifest_incomplete(seen.manifest.name)
    yield from _former_names(seen)
    if facts.app is not None:
        yield from _app_findings(seen, facts.app)
    elif facts.complete:
        yield remedies.app_missing(seen.manifest.app_display_name)


def _former_names(seen: _Comparison) -> Iterator[Finding]:
    former = {name.casefold() for name in seen.manifest.former_names}
    mine = (seen.facts.app,) if seen.facts.app else ()
    names = {app.display_name for app in (*mine, *seen.facts.former_apps)}
    for name in sorted(name for name in names if name.casefold() in former):
        yield remedies.former_name(name, seen.manifest.app_display_name)


def _app_findings(seen: _Comparison, app: EntraApp) -> Iterator[Finding]:
    if not app.enabled:
        yield remedies.app_disabled(app)
    yield from _missing(seen, app)
    if seen.everywhere:
        yield remedies.organization_wide(seen.everywhere, app, seen.account)
    for permission in seen.extra:
        yield remedies.over_granted(permission, app)
    yield from _drift(seen.manifest, seen.facts)


def _missing(seen: _Comparison, app: EntraApp) -> Iterator[Finding]:
    facts = seen.facts
    for resource in facts.missing_resources:
        yield remedies.resource_missing(resource, seen.manifest.permissions)
    for permission in sorted(facts.stale):
        yield remedies.stale(permission, seen.manifest.name)
    gone = {_key(item) for item in facts.stale}
    # On a partial reading "not seen" is not "missing", and is not called so.
    for permission in seen.missing if facts.complete else ():
        # Where it cannot be granted at all, the lines above say so.
        if _key(permission) in gone or permission.resource_app_id in facts.missing_resources:
            continue
        yield remedies.missing(permission, app, seen.account)


def _drift(manifest: ConsentManifest, facts: ConsentFacts) -> Iterator[Finding]:
    if facts.declared is None or not manifest.complete:
        return
    pinned = {_key(item): item for item in manifest.permissions}
    declared = {_key(item): item for item in facts.declared}
    for key in sorted(set(declared) - set(pinned)):
        if not _is_sign_in(declared[key]):
            yield remedies.drift(declared[key], manifest.name, "asks for it, the manifest does not")
    for key in sorted(set(pinned) - set(declared)):
        if not _is_sign_in(pinned[key]):
            yield remedies.drift(
                pinned[key], manifest.name, "does not ask for it, the manifest does"
            )


def _lines(seen: _Comparison) -> tuple[ConsentLine, ...]:
    met = {_key(grant.permission): grant.permission for grant in seen.facts.grants}
    everything = {**met, **seen.required}
    order = sorted(everything, key=lambda key: (key not in seen.required, everything[key]))
    return tuple(
        ConsentLine(everything[key], key in seen.required, tuple(sorted(seen.granted.get(key, ()))))
        for key in order
    )


def _granted(grants: Iterable[Grant]) -> Mapping[Key, set[GrantedHow]]:
    found: dict[Key, set[GrantedHow]] = defaultdict(set)
    for grant in grants:
        found[_key(grant.permission)].add(grant.how)
    return found


def _is_extra(grant: Grant, required: Mapping[Key, Permission]) -> bool:
    beyond = grant.how in _MINE and _key(grant.permission) not in required
    return beyond and not _is_sign_in(grant.permission)


def _is_sign_in(permission: Permission) -> bool:
    delegated = permission.kind is PermissionKind.DELEGATED
    return delegated and permission.value.casefold() in SIGN_IN_SCOPES


def _key(permission: Permission) -> Key:
    # A resource's display name may change, and scopes come back in any case.
    return (
        permission.resource_app_id.casefold(),
        permission.kind,
        permission.value.casefold(),
    )
