"""How patiently steps are repeated; the only place in this room that reads the environment."""

from __future__ import annotations

import random
from typing import Any, Self

from pydantic import Field, ModelWrapValidatorHandler, ValidationError, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from connectors.errors import InvalidInput

PREFIX = "ROTATION_RETRY_"


class RetrySettings(BaseSettings):
    """Capped exponential backoff with jitter, in seconds (ROTATION_RETRY_*).

    Raises InvalidInput naming every variable that is wrong.
    """

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, hide_input_in_errors=True)

    attempts: int = Field(
        default=5, ge=1, le=20, description="Tries of one step, the first included."
    )
    base: float = Field(default=1.0, ge=0.0, le=60.0)
    cap: float = Field(default=60.0, ge=0.0, le=600.0)
    longest_wait: float = Field(
        default=300.0, ge=0.0, le=86400.0, description="Longest Retry-After that is waited out."
    )

    @model_validator(mode="wrap")
    @classmethod
    def _typed(cls, data: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:
        try:
            return handler(data)
        except ValidationError as error:
            problems = error.errors(include_url=False, include_input=False, include_context=False)
        wrong = "; ".join(f"{PREFIX}{str(p['loc'][0]).upper()}: {p['msg']}" for p in problems)
        raise InvalidInput("environment", "read", advice=f"Correct {wrong}.", variables=wrong)

    def delays(self) -> list[float]:
        """Return the waits between tries: base, doubled each time, capped, each 50-100 % at random."""
        steps = (min(self.cap, self.base * 2**n) for n in range(self.attempts - 1))
        return [step * (0.5 + random.random() / 2) for step in steps]  # noqa: S311  jitter
