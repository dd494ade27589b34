#!/usr/bin/env bash
# What one GPU does, in eight minutes at most: benchmarks/gpu.py with plain PyTorch and transformers,
# no network and nothing installed. One JSON object a line; what did not fit into the time is left out.
#
#   bash benchmarks/gpu.sh [options of gpu.py] | tee gpu.jsonl
set -euo pipefail
cd "$(dirname "$0")/.."
export PYTHONPATH=src HF_HUB_OFFLINE=1 TOKENIZERS_PARALLELISM=false
exec timeout --signal=INT 480 "${PYTHON:-python3}" benchmarks/gpu.py "$@"
