# Shared by every subcommand: messages, timing, stamps.

bold() { [[ -t 1 ]] && printf '\033[1m%s\033[0m' "$1" || printf '%s' "$1"; }
say() { printf '%s %s\n' "$(bold '==>')" "$*"; }
die() { printf 'mill: %s\n' "$*" >&2; exit 1; }
# allow_options COMMAND "WORDS" "$@": exits before anything is done when an argument is not one of the words.
allow_options() {
  local command=$1 words=" $2 " word
  shift 2
  for word in "$@"; do
    [[ -n $word && $words == *" $word "* ]] || die "$command has no option '$word'; see ./mill $command --help"
  done
}
seconds_now() { date +%s.%N; }
elapsed() { awk -v a="$1" -v b="$(seconds_now)" 'BEGIN { printf "%.1f s", b - a }'; }

# step "what" command...: runs it with the output in a log file, shows progress, and prints the log
# when it fails.
step() {
  local what=$1 start log
  shift
  start=$(seconds_now)
  mkdir -p .cache/log
  log=.cache/log/$(tr -cs 'a-zA-Z0-9\n' '-' <<<"$what").log
  printf '%s %s ... ' "$(bold '==>')" "$what"
  if "$@" >"$log" 2>&1 </dev/null; then
    printf 'done (%s)\n' "$(elapsed "$start")"
  else
    local status=$?
    printf 'FAILED (%s)\n' "$(elapsed "$start")"
    tail -n 60 "$log"
    die "'$what' failed; the whole output is in $log"
    return $status
  fi
}

# stamped NAME FILE...: true when the stamp NAME was made from the same contents of FILE...
stamp_of() { cat "$@" 2>/dev/null | sha256sum | cut -c1-24; }
stamped() { local name=$1; shift; [[ -f .cache/stamps/$name && $(<".cache/stamps/$name") == "$(stamp_of "$@")" ]]; }
set_stamp() { local name=$1; shift; mkdir -p .cache/stamps; stamp_of "$@" >".cache/stamps/$name"; }

free_port() {
  python3 - <<'EOF'
import socket
s = socket.socket()
s.bind(("127.0.0.1", 0))
print(s.getsockname()[1])
EOF
}

# One compile serves every checkout of the project: paths below the checkout do not enter ccache's hash.
root=${root:-$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)}
export CCACHE_BASEDIR=$root CCACHE_NOHASHDIR=1
