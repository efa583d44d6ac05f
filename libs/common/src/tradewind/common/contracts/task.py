"""The spec of a job: what the gateway stores, and what an agent fetches by grant. Never published."""

import re
from typing import Annotated, Self

from pydantic import Field, StringConstraints, field_validator, model_validator

from tradewind.common.contracts.base import Value
from tradewind.common.contracts.job import JobSummary, OnLoss, RoleSummary
from tradewind.common.contracts.values import Recovery, Shape

NAME_RULE = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$"
ENV_NAME = re.compile(r"^[A-Za-z_][A-Za-z0-9_]*$")

Name = Annotated[str, StringConstraints(pattern=NAME_RULE)]


class RoleSpec(Value):
    """One role of a job: `count` ranks of one shape that run the same commands."""

    name: Name = "main"
    count: int = Field(default=1, ge=1, le=10_000)
    shape: Shape = Shape()
    setup: str | None = None
    run: str | None = None
    on_reclaim: str | None = None
    """Commands that save its work when its node, or another of its gang, is about to be taken away."""
    required: bool = True
    on_loss: OnLoss = OnLoss.GANG


class JobSpec(Value):
    """A whole job. `workdir` is the sha256 of a tar of the work directory, already uploaded as a blob."""

    name: Name
    roles: tuple[RoleSpec, ...] = Field(min_length=1)
    envs: dict[str, str] = Field(default_factory=dict)
    workdir: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")] | None = None
    recovery: Recovery = Recovery.EAGER_NEXT_REGION
    race: int = Field(default=1, ge=1, le=8)

    @field_validator("envs")
    @classmethod
    def _env_names(cls, envs: dict[str, str]) -> dict[str, str]:
        for name in envs:
            if not ENV_NAME.match(name):
                raise ValueError(
                    f"envs: {name!r} is not a name of an environment variable; use letters, digits and _"
                )
        return envs

    @model_validator(mode="after")
    def _some_role_decides(self) -> Self:
        if not any(role.required for role in self.roles):
            raise ValueError("roles: at least one role must be required, else the job could never end")
        if len({role.name for role in self.roles}) != len(self.roles):
            raise ValueError("roles: two roles have the same name")
        return self

    def summary(self, *, priority: int = 0, max_restarts: int = 0, cluster: str | None = None) -> JobSummary:
        """The public part."""
        return JobSummary(
            name=self.name,
            roles=tuple(
                RoleSummary(
                    name=role.name,
                    count=role.count,
                    shape=role.shape,
                    required=role.required,
                    on_loss=role.on_loss,
                )
                for role in self.roles
            ),
            priority=priority,
            max_restarts=max_restarts,
            cluster=cluster,
            recovery=self.recovery,
            race=self.race,
        )
