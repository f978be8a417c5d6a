source tools/mill/build.sh

help_demo() {
  cat <<'EOF'
usage: ./mill demo

Sets up, builds a release, starts a server on a free port with a fresh data folder, runs the main job
on real data (examples/churn), and says how to go on.
EOF
}

run_demo() {
  local start
  start=$(seconds_now)
  setup_for_demo
  build_preset release tidemill
  TIDEMILL_PYTHON=$root/.cache/venvs/clients/bin/python \
    .cache/venvs/clients/bin/python examples/churn/demo.py --binary build/release/tidemill
  say "the demo took $(elapsed "$start") in all"
}
