source tools/mill/build.sh

help_coverage() {
  cat <<'EOF'
usage: ./mill coverage [--check]

Builds the binary and writes docs/coverage.md from the operations that it registers. With --check it
changes nothing and fails when the page is stale.
EOF
}

run_coverage() {
  setup_for_build
  build_preset release tidemill
  coverage_page "$@"
}
