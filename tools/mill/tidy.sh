source tools/mill/build.sh

help_tidy() {
  cat <<'EOF'
usage: ./mill tidy [--fast] [file...]

Checks the house rules (tools/tidy/): dependencies between folders point down only, services include only
each other's interface.h, every top folder of src/, service and district has a README, no file is over
its limit, heavy headers stay out of headers. Then clang-tidy on all sources, or on the files named. --fast leaves clang-tidy
out; that part is what ./mill test runs.
EOF
}

run_tidy() {
  local fast=
  [[ ${1:-} == --fast ]] && { fast=1; shift; }
  python3 tools/tidy/tidy.py || die "tidy found something"
  [[ -n $fast ]] && return
  setup_for_build
  configure_preset release
  # clang-tidy reads the compiler's commands, which name the precompiled headers.
  build_preset release tidemill_api tidemill_precompiled_sources tidemill_precompiled_tests
  local files
  files=${*:-$(git ls-files 'src/**.cc')}
  # shellcheck disable=SC2086
  printf '%s\n' $files | xargs -r -n 1 -P 2 clang-tidy-19 -p build/release --quiet
}
