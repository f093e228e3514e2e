# SPDX-License-Identifier: Apache-2.0
# Commands at another time. Sourced after tap.sh; skips the suite where faketime is not installed.
#
#   in_days N CMD...    runs CMD with the clock N days on (a shell function too, such as start_daemon)
command -v faketime >/dev/null || skip_all "faketime is not installed"
later_library=$(faketime -f +1d env | sed -n 's/^LD_PRELOAD=//p')
# The sanitizers want to be the first library, but get along as the second.
export ASAN_OPTIONS=verify_asan_link_order=0:${ASAN_OPTIONS:-}

# Not by faketime itself: it stays as a process of its own between us and the one that takes signals.
in_days() {
    FAKETIME_NO_CACHE=1 FAKETIME="+$1d" LD_PRELOAD=$later_library "${@:2}"
}
