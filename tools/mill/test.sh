source tools/mill/build.sh
source tools/mill/fuzz.sh

help_test() {
  cat <<'EOF'
usage: ./mill test [--long] [unit|fuzz|conformance|crash|adversary|examples|notebooks|rules]...

Sets up and passes every test; or only the parts named:
  rules        formatting, the house rules, docs/coverage.md up to date
  unit         C++ tests under ASan and UBSan
  fuzz         every fuzzer, about a minute in all
  conformance  the release binary, driven by AWS's own clients
  crash        kill -9 at every commit point, then look what is left
  adversary    attacks: policies, hostile jobs, slow clients, damaged bytes
  examples     the main job, as ./mill demo runs it
  notebooks    notebooks of strangers, run as they are in transparent mode

--long runs only what takes too long for every change: storms, soaks, large data, every fuzzer for five
minutes. docs/long-tests.md says when each ran last, and with what result.
EOF
}

passed=0
failed=0
skipped=0
failures=()
part() {
  local name=$1
  shift
  say "test: $name"
  if "$@"; then :; else
    failed=$((failed + 1))
    failures+=("$name")
  fi
}

# Runs pytest and adds its counts to ours.
run_pytest() {
  local python=$1 report
  shift
  mkdir -p .cache/log
  report=.cache/log/pytest-$RANDOM.xml
  local status=0
  "$python" -m pytest -q -x --maxfail=5 -p no:cacheprovider --junitxml="$report" "$@" || status=$?
  read -r p f s < <("$python" - "$report" <<'EOF'
import sys, xml.etree.ElementTree as tree
suite = tree.parse(sys.argv[1]).getroot().find("testsuite").attrib
bad = int(suite["failures"]) + int(suite["errors"])
print(int(suite["tests"]) - bad - int(suite["skipped"]), bad, suite["skipped"])
EOF
  ) || { p=0; f=1; s=0; }
  passed=$((passed + p))
  skipped=$((skipped + s))
  return $status
}

part_rules() {
  source tools/mill/fmt.sh
  run_fmt --check && python3 tools/tidy/tidy.py &&
    coverage_page --check &&
    passed=$((passed + 3))
}

part_unit() {
  build_preset asan all
  local log=.cache/log/ctest.log status=0
  mkdir -p .cache/log
  ctest --test-dir build/asan -j 2 --output-on-failure >"$log" 2>&1 || status=$?
  [[ $status -eq 0 ]] || grep -vE '^ *[0-9]+/[0-9]+ .*Passed|^ +Start ' "$log" | tail -n 80
  grep -E 'tests passed|Total Test time' "$log"
  local total bad
  read -r bad total < <(sed -nE 's/.* ([0-9]+) tests? failed out of ([0-9]+)/\1 \2/p' "$log")
  passed=$((passed + ${total:-0} - ${bad:-0}))
  [[ ${total:-0} -gt 0 ]] || return 1
  return $status
}

part_fuzz() {
  build_preset asan all
  local count
  count=$(find build/asan -name 'fuzz_*' -type f -executable | wc -l)
  [[ $count -gt 0 ]] || return 1
  fuzz_all $(((60 + count - 1) / count)) && passed=$((passed + count))
}

part_conformance() {
  run_pytest .cache/venvs/clients/bin/python tests/conformance &&
    run_pytest .cache/venvs/clients-old/bin/python tests/conformance_old &&
    run_pytest .cache/venvs/clients-v3/bin/python tests/conformance_v3 &&
    run_pytest .cache/venvs/clients-s3/bin/python tests/conformance_s3
}
part_crash() { run_pytest .cache/venvs/clients/bin/python tests/crash; }
part_adversary() { run_pytest .cache/venvs/clients/bin/python tests/adversary; }
part_long() { run_pytest .cache/venvs/clients/bin/python tests/long; }
part_long_fuzz() {
  build_preset asan all
  fuzz_all 300 && passed=$((passed + 1))
}
part_notebooks() { run_pytest .cache/venvs/notebooks/bin/python tests/notebooks; }
part_examples() { run_pytest .cache/venvs/clients/bin/python tests/examples; }

run_test() {
  local start parts=("$@")
  start=$(seconds_now)
  local name
  if [[ ${parts[0]:-} == --long ]]; then
    parts=(long long_fuzz)
    [[ $# -eq 1 ]] || die "--long takes no parts; see ./mill test --help"
  fi
  for name in "${parts[@]}"; do
    declare -F "part_$name" >/dev/null || die "there is no part '$name'; see ./mill test --help"
  done
  [[ ${#parts[@]} -gt 0 ]] || parts=(rules conformance examples notebooks crash adversary unit fuzz)
  setup_for_test
  build_preset release tidemill
  for name in "${parts[@]}"; do
    part "$name" "part_$name"
  done
  say "all parts took $(elapsed "$start")"
  [[ $failed -eq 0 ]] || printf 'failed part: %s\n' "${failures[@]}"
  printf '%d passed, %d failed, %d skipped\n' "$passed" "$failed" "$skipped"
  [[ $failed -eq 0 && $passed -gt 0 ]]
}
