"""The register pushdown machine that front ends build, and the way from its rules to tables.

rule                        what front ends build
align, ways, witness        all rules numbered through; a proof that nothing is dead
live, copies                otherwise: what is dead is cut off
needs, exits, narrow        with how many frames each text can still be finished
laying, tables              the tables of a Grammar
passes                      which of these steps go through all states: as array operations, here, or
compiled/                   as machine code, for who compiles for long
"""
