help_setup() {
  cat <<'EOF'
usage: ./mill setup [build|test|bench]

Installs what the project needs: Debian packages (as root, or with sudo; else it says which are
missing), and inside the checkout, from pinned and hashed lists, Python packages (.venv, .cache/venvs)
and npm packages. Does nothing, quickly, when all is there.
EOF
}

missing_debian_packages() {
  local wanted
  wanted=$(grep -v '^#' tools/mill/debian-packages.txt)
  # Node and Go may come from elsewhere than Debian.
  command -v node >/dev/null || wanted+=$'\nnodejs\nnpm'
  command -v go >/dev/null || wanted+=$'\ngolang-go'
  comm -23 <(sort <<<"$wanted") \
    <(dpkg-query -W -f='${db:Status-Abbrev} ${Package}\n' 2>/dev/null | awk '$1 == "ii" { print $2 }' | sort)
}

setup_debian() {
  stamped debian tools/mill/debian-packages.txt && return
  local missing sudo=()
  missing=$(missing_debian_packages)
  if [[ -n $missing ]]; then
    if [[ $(id -u) -ne 0 ]]; then
      command -v sudo >/dev/null && sudo -n true 2>/dev/null && sudo=(sudo) ||
        die "these Debian packages are missing, and neither root nor sudo is at hand to install them:
  apt-get install --no-install-recommends $(tr '\n' ' ' <<<"$missing")"
    fi
    step "apt-get update" "${sudo[@]}" apt-get update -qq
    # shellcheck disable=SC2086
    step "install $(wc -w <<<"$missing") Debian packages" "${sudo[@]}" env DEBIAN_FRONTEND=noninteractive \
      apt-get install -y -qq --no-install-recommends $missing
  fi
  set_stamp debian tools/mill/debian-packages.txt
}

# venv NAME DIRECTORY REQUIREMENTS
setup_venv() {
  local name=$1 directory=$2 requirements=$3
  stamped "venv-$name" "$requirements" && [[ -x $directory/bin/python ]] && return
  step "Python packages: $name" bash -euc "
    rm -rf '$directory'
    python3 -m venv '$directory'
    '$directory/bin/pip' install --quiet --disable-pip-version-check --require-hashes --no-deps -r '$requirements'"
  set_stamp "venv-$name" "$requirements"
}

setup_npm() {
  local directory=$1
  [[ -f $directory/package-lock.json ]] || return 0
  stamped "npm-${directory//\//-}" "$directory/package-lock.json" && [[ -d $directory/node_modules ]] && return
  step "npm packages: $directory" npm ci --prefix "$directory" --no-audit --no-fund --ignore-scripts
  set_stamp "npm-${directory//\//-}" "$directory/package-lock.json"
}

setup_for_build() {
  setup_debian
  setup_venv build .venv requirements/codegen.txt
}
setup_for_demo() {
  setup_for_build
  setup_venv clients .cache/venvs/clients requirements/clients.txt
}
setup_for_test() {
  setup_for_demo
  setup_venv clients-old .cache/venvs/clients-old requirements/clients-old.txt
  setup_venv clients-v3 .cache/venvs/clients-v3 requirements/clients-v3.txt
  setup_npm tests/clients/js
}
setup_for_bench() {
  setup_for_demo
  setup_venv bench .cache/venvs/bench requirements/bench.txt
  setup_npm bench/peers
}

run_setup() {
  case ${1:-test} in
    build | demo | test | bench) "setup_for_${1:-test}" ;;
    *) die "setup knows build, demo, test and bench, not '$1'" ;;
  esac
}
