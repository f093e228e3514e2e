#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Every role's key rotated under a running otaserve. Boards that polled after each change, that slept through three, that lost
# ota_state, and that come from the factory with the first root: all end trusted, updated, confirmed and reported.
. tests/tap.sh
. tests/net/board.sh

make_fleet esp32c3 || exit 1
daemon_port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
daemon_listen=127.0.0.1:$daemon_port
serve() { start_daemon "$1" --url "https://localhost:$daemon_port"; }
ctl() { otactl -C "$ws" "$@"; }
create() { otadevice create -C "$ws" --from "$tmp/build-1.0.0" -o "$tmp/$1.flash" --id "$1" --root "$tmp/1.root.json" --url "$daemon_url" >/dev/null; }
poll() { run otadevice run --flash "$tmp/$1.flash" --once --json; }
# What a poll came to: exit code, result, counter.
went() { echo "$rc $(jq -r '"\(.result) \(.running.counter)"' <<<"$out")"; }
keyid() { ctl --json root show | jq -r --arg role "$1" '[.roles[] | select(.name == $role)][0].keys[0].keyid'; }
fleet() { ctl --json fleet list | jq -r --arg id "$1" '.devices[] | select(.id == $id) | "\(.counter) \(.version) \(.state) \(.result) \(.mixed)"'; }
health() { curl -s --cacert "$ws/keys/ca.crt" "$daemon_url/healthz"; }
# The change of root or targets that was begun is signed, published and followed by the board that never sleeps.
publish_change() {
    ok "rotation_$1_is_signed" ctl root sign
    ok "rotation_$1_is_published" ctl root publish
    poll awake
    is "rotation_$1_is_followed" "$(went)" "0 up-to-date $2"
}
# A role's only key.
rotate() { # role, counter of the release that boards run
    before=$(keyid "$1")
    ok "rotation_of_$1" ctl root rotate "$1"
    publish_change "of_$1" "$2"
    is "rotation_of_$1_retires_the_key" "$(find "$ws/keys/retired" -name "${before:0:8}.*" | wc -l)" 1
}
release() {
    push_release "$1" || exit 1
    poll awake
    is "rotation_awake_board_takes_$1" "$(went)" "0 updated $2"
}

cp "$ws/state/repo/metadata/1.root.json" "$tmp/1.root.json"
serve "$ws" || exit 1
for name in awake sleeper forgetful fresh; do create $name || exit 1; done
for name in awake sleeper forgetful; do
    poll $name
    is "rotation_${name}_begins" "$(went)" "0 up-to-date 1"
done
cp -a "$ws" "$tmp/thief" # who has all keys of the first day

# ---- three rotations while one board sleeps ----
rotate timestamp 1
release 1.1.0 2
poll forgetful
is rotation_forgetful_takes_1.1.0 "$(went)" "0 updated 2"
rotate root 2
rotate snapshot 2
poll sleeper
is rotation_sleeper_catches_up_with_three "$(went)" "0 updated 2"

# ---- three more; one of them is the product's own ----
rotate targets 2
rotate rollout 2
before=$(keyid thermo)
ok rotation_of_the_product ctl product rotate-key thermo
is rotation_of_the_product_retires_the_key "$(find "$ws/keys/retired" -name "${before:0:8}.*" | wc -l)" 1
poll awake
is rotation_of_the_product_is_followed "$(went)" "0 up-to-date 2"
release 1.2.0 3
poll sleeper
is rotation_sleeper_catches_up_with_three_more "$(went)" "0 updated 3"

# ---- ota_state is lost: nothing but the first root and the running app, and the signatures of that release are of lost keys ----
state=$(otadevice show "$tmp/forgetful.flash" --json | jq -r '.partitions[] | select(.label == "ota_state") | "\(.offset) \(.size)"')
head -c "${state#* }" /dev/zero | tr '\0' '\377' | dd of="$tmp/forgetful.flash" bs=4096 seek=$((${state% *} / 4096)) conv=notrunc status=none
is rotation_forgetful_forgot "$(otadevice show "$tmp/forgetful.flash" --json | jq -r '.partitions[] | select(.label == "ota_state") | .used')" 0
poll forgetful
is rotation_forgetful_goes_on "$(went)" "0 updated 3"

# ---- two of two for root, and the daily key once more under it ----
(umask 077 && openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$tmp/ann.pem" 2>/dev/null)
ok rotation_root_gets_a_second_key ctl root add-key root "$tmp/ann.pem"
ok rotation_root_wants_two ctl root threshold root 2
fails rotation_publish_without_the_second 1 "not signed yet" ctl root publish
ok rotation_second_key_signs ctl root sign --key "$tmp/ann.pem"
publish_change threshold 3
ok rotation_under_two ctl root rotate timestamp
ok rotation_under_two_has_one_signature ctl root sign
fails rotation_under_two_by_one 1 "1 of 2 signatures" ctl root publish
ok rotation_under_two_has_both ctl root sign --key "$tmp/ann.pem"
publish_change under_two 3

# ---- a release; everybody has it in the end ----
release 1.3.0 4
for name in sleeper forgetful fresh; do
    poll $name
    is "rotation_${name}_ends_updated" "$(went)" "0 updated 4"
done
for name in awake sleeper forgetful fresh; do
    poll $name
    is "rotation_${name}_is_confirmed" "$(went) $(otadevice show "$tmp/$name.flash" --json | jq -c '[.faults, .journal]')" "0 up-to-date 4 [[],null]"
    is "rotation_${name}_is_reported" "$(fleet $name)" "4 1.3.0 idle installed false"
done
ok rotation_verifies_from_the_first_root otactl verify "$ws/state/repo" --root "$tmp/1.root.json"
ok rotation_verifies_over_https otactl verify "$daemon_url" --root "$tmp/1.root.json" --ca "$ws/keys/ca.crt"
is rotation_health_is_good "$(health | jq -r '"\(.status) \(.reasons | length)"')" "ok 0"
is rotation_daemon_had_nothing_to_complain "$(grep -vE ' otaserve: (published|the next role) ' "$tmp/daemon.log")" ""
is rotation_retired_every_first_key "$(find "$ws/keys/retired" -type f | wc -l)" 7

# ---- retired keys are of no use ----
fails rotation_retired_product_key_signs_no_release 1 "key" ctl push "$tmp/build-1.3.0" --key "$(find "$ws/keys/retired" -name '*.thermo.pem')"
stop_daemon
sleep 1.1 # what the thief signs from here on is later than what boards saw
own=$ws ws=$tmp/thief
serve "$ws" || exit 1
for version in 6.6.1 6.6.2 6.6.3 6.6.4; do push_release $version || exit 1; done # the last has a higher counter than any
poll awake
is rotation_board_that_followed_refuses_the_first_keys "$rc $(jq -r '"\(.error.code) \(.running.version)"' <<<"$out")" "1 signature 1.3.0"
contains rotation_refusal_names_the_role "$(jq -r .error.message <<<"$out")" "timestamp.json: 0 of 1 needed signatures"
create victim || exit 1
poll victim
is rotation_board_that_never_followed_would_believe_them "$(went)" "0 updated 5"
stop_daemon
ws=$own
serve "$ws" || exit 1
poll awake
is rotation_board_goes_on_with_its_own_server "$(went)" "0 up-to-date 4"
done_testing
