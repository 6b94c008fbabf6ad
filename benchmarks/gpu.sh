#!/usr/bin/env bash
# What needs a GPU, in one run of about a quarter of an hour: tests first, then sampling, attention, whole steps and the knobs of
# the draw. Each part writes to OUT and goes on when one fails; the most important come first.
#
#   benchmarks/gpu.sh MODEL OUT [FA3]  # MODEL: a folder with a config.json of Llama-3.1-8B's shape and its tokenizer
#                                      # FA3: a folder with FlashAttention 3, to be put beside ours
set -u
model=$1 out=$2 flash=${3:+--against fa3=$3}
mkdir -p "$out"
py="${PYTHON:-python3} -P"
part() { # seconds, name, command ...
    echo "== $2"
    timeout "$1" "${@:3}" 2>&1 | tee "$out/$2.txt" | tail -40
}
part 150 tests-gpu $py -m pytest -q -m gpu tests/kernels tests/runtime
part 100 tests-devices $py -m pytest -q tests/kernels/test_fp8.py tests/kernels/test_attention_plan.py \
    tests/kernels/test_sample.py tests/kernels/test_threshold.py
part 60 sampling $py -m trellis.runtime.bench.sampling --rows 1 64 256 --json "$out/sampling.jsonl"
for kind in decode shared extend ragged; do
    part 60 "attention-$kind" $py -m trellis.runtime.bench.attention --only $kind $flash --json "$out/attention-$kind.json"
done
part 90 attention-fp8 $py -m trellis.runtime.bench.attention --only decode --kv fp8 --json "$out/attention-fp8.json" \
    --tiles 16,32,4,4,3 16,64,4,3,2 16,64,4,4,2
part 60 shared-fp8 $py -m trellis.runtime.bench.attention --only shared --kv fp8 --json "$out/shared-fp8.json" \
    --tiles 128,64,8,4 128,128,8,2
steps="--workload decode_bs1 --workload decode_bs64 --workload decode_bs256 --workload shared8192_bs256"
part 90 steps $py -m trellis.runtime.bench.engine "$model" $steps --json "$out/engine.jsonl"
part 90 steps-fp8 $py -m trellis.runtime.bench.engine "$model" $steps --option 'kv_dtype="fp8"' --json "$out/engine.jsonl"
part 60 steps-unshared $py -m trellis.runtime.bench.engine "$model" --workload shared2048_bs256 --option share=false
part 110 json $py -m trellis.runtime.bench.engine "$model" --workload plain_bs256_for_json --workload json_bs256 \
    --workload json_unbounded_bs256 --workload json_tools_bs256 --workload json_256_schemas_bs256 --json "$out/engine.jsonl"
part 90 beside $py -m trellis.runtime.bench.engine "$model" --workload prefill_beside_decode --option context=40000 \
    --json "$out/engine.jsonl"
part 120 uneven $py -m trellis.runtime.bench.engine "$model" --workload uneven --option context=131072 --json "$out/engine.jsonl"
