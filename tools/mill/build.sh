source tools/mill/setup.sh

help_build() {
  cat <<'EOF'
usage: ./mill build [--preset release|asan|tsan] [target...]

Sets up what building needs and builds. Without a target: the server, build/release/tidemill.
EOF
}

configure_preset() {
  local preset=$1
  [[ -f build/$preset/build.ninja ]] || step "configure $preset" cmake --preset "$preset"
}

build_preset() {
  local preset=$1
  shift
  configure_preset "$preset"
  local start
  start=$(seconds_now)
  # Ninja's own progress line is the progress.
  ninja -C "build/$preset" "$@" || die "the $preset build failed"
  say "build $preset: $* ($(elapsed "$start"))"
}

run_build() {
  local preset=release
  if [[ ${1:-} == --preset ]]; then
    preset=$2
    shift 2
  fi
  setup_for_build
  build_preset "$preset" "${@:-tidemill}"
}

# Writes docs/coverage.md from what the binary registers, or with --check compares it.
coverage_page() {
  build/release/tidemill coverage --json | PYTHONPATH=. .venv/bin/python -m codegen.coverage \
    --botocore "$(echo .venv/lib/python3*/site-packages/botocore)" --implemented - --page docs/coverage.md "$@"
}
