"""All mutants, the first to be looked for first."""

from bench.mutants import agents, jobs, provisioning, reactor, recovering, scheduling

MUTANTS = (
    *reactor.MUTANTS,
    *jobs.MUTANTS,
    *scheduling.MUTANTS,
    *provisioning.MUTANTS,
    *recovering.MUTANTS,
    *agents.MUTANTS,
)
