source tools/mill/build.sh

help_up() {
  cat <<'EOF'
usage: ./mill up [options of tidemill serve]

Builds, then runs the server in this terminal until Ctrl-C. The data folder is ./data unless --data
says otherwise. In another terminal, before a notebook:

  eval "$(build/release/tidemill env --data data --transparent)"
EOF
}

run_up() {
  setup_for_build
  build_preset release tidemill
  local options=("$@")
  [[ " $* " == *" --data"* ]] || options=(--data data "${options[@]}")
  # Script-mode jobs import from the clients' environment if it exists.
  [[ -x .cache/venvs/clients/bin/python && -z ${TIDEMILL_PYTHON:-} ]] &&
    export TIDEMILL_PYTHON=$root/.cache/venvs/clients/bin/python
  local i data=data
  for ((i = 0; i < ${#options[@]}; i++)); do
    [[ ${options[i]} == --data ]] && data=${options[i + 1]:-}
    [[ ${options[i]} == --data=* ]] && data=${options[i]#--data=}
  done
  say "in another terminal, before you open a notebook there:
    eval \"\$(build/release/tidemill env --data $(printf %q "$data") --transparent)\""
  exec build/release/tidemill serve "${options[@]}"
}
