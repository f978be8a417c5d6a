source tools/mill/build.sh

help_coverage() {
  cat <<'HELP'
usage: ./mill coverage [--check]

Builds the server and writes docs/coverage.md, which operations there are, from what it registers.
--check changes nothing, and fails when the page does not say what the binary does.
HELP
}

run_coverage() {
  setup_for_build
  [[ -n ${MILL_BUILT:-} ]] || build_preset release tidemill
  coverage_page "$@"
  say "docs/coverage.md says what the binary does"
}
