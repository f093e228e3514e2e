#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# otactl bundle: what is in it and in which order, from a workspace and from a server, and what it refuses to write.
cd "$(dirname "$0")/../.." || exit 1
. tests/tap.sh
. tests/net/later.sh

ws=$tmp/ws
otactl init "$ws" --product thermo --chip esp32c3 --product valve --chip esp32c3 --url https://localhost:1 >/dev/null || skip_all 'otactl init failed'
for v in 1.0.0 1.1.0 1.2.0; do otadevice sample "$tmp/build-$v" --chip esp32c3 --version $v >/dev/null || skip_all 'otadevice sample failed'; done
push() { otactl -C "$ws" push --product thermo "$@"; }
bundle() { otactl -C "$ws" bundle "$@"; }
push "$tmp/build-1.0.0" >/dev/null
push "$tmp/build-1.1.0" --with all --compatible --accept-brick-risk >/dev/null || skip_all 'push failed'

# ---- what is in it ----
run bundle thermo 2 -o "$tmp/2.otab" --json
is bundle_of_a_release "$rc:$err" 0:
is bundle_json "$(jq -c '[.file, .product, .counter, .version, (.steps | map(.label)), .bytes, .bound_by]' <<<"$out")" \
    "[\"$tmp/2.otab\",\"thermo\",2,\"1.1.0\",[\"@partition-table\",\"storage\",\"@bootloader\",\"@ota\"],$(stat -c %s "$tmp/2.otab"),\"targets\"]"
is bundle_json_has_no_zlib_form "$(jq -c '[.steps[] | has("z")] | unique' <<<"$out")" '[false]'
is bundle_json_expires_with_the_first_offline_role "$(jq -r .expires <<<"$out")" \
    "$(jq -s -r '[.[].signed.expires] | min' "$ws"/state/repo/metadata/1.root.json "$ws"/state/repo/metadata/1.targets.json "$ws"/state/repo/metadata/3.thermo.json)"
