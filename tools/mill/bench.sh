source tools/mill/build.sh

bench_parts="start s3 training endpoint serving fleet kernels events calls audit"

help_bench() {
  cat <<EOF
usage: ./mill bench [--quick] [--write] [PART]...

Parts: $bench_parts.

Builds a release and prints a table: Tidemill, its peer measured in the same run, and their ratio.
--write puts the tables into docs/benchmarks.md.
EOF
}

run_bench() {
  allow_options bench "--quick --write $bench_parts" "$@"
  setup_for_bench
  local parts=" $* "
  [[ $parts == *" serving "* || ! $parts =~ \ [a-z] ]] && setup_for_serving_bench
  [[ $parts == *" kernels "* || ! $parts =~ \ [a-z] ]] && setup_for_kernels_bench
  build_preset release tidemill bench_infer bench_paced_load bench_events bench_dispatcher
  TIDEMILL_PYTHON=$root/.cache/venvs/clients/bin/python \
    .cache/venvs/bench/bin/python bench/bench.py "$@"
}
