"""Where and how the work runs: the sections `tracking`, `engine` and `check` of params.yaml."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from churn.params.section import Section


class TrackingParams(Section):
    """Where MLflow keeps runs and models."""

    uri: str = "sqlite:///mlflow.db"
    experiment: str = "churn"
    model: str = "churn"


class EngineParams(Section):
    """What the machine may use."""

    memory_limit: Annotated[str, Field(pattern=r"^\d+(\.\d+)? ?([KMGT]i?B)$")] = "4GiB"
    threads: Annotated[int, Field(ge=1, le=512)] = 2
    executor: Literal["auto", "serial", "processes", "spark"] = "auto"
    processes: Annotated[int, Field(ge=1, le=512)] | None = None

    @property
    def n_processes(self) -> int:
        """Return how many processes may compute signals: by default as many as there are threads."""
        return 1 if self.executor == "serial" else self.processes or self.threads

    def shared(self, number: int) -> EngineParams:
        """Return what one of so many processes may use, each with its part of the memory and the threads."""
        memory = f"{self.memory_bytes // number // 1024}KiB"
        return self.model_copy(update={"memory_limit": memory, "threads": max(1, self.threads // number)})

    @property
    def memory_bytes(self) -> int:
        """Return the memory limit in bytes."""
        number = self.memory_limit.rstrip("KMGTiB ")
        unit = self.memory_limit[len(number) :].strip()
        base = 1024 if "i" in unit else 1000
        scale: int = base ** (1 + "KMGT".index(unit[0]))
        return int(float(number) * scale)


class CheckParams(Section):
    """When bad rows stop the work, and what of the guards' findings a person signed off.

    `accept` holds a reason by guard or by place, as `churn check` names them.
    """

    max_rejects: Annotated[float, Field(ge=0, le=1)] = 0.05
    accept: dict[str, Annotated[str, Field(min_length=1)]] = {}
