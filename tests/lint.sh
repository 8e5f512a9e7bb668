#!/usr/bin/env bash
# make lint: the house rules, and cppcheck where it is installed.
set -euo pipefail
cd "$(dirname "$0")/.."
status=0
python3 tests/lint.py . || status=1
if command -v cppcheck >/dev/null; then
	cppcheck --quiet --std=c11 --language=c -I. --error-exitcode=1 --inline-suppr \
		--enable=warning,performance,portability --suppress=missingIncludeSystem \
		--suppress=normalCheckLevelMaxBranches -DCOREHEAP_VERSION='""' -D_GNU_SOURCE -D__x86_64__ \
		formats heapwalk analyzer preload || status=1
else
	echo 'lint: cppcheck is not installed, its checks are left out' >&2
fi
[ "$status" -ne 0 ] || echo 'lint: clean'
exit "$status"
