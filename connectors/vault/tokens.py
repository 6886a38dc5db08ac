"""The one token that all threads of a client share: fetched once, renewed in time, replaced when it ended."""

from __future__ import annotations

import logging
import threading
from dataclasses import dataclass, replace
from math import inf

from connectors.errors import RotationError, Unreachable
from connectors.http import Effect
from connectors.secret import Secret
from connectors.vault.auth import LOOK_UP_SELF, AuthMethod, Lease, lease_from, look_up_self
from connectors.vault.call import Call
from connectors.vault.clock import Clock
from connectors.vault.line import Line, closed

_log = logging.getLogger(__name__)

_RENEW = Call(
    "renew own token",
    "auth/token/renew-self",
    Effect.REPEATABLE,
    ("update",),
    frozenset({400, 401, 403}),
)
_REVOKE = Call(
    "revoke own token",
    "auth/token/revoke-self",
    Effect.REPEATABLE,
    ("update",),
    frozenset({400, 401, 403}),
)


@dataclass(frozen=True, slots=True)
class _Held:
    """A lease with its times on the monotonic clock."""

    lease: Lease
    renew_at: float
    ends_at: float


class TokenKeeper:
    """Hand out a token that is good now. Thread-safe; there is no thread in the background.

    One caller signs in or renews while the others wait for its result, be it a token or an error: a
    wrong SecretID tried by many threads at once could lock the role.
    """

    def __init__(self, line: Line, method: AuthMethod, clock: Clock) -> None:
        self._line = line
        self._method = method
        self._clock = clock
        self._lock = threading.Lock()
        self._held: _Held | None = None
        self._closed = False
        self._attempts = 0
        self._failure: RotationError | None = None

    def current(self) -> Secret:
        """Return a token, signing in or renewing first when that is due.

        Raises what the way to sign in raises.
        """
        seen = self._attempts
        with self._lock:
            now = self._clock.monotonic()
            if self._held is None or now >= self._held.ends_at:
                return self._sign_in(seen)
            if now >= self._held.renew_at:
                self._renew(self._held, now, seen)
            return self._held.lease.token

    def replace_ended(self, refused: Secret) -> bool:
        """Get another token when the refused one has ended; False when it is good and a policy said no.

        The look-up tells the two apart, so that a missing policy costs no use of the SecretID.
        """
        seen = self._attempts
        with self._lock:
            if self._held is None:
                self._sign_in(seen)
                return True
            if not self._held.lease.token.matches(refused):
                return True
            if self._line.ask(LOOK_UP_SELF, look_up_self, refused).status == 200:
                return False
            _log.info("vault: the token has ended, signing in again")
            self._held = None
            return not self._sign_in(seen).matches(refused)

    def close(self) -> None:
        """Revoke the token if signing in made it; a failure is logged, the token ends by itself.

        From then on nobody is signed in: a thread that comes late would get a token that nobody revokes.
        """
        with self._lock:
            held, self._held = self._held, None
            self._closed = True
        if held is None or not held.lease.ours:
            return
        try:
            self._line.ask(
                _REVOKE, lambda client: client.auth.token.revoke_self(), held.lease.token
            )
        except RotationError as error:
            _log.warning("vault: own token not revoked: %s", error)

    def _sign_in(self, seen: int) -> Secret:
        if self._closed:
            raise closed("sign in")
        if self._failure is not None and self._attempts > seen:
            raise self._failure.sealed()  # tried while this caller waited: do not try again
        failure: RotationError
        try:
            lease = self._method.sign_in(self._line)
        except RotationError as error:
            failure = error.sealed()
        else:
            self._attempts += 1
            self._failure = None
            self._held = self._hold(lease)
            return lease.token
        self._attempts += 1
        self._failure = failure
        self._held = None
        raise failure.sealed()

    def _renew(self, held: _Held, now: float, seen: int) -> None:
        """Renew, or go on with what there is while it lasts, or sign in again when it has ended."""
        try:
            answer = self._line.ask(
                _RENEW, lambda client: client.auth.token.renew_self(), held.lease.token
            )
        except Unreachable as error:
            _log.warning("vault: token not renewed yet: %s", error)
            self._held = replace(held, renew_at=now + (held.ends_at - now) / 4)
            return
        if answer.status == 400:  # not renewable after all
            self._held = replace(held, renew_at=inf)
            return
        if answer.status != 200:
            self._sign_in(seen)
            return
        renewed = replace(lease_from(answer, _RENEW), ours=held.lease.ours)
        fresh = self._hold(renewed)
        # A lease that did not get longer has met its maximum: let it end, then sign in again.
        self._held = fresh if fresh.ends_at > held.ends_at + 1 else replace(fresh, renew_at=inf)

    def _hold(self, lease: Lease) -> _Held:
        now = self._clock.monotonic()
        if lease.seconds is None:
            return _Held(lease, inf, inf)
        margin = min(10.0, lease.seconds / 20)
        renew_at = now + lease.seconds / 2 if lease.renewable else inf
        return _Held(lease, renew_at, now + lease.seconds - margin)
