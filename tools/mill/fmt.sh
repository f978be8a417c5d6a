help_fmt() {
  cat <<'EOF'
usage: ./mill fmt [--check]

Formats every C++ file with clang-format 19. With --check it changes nothing and fails when a file
is not formatted.
EOF
}

cxx_files() { git ls-files -co --exclude-standard 'src/**.cc' 'src/**.h' 'bench/**.cc' 'bench/**.h' 'tests/**.cc'; }

run_fmt() {
  allow_options fmt "--check" "$@"
  local mode=(-i)
  [[ ${1:-} == --check ]] && mode=(--dry-run --Werror)
  cxx_files | xargs -r -n 40 -P 2 clang-format-19 "${mode[@]}"
}