newest() { (cd "$ws/state/repo" && printf '%s\n' metadata/*."$1".json | sort -V | tail -1); }
listed() { tar tf "$1"; }
wanted() { # counter
    jq -r --arg c "$1" '"targets/img/thermo/\($c)/\(.signed.targets["img/thermo/\($c)/release.txt"].hashes.sha256).release.txt"' "$ws/state/repo/$(newest thermo)"
    printf '%s\n' metadata/1.root.json metadata/timestamp.json "$(newest snapshot)" "$(newest targets)" "$(newest rollout)" "$(newest thermo)"
    jq -r --arg c "$1" '.signed.targets as $t | $t["img/thermo/\($c)/release.txt"].custom.steps[] | "targets/img/thermo/\($c)/\($t["img/thermo/\($c)/\(.)"].hashes.sha256).\(.)"' "$ws/state/repo/$(newest thermo)"
}
is bundle_holds_these_files_in_this_order "$(listed "$tmp/2.otab")" "$(wanted 2)"
mkdir "$tmp/out" && tar xf "$tmp/2.otab" -C "$tmp/out"
is bundle_extracts_to_a_part_of_the_repository "$(cd "$tmp/out" && find . -type f -exec sha256sum {} + | sort)" "$(cd "$tmp/out" && find . -type f | (cd "$ws/state/repo" && xargs sha256sum) | sort)"
ok bundle_is_what_tarfile_would_write python3 -c '
import io, sys, tarfile
data = open(sys.argv[1], "rb").read()
made = io.BytesIO()
with tarfile.open(sys.argv[1], "r:") as old:
    new = tarfile.TarFile(fileobj=made, mode="w", format=tarfile.USTAR_FORMAT)
    for member in old:
        info = tarfile.TarInfo(member.name)
        info.size = member.size
        new.addfile(info, old.extractfile(member))
sys.exit(data != made.getvalue()[: new.offset] + bytes(1024))' "$tmp/2.otab"
bundle thermo 2 -o "$tmp/again.otab" >/dev/null
ok bundle_is_reproducible cmp "$tmp/2.otab" "$tmp/again.otab"

# ---- which release ----
bundle 1.1.0 --product thermo -o "$tmp/by-version.otab" >/dev/null
ok bundle_of_a_version cmp "$tmp/2.otab" "$tmp/by-version.otab"
push "$tmp/build-1.2.0" --version 1.1.0 >/dev/null
fails bundle_of_a_version_of_two 1 'name one by its number: 2, 3' bundle thermo 1.1.0 -o "$tmp/no.otab"
push "$tmp/build-1.2.0" --version 3 >/dev/null
is bundle_number_is_a_counter_first "$(bundle thermo 3 -o "$tmp/three.otab" --json | jq -c '[.counter, .version]')" '[3,"1.1.0"]'
push "$tmp/build-1.2.0" --version 7 >/dev/null
is bundle_number_may_be_a_version "$(bundle thermo 7 -o "$tmp/seven.otab" --json | jq -c '[.counter, .version]')" '[5,"7"]'
fails bundle_of_a_pruned_release 1 'must be pushed again. Listed: ' bundle thermo 1 -o "$tmp/no.otab"
fails bundle_of_no_release 1 'lists no release "nope"' bundle thermo nope -o "$tmp/no.otab"
fails bundle_of_a_product_without_a_release 1 'nothing was pushed yet' bundle valve 1 -o "$tmp/no.otab"
fails bundle_of_no_product 1 'no product lamp' bundle lamp 1 -o "$tmp/no.otab"
fails bundle_of_a_role_that_is_no_product 1 'no product targets' bundle targets 1 -o "$tmp/no.otab"
fails bundle_of_a_bad_name 2 'no name of a product' bundle '../x' 1 -o "$tmp/no.otab"
fails bundle_of_two_products 2 'Name one' bundle valve 1 --product thermo -o "$tmp/no.otab"
fails bundle_of_which_product 2 'thermo' bundle 5 -o "$tmp/no.otab"

# ---- the file ----
fails bundle_without_a_file 2 '-o FILE' bundle thermo 5
fails bundle_over_a_file 1 'add --force' bundle thermo 5 -o "$tmp/2.otab"
ok bundle_over_a_file_leaves_it cmp "$tmp/2.otab" "$tmp/again.otab"
ok bundle_over_a_file_by_force bundle thermo 5 -o "$tmp/by-version.otab" --force
is bundle_by_force_is_the_new_one "$(listed "$tmp/by-version.otab" | tail -1 | cut -d/ -f4)" 5
fails bundle_onto_a_folder 1 'is a folder' bundle thermo 5 -o "$tmp/out"
fails bundle_into_a_missing_folder 1 'missing' bundle thermo 5 -o "$tmp/missing/x.otab"
if [ "$(id -u)" = 0 ] && mkdir "$tmp/small" && mount -t tmpfs -o size=64k none "$tmp/small" 2>/dev/null; then
    at_exit "umount '$tmp/small'"
    fails bundle_onto_a_full_disk 1 'o space' bundle thermo 5 -o "$tmp/small/x.otab"
    is bundle_onto_a_full_disk_leaves_nothing "$(ls -A "$tmp/small")" ""
else
    skip bundle_onto_a_full_disk 'mount is not allowed here'
fi
umask 077
bundle thermo 5 -o "$tmp/private.otab" >/dev/null
is bundle_obeys_the_umask "$(stat -c %a "$tmp/private.otab")" 600
umask 022

# ---- what is wrong here ----
image=$(find "$ws/state/repo/targets/img/thermo/5" -name '*.app.bin')
mv "$image" "$tmp/image"
fails bundle_of_a_missing_image 1 'is missing; otactl restore --merge' bundle thermo 5 -o "$tmp/no.otab"
(cat "$tmp/image" && echo more) >"$image"
fails bundle_of_a_longer_image 1 'more bytes' bundle thermo 5 -o "$tmp/no.otab"
head -c 5000 "$tmp/image" >"$image"
fails bundle_of_a_shorter_image 1 'fewer' bundle thermo 5 -o "$tmp/no.otab"
(printf x && tail -c +2 "$tmp/image") >"$image"
fails bundle_of_a_changed_image 1 'not what was signed' bundle thermo 5 -o "$tmp/no.otab"
cp "$tmp/image" "$image"
cp -r "$ws" "$tmp/bent" && sed -i 's/"permille":1000/"permille":1001/' "$tmp"/bent/state/repo/metadata/*.rollout.json
fails bundle_of_changed_metadata 1 'rollout' otactl -C "$tmp/bent" bundle thermo 5 -o "$tmp/no.otab"
otactl init "$tmp/others" --product thermo --chip esp32c3 >/dev/null
fails bundle_under_another_root 1 'root 1 is not the one that is trusted' bundle thermo 5 -o "$tmp/no.otab" --root "$tmp/others/keys/root.json"
is bundle_refused_leaves_nothing "$(find "$tmp" -name 'no.otab*' | wc -l)" 0

# ---- roots, and time ----
otactl -C "$ws" root rotate timestamp >/dev/null && otactl -C "$ws" root sign >/dev/null && otactl -C "$ws" root publish >/dev/null || tap_explain 'no second root'
bundle thermo 5 -o "$tmp/rotated.otab" >/dev/null
is bundle_holds_all_roots "$(listed "$tmp/rotated.otab" | grep root)" $'metadata/1.root.json\nmetadata/2.root.json'
is bundle_after_a_week_is_still_made "$(in_days 30 otactl -C "$ws" bundle thermo 5 -o "$tmp/month.otab" 2>&1 | head -1 | grep -c 'thermo release 5')" 1
run in_days 1050 otactl -C "$ws" bundle thermo 5 -o "$tmp/late.otab"
is bundle_near_the_end "$rc" 0
contains bundle_near_the_end_says_so "$err" 'first: otactl renew targets'
fails bundle_too_late 1 'otactl renew targets' in_days 1200 otactl -C "$ws" bundle thermo 5 -o "$tmp/no.otab"

# ---- a product that is retired ----
otactl -C "$ws" push "$tmp/build-1.0.0" --product valve >/dev/null || tap_explain 'no release of valve'
ok bundle_of_another_product bundle valve 1 -o "$tmp/valve.otab"
otactl -C "$ws" product retire valve --yes >/dev/null || tap_explain 'valve was not retired'
fails bundle_of_a_retired_product 1 'it was retired' bundle valve 1 -o "$tmp/no.otab"

# ---- from a server ----
ci=$tmp/ci
mkdir -p "$ci/keys" && cp "$ws/ota.conf" "$ci" && cp "$ws/keys/root.json" "$ws/keys/ca.crt" "$ci/keys"
start_daemon "$ws" || exit 1
ok bundle_from_a_server otactl -C "$ci" bundle thermo 5 -o "$tmp/server.otab" --server "$daemon_url"
bundle thermo 5 -o "$tmp/here.otab" >/dev/null
ok bundle_from_a_server_is_the_same cmp "$tmp/server.otab" "$tmp/here.otab"
mv "$ci/keys/root.json" "$tmp/root.json"
fails bundle_from_a_server_without_a_root 1 'name it with --root' otactl -C "$ci" bundle thermo 5 -o "$tmp/no.otab" --server "$daemon_url"
ok bundle_from_a_server_with_a_root_named otactl -C "$ci" bundle thermo 5 -o "$tmp/named.otab" --server "$daemon_url" --root "$tmp/root.json"
fails bundle_from_no_address 2 'no https' otactl -C "$ci" bundle thermo 5 -o "$tmp/no.otab" --server "$ws"
stop_daemon
fails bundle_from_a_server_that_is_gone 1 "$daemon_url" otactl -C "$ci" bundle thermo 5 -o "$tmp/no.otab" --server "$daemon_url" --root "$tmp/root.json"

# ---- stopped ----
echo '[{"path": "app.bin", "fault": "stall", "n": 60}]' >"$tmp/rules.json"
python3 tests/net/faulty_server.py "$ws/state/repo" "$ws/keys/server.crt" "$ws/keys/tls-server.pem" "$tmp/rules.json" >"$tmp/faulty.port" 2>"$tmp/faulty.err" </dev/null &
faulty=$!
at_exit "kill $faulty 2>/dev/null"
unfinished() { find "$tmp" -name 'stopped.otab*'; }
for _ in $(seq 200); do [ -s "$tmp/faulty.port" ] && break; sleep 0.05; done
mv "$tmp/root.json" "$ci/keys/root.json"
for signal in HUP INT TERM; do
    # Not as a job of this shell: that would ignore SIGINT.
    python3 -c 'import signal, sys, subprocess; signal.signal(signal.SIGINT, signal.SIG_DFL); print(subprocess.run(sys.argv[1:]).returncode)' \
        otactl -C "$ci" bundle thermo 5 -o "$tmp/stopped.otab" --server "https://localhost:$(cat "$tmp/faulty.port")" >"$tmp/stopped.rc" 2>"$tmp/stopped.err" </dev/null &
    job=$!
    for _ in $(seq 400); do [ -n "$(unfinished)" ] && break; sleep 0.05; done
    is "bundle_by_${signal}_is_caught_in_the_act" "$(unfinished | grep -c '\.otab\.new-[0-9]*$')" 1
    kill "-$signal" "$(unfinished | sed 's/.*-//')"
    wait "$job"
    is "bundle_by_${signal}_ends_as_ever" "$(cat "$tmp/stopped.rc")" "-$(kill -l $signal)"
    is "bundle_by_${signal}_leaves_nothing" "$(unfinished)" ""
done
done_testing
