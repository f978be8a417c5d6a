help_clean() {
  cat <<'EOF'
usage: ./mill clean [--all]

Removes build/. With --all also .venv, .cache and node_modules, so that the next command sets up anew.
EOF
}

run_clean() {
  allow_options clean "--all" "$@"
  rm -rf build
  [[ ${1:-} != --all ]] || rm -rf .venv .cache tests/clients/js/node_modules bench/peers/node_modules
  say "clean"
}
