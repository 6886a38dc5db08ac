"""How patiently steps are repeated; the only place in this room that reads the environment."""

from __future__ import annotations

import random

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class RetrySettings(BaseSettings):
    """Capped exponential backoff with jitter, in seconds (ROTATION_RETRY_*)."""

    model_config = SettingsConfigDict(env_prefix="ROTATION_RETRY_", frozen=True)

    attempts: int = Field(
        default=5, ge=1, le=20, description="Tries of one step, the first included."
    )
    base: float = Field(default=1.0, ge=0.0, le=60.0)
    cap: float = Field(default=60.0, ge=0.0, le=600.0)
    longest_wait: float = Field(
        default=300.0, ge=0.0, description="Longest Retry-After that is waited out."
    )

    def delays(self) -> list[float]:
        """Return the waits between tries: base, doubled each time, capped, each 50-100 % at random."""
        steps = (min(self.cap, self.base * 2**n) for n in range(self.attempts - 1))
        return [step * (0.5 + random.random() / 2) for step in steps]  # noqa: S311  jitter
