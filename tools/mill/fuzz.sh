source tools/mill/build.sh

help_fuzz() {
  cat <<'EOF'
usage: ./mill fuzz [--seconds N] [name...]

Builds the fuzzers (libFuzzer, ASan, UBSan) and runs each, or those named, N seconds (default 60).
Corpora grow in .cache/fuzz/<name>; a crashing input is left in .cache/fuzz/ and its path printed.
EOF
}

# seed_fuzzer NAME DIRECTORY: the models in bundles named after the fuzzer are where it begins.
seed_fuzzer() {
  local bundle
  for bundle in src/infer/testdata/"$1"-*.zip; do
    [[ ! -f $bundle ]] || python3 -c '
import hashlib, pathlib, sys, zipfile
bundle = zipfile.ZipFile(sys.argv[1])
for name in bundle.namelist():
    data = bundle.read(name)
    if name.endswith(".model"):
        (pathlib.Path(sys.argv[2]) / hashlib.sha1(data).hexdigest()).write_bytes(data)' "$bundle" "$2"
  done
}

fuzz_all() {
  local seconds=$1 failed=0 program name
  shift
  for program in $(find build/asan -name 'fuzz_*' -type f -executable | sort); do
    name=$(basename "$program")
    [[ $# -eq 0 || " $* " == *" ${name#fuzz_} "* ]] || continue
    mkdir -p ".cache/fuzz/$name"
    seed_fuzzer "${name#fuzz_}" ".cache/fuzz/$name"
    step "fuzz ${name#fuzz_} for $seconds s" "$program" -max_total_time="$seconds" -timeout=10 \
      -rss_limit_mb=2048 -print_final_stats=1 -artifact_prefix=".cache/fuzz/$name-" ".cache/fuzz/$name" || failed=1
  done
  return $failed
}

run_fuzz() {
  local seconds=60
  if [[ ${1:-} == --seconds ]]; then
    [[ ${2:-} =~ ^[0-9]+$ ]] || die "--seconds takes a number; see ./mill fuzz --help"
    seconds=$2
    shift 2
  fi
  local name
  for name in "$@"; do
    [[ -n $(git ls-files "src/**/${name}_fuzz.cc" "src/*/${name}_fuzz.cc") ]] ||
      die "there is no fuzzer '$name'; there are: $(git ls-files 'src/**_fuzz.cc' | sed -E 's/.*\/(.*)_fuzz.cc/\1/' | sort | tr '\n' ' ')"
  done
  # ./mill test has built them before it starts each fuzzer with this.
  if [[ -z ${MILL_BUILT:-} ]]; then
    setup_for_build
    build_preset asan all
  fi
  fuzz_all "$seconds" "$@"
}
