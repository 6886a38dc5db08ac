"""A value that must not be seen: repr, str, format, pickle, copy, JSON and comparison are all closed."""

from __future__ import annotations

import hmac
from typing import NoReturn, final


@final
class Secret:
    """Hold one secret text; only ``reveal`` and ``reveal_bytes`` give it out.

    Copying and pickling raise TypeError, because both are how secrets end up in places nobody chose.
    """

    __slots__ = ("__value",)

    def __init__(self, value: str) -> None:
        self.__value = value

    def reveal(self) -> str:
        """Return the text; call it in the expression that hands it to the other system."""
        return self.__value

    def reveal_bytes(self) -> bytes:
        """Return the text as UTF-8, the form that ldap3 passes on unchanged."""
        return self.__value.encode()

    def matches(self, other: Secret) -> bool:
        """Compare two secrets in constant time."""
        return hmac.compare_digest(self.reveal_bytes(), other.reveal_bytes())

    def __bool__(self) -> bool:
        return bool(self.__value)

    def __repr__(self) -> str:
        return "[secret]"

    __str__ = __repr__

    def __format__(self, _spec: str) -> str:
        return "[secret]"

    def __eq__(self, _other: object) -> bool:
        return NotImplemented

    __hash__ = None  # type: ignore[assignment]

    def _closed(self, *_: object) -> NoReturn:
        raise TypeError("a Secret is not copied or pickled; pass its SecretHandle instead")

    __copy__ = __deepcopy__ = __reduce_ex__ = __reduce__ = __getstate__ = _closed
