"""The register pushdown machine that front ends build, and the way from its rules to tables."""
