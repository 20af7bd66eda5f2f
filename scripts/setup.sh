#!/usr/bin/env bash
# Makes the virtual environment that the Makefile's targets run in: setup.sh FOLDER
# Looks for what cannot be installed from Python packages first, and says what to do where it is missing.
set -euo pipefail

venv=$1
cd "$(dirname "$0")/.."

stop() {
  printf 'setup: %s\n' "$@" >&2
  exit 1
}

missing=()
command -v "${CXX:-g++}" >/dev/null || command -v clang++ >/dev/null || missing+=("g++ (a C++17 compiler; or set CXX)")
command -v make >/dev/null || missing+=("make")
command -v perl >/dev/null || missing+=("perl")
if [ ${#missing[@]} -gt 0 ]; then
  stop "not found: $(printf '%s; ' "${missing[@]}")" "Verilator needs them. Debian and Ubuntu: apt-get install g++ make perl"
fi

usable() { "$1" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; }

if [ ! -x "$venv/bin/python" ]; then
  python=
  for candidate in ${PYTHON:-} python3.11 python3.12 python3.13 python3.14 python3 python; do
    if usable "$candidate"; then
      python=$candidate
      break
    fi
  done
  [ -n "$python" ] || stop "no Python 3.11 or newer with venv found (looked for python3.11 … python3.14, python3, python)" \
    "Debian and Ubuntu: apt-get install python3 python3-venv; or say which one: make setup PYTHON=/path/to/python3"
  "$python" -m venv "$venv"
fi

# an old pip knows neither pyproject.toml's editable installs nor all wheel tags
"$venv/bin/python" -m pip install --quiet --upgrade "pip>=24"
"$venv/bin/python" -m pip install --quiet --editable ".[dev]" --constraint constraints.txt
"$venv/bin/python" -m pip check || stop "the packages in $venv do not fit together; remove the folder and run make setup again"
