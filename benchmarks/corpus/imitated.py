"""The corpus of `trellis bench grammar` as cases for `trellis check --batch`, to put beside a peer.

python benchmarks/corpus/imitated.py 50 > imitated.jsonl            # so many schemas of each family
trellis check --batch imitated.jsonl --tokenizer MODEL --against llguidance > answers.jsonl
"""

import json
import sys

from trellis.runtime.bench.corpus import FAMILIES, draw_cases


def main() -> None:
    """Prints a line for each case."""
    for family in FAMILIES:
        for case in draw_cases(family, int(sys.argv[1])):
            tests = [{"data": sample.data, "valid": sample.valid} for sample in case.samples]
            line = {"id": case.id, "schema": json.loads(case.schema), "tests": tests}
            print(json.dumps(line, ensure_ascii=False))


if __name__ == "__main__":
    main()
