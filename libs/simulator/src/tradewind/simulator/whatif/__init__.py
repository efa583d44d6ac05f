"""What-if: a workload through the rules of all services in virtual time, on an infra as its script says."""
