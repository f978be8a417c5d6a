source tools/mill/build.sh

help_demo() {
  cat <<'EOF'
usage: ./mill demo

Sets up, builds a release, starts a server on a free port with a fresh data folder, runs the main job
on real data (examples/churn), and prints the next steps. The first time it installs packages (minutes) and
compiles (about 6 minutes on two cores, with its progress in percent); after that it takes two minutes.
EOF
}

run_demo() {
  allow_options demo "" "$@"
  local start
  start=$(seconds_now)
  if [[ ! -x build/release/tidemill ]]; then
    say "the first demo installs packages (a few minutes), then compiles (about 6 minutes on two cores),
    then trains, deploys and predicts (two minutes); run again, only the last"
  fi
  setup_for_demo
  build_preset release tidemill
  TIDEMILL_PYTHON=$root/.cache/venvs/clients/bin/python \
    .cache/venvs/clients/bin/python examples/churn/demo.py --binary build/release/tidemill
  say "the demo took $(elapsed "$start") in all"
}
