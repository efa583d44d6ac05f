"""Why a scripted cloud gives fewer machines than it is asked for, and how far that speaks."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from tradewind.common.contracts.values import Failure, FailureKind, Place, Scope
from tradewind.provisioner.infra.mock.script import CloudScript, Refusal, Where


@dataclass(frozen=True, slots=True)
class Grant:
    """So many machines can be had. `failure` says why not all."""

    count: int
    failure: Failure | None = None
    refused_by: str = ""
    """The key under which that refusal is counted."""


def grant(
    script: CloudScript,
    *,
    place: Place,
    count: int,
    seconds: float,
    living: Iterable[Place],
    down: Iterable[str],
    refused: Mapping[str, int],
) -> Grant:
    """What can be had of `count` machines at `place`, so many seconds after the cloud began.

    `living` are the places of what runs, `down` the names of zones and regions that are out, `refused` how
    often each refusal has struck.
    """
    if place not in set(script.places(place.infra)):
        return Grant(0, _invalid(place))
    for where in sorted(down):
        if where in {"", place.region, place.zone}:
            return Grant(0, _down(where, place))
    for ordinal, refusal in enumerate(script.refusals):
        key = f"{ordinal} {place}"
        if _strikes(refusal, place, seconds=seconds, so_far=refused.get(key, 0)):
            return Grant(0, _refused(refusal, place), refused_by=key)
    return _what_is_left(script, place=place, count=count, seconds=seconds, living=tuple(living))


def _strikes(refusal: Refusal, place: Place, *, seconds: float, so_far: int) -> bool:
    over = refusal.lasts is not None and seconds >= refusal.at + refusal.lasts
    used_up = refusal.first is not None and so_far >= refusal.first
    return refusal.covers(place) and seconds >= refusal.at and not over and not used_up


def _what_is_left(
    script: CloudScript, *, place: Place, count: int, seconds: float, living: tuple[Place, ...]
) -> Grant:
    left = Grant(count)
    for quota in script.quotas:
        there = [one for one in living if quota.covers(one)] if quota.covers(place) else []
        if not quota.covers(place):
            continue
        free = count
        if quota.nodes is not None:
            free = min(free, quota.nodes - len(there))
        if quota.vcpus is not None:
            free = min(free, int((quota.vcpus - sum(one.room.cpus for one in there)) // place.room.cpus))
        left = _less(left, free, _over_quota(quota, place, wanted=count, free=free))
    for capacity in script.capacity:
        limit = capacity.at(seconds)
        if limit is None or not capacity.covers(place):
            continue
        free = limit - sum(capacity.covers(one) for one in living)
        left = _less(left, free, _no_capacity(capacity, place, wanted=count, free=free))
    if left.failure is not None and not script.partial_gangs:
        return Grant(0, left.failure)
    return left


def _less(so_far: Grant, free: int, why: Failure) -> Grant:
    return Grant(max(free, 0), why) if free < so_far.count else so_far


def _invalid(place: Place) -> Failure:
    message = f"{place} is not sold here at ${place.price_usd_h:g} an hour"
    return Failure(kind=FailureKind.INVALID, scope=Scope.OFFER, message=message)


def _down(where: str, place: Place) -> Failure:
    scope = {place.zone: Scope.ZONE, place.region: Scope.REGION}.get(where, Scope.INFRA)
    message = f"{where or place.infra} is down"
    return Failure(kind=FailureKind.CAPACITY, scope=scope, message=message)


def _refused(refusal: Refusal, place: Place) -> Failure:
    says = refusal.says or _scope_of(refusal, refusal.kind)
    message = refusal.message or f"{place} is refused ({refusal.kind.value})"
    return Failure(kind=refusal.kind, scope=says, message=message)


def _scope_of(where: Where, kind: FailureKind) -> Scope:
    """Who may not come in, may not come in anywhere."""
    return Scope.INFRA if kind is FailureKind.AUTH else where.scope


def _over_quota(quota: Where, place: Place, *, wanted: int, free: int) -> Failure:
    message = f"the quota leaves {max(free, 0)} of {wanted} for {place}"
    return Failure(kind=FailureKind.QUOTA, scope=quota.scope, message=message)


def _no_capacity(capacity: Where, place: Place, *, wanted: int, free: int) -> Failure:
    message = f"{max(free, 0)} of {wanted} are to be had of {place}"
    return Failure(kind=FailureKind.CAPACITY, scope=capacity.scope, message=message)
