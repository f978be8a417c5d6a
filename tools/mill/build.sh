source tools/mill/setup.sh

help_build() {
  cat <<'EOF'
usage: ./mill build [--preset release|asan|tsan] [--time] [target...]

Installs what the build needs, then builds. Without a target: the server, build/release/tidemill.
The release build leaves debug information beside the server, in build/release/tidemill.debug.

--time then compiles every file of the (first) target again, without the compiler cache, and prints the
ten that took the most CPU time, and the sum. The whole server takes minutes.
EOF
}

configure_preset() {
  local preset=$1
  [[ -f build/$preset/build.ninja ]] || step "configure $preset" cmake --preset "$preset"
}

# Announces how long a first build takes: about 12 minutes on one core.
announce_first_build() {
  local preset=$1 cores minutes
  [[ -n $(find "build/$preset/src" -name '*.o' -print -quit 2>/dev/null) ]] && return
  cores=$(nproc)
  minutes=$(((12 + cores - 1) / cores))
  say "the first build compiles for about 6 minutes on two cores (here, on $cores: about $minutes); later ones take seconds"
}

# Shows ninja's lines as progress in percent: on a terminal as one changing line, else as a line every five percent.
# Compiler messages are passed on.
show_progress() {
  local line percent last=0 terminal= shown=
  [[ -t 1 ]] && terminal=1
  while IFS= read -r line; do
    if [[ $line =~ ^@\ *([0-9]+)%\  ]]; then
      percent=${BASH_REMATCH[1]}
      if [[ -n $terminal ]]; then
        printf '\r    %3d %% built' "$percent"
        shown=1
      elif ((percent >= last + 5)); then
        printf '    %3d %% built\n' "$percent"
        last=$percent
      fi
    elif [[ $line != 'ninja: Entering directory'* ]]; then
      [[ -z $shown ]] || echo
      shown=
      printf '%s\n' "$line"
    fi
  done
  [[ -z $shown ]] || echo
}

build_preset() {
  local preset=$1
  shift
  configure_preset "$preset"
  local start
  start=$(seconds_now)
  announce_first_build "$preset"
  # NINJA_STATUS: percent done, in front of every step.
  NINJA_STATUS='@%p ' ninja -C "build/$preset" "$@" | show_progress || die "the $preset build failed"
  say "build $preset: $* ($(elapsed "$start"))"
}

run_build() {
  local preset=release timed=
  while [[ ${1:-} == --* ]]; do
    case $1 in
      --preset)
        [[ -n ${2:-} ]] || die "--preset takes release, asan or tsan"
        preset=$2
        shift 2
        ;;
      --time)
        timed=1
        shift
        ;;
      *) die "build has no option '$1'; see ./mill build --help" ;;
    esac
  done
  setup_for_build
  build_preset "$preset" "${@:-tidemill}"
  [[ -z $timed ]] || python3 tools/mill/compile_time.py "build/$preset" "${1:-tidemill}"
}

# Writes docs/coverage.md from what the binary registers; with --check only compares it.
coverage_page() {
  build/release/tidemill coverage --json | PYTHONPATH=. .venv/bin/python -m codegen.coverage \
    --botocore "$(echo .venv/lib/python3*/site-packages/botocore)" --implemented - --page docs/coverage.md "$@"
}
