#!/bin/sh
# Every GPU figure of docs/benchmarks.md on one card, in at most 8 minutes; prints Markdown tables, and appends them to
# docs/experiments/benchmarks-log.md where that can be written.
#
#   sh Testing/Benchmarks/bench_gpu.sh            on an NVIDIA GPU
#   sh Testing/Benchmarks/bench_gpu.sh cpu        a dry run of every line on processors, small, in some minutes
#
# Needs this checkout and its packages (pip install -e .), nothing else: no network, no data. No figure was ever taken
# with it: it was written without a GPU, and its dry run is all that was tried.
set -u
cd "$(dirname "$0")/../.." || exit 1
DEVICE=${1:-cuda}
PYTHON=${PYTHON:-python3}
PAGE=docs/experiments/benchmarks-log.md
export PYTHONPATH="$PWD"
END=$(($(date +%s) + 480)); PATIENCE=1
SLICES=667; WIDTH=32; MEMORY="8 2"; QUICK=""
if [ "$DEVICE" = cpu ]; then SLICES=130; WIDTH=2; MEMORY=0.05; QUICK=--quick; END=$((END + 3600)); PATIENCE=10; fi

# Each part has a time limit of its own, and none begins after the eight minutes.
part() {
  limit=$(($1 * PATIENCE)); shift
  left=$((END - $(date +%s)))
  if [ "$left" -le 5 ]; then echo "left out, the eight minutes are over: $*"; return; fi
  [ "$limit" -gt "$left" ] && limit=$left
  timeout "$limit" "$@" || echo "FAILED or out of time ($?): $*"
}

[ "$DEVICE" = cpu ] || part 20 "$PYTHON" -m PDACScreeningLib check --no-self-test
for protocol in exact fast; do
  part 120 "$PYTHON" Testing/Benchmarks/bench_end_to_end.py --device "$DEVICE" --protocol $protocol --slices $SLICES \
    --base-width $WIDTH --working-spacing-mm 1 --page $PAGE
done
for gib in $MEMORY; do
  part 60 "$PYTHON" Testing/Benchmarks/bench_end_to_end.py --device "$DEVICE" --protocol fast --slices $SLICES \
    --base-width $WIDTH --working-spacing-mm 1 --memory-gib "$gib" --page $PAGE
done
part 240 "$PYTHON" Testing/Benchmarks/bench_training.py --device "$DEVICE" $QUICK --training-only --page $PAGE

# The labels of one phantom at every memory setting: the files must be the same.
WORK=$(mktemp -d) || exit 1
part 60 "$PYTHON" -m PDACScreeningLib phantom --seed 1 --tumor-diameter-mm 30 --output "$WORK/phantom"
for gib in 16 0.2 0.02; do
  part 60 "$PYTHON" -m PDACScreeningLib screen "$WORK/phantom/ct.nii.gz" --model demo-phantom --device "$DEVICE" \
    --protocol fast --memory-gib $gib --output "$WORK/$gib"
done
for gib in 0.2 0.02; do
  if [ ! -f "$WORK/16/labels.seg.nrrd" ] || [ ! -f "$WORK/$gib/labels.seg.nrrd" ]; then echo "labels at $gib GiB: not made"
  elif cmp -s "$WORK/16/labels.seg.nrrd" "$WORK/$gib/labels.seg.nrrd"; then echo "labels at $gib GiB: the same as at 16"
  else echo "labels at $gib GiB: NOT the same as at 16"; fi
done
rm -rf "$WORK"
