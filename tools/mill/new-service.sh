source tools/mill/setup.sh

help_new-service() {
  cat <<'HELP'
usage: ./mill new-service NAME

Lays out an empty service that compiles and has a passing test. NAME is boto3's: sqs, stepfunctions. Makes the folder
src/services/NAME (module, CMake, README), its lines in codegen/ (services, operations) and tests/conformance/test_NAME.py.
No other file needs an edit: CMake finds the module.
HELP
}

run_new-service() {
  [[ $# == 1 && $1 != -* ]] || die "new-service takes the name of one service; see ./mill new-service --help"
  [[ -d .venv/lib ]] || setup_for_build
  .venv/bin/python -B tools/mill/new_service.py --botocore "$(echo .venv/lib/python3*/site-packages/botocore)" "$1"
}
