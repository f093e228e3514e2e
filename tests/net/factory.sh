#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# push --with factory: the app once more for the partition that boards fall back to, where their table has one.
. "$OTA_TOP/tests/tap.sh"
. "$OTA_TOP/tests/net/board.sh"

add_factory_partition() { # FOLDER SIZE: behind the others, labelled rescue
    python3 - "$1/partition_table/partition-table.bin" "$2" <<'EOF'
import hashlib, struct, sys

path, size = sys.argv[1], int(sys.argv[2], 0)
rows = [row for row in struct.iter_unpack("<2sBBII16sI", open(path, "rb").read()) if row[0] == b"\xaa\x50"]
end = rows[-1][3] + rows[-1][4]
rows.append((b"\xaa\x50", 0, 0, (end + 0xFFFF) // 0x10000 * 0x10000, size, b"rescue", 0))
body = b"".join(struct.pack("<2sBBII16sI", *row) for row in rows)
open(path, "wb").write((body + b"\xeb\xeb" + b"\xff" * 14 + hashlib.md5(body).digest()).ljust(0xC00, b"\xff"))
EOF
}
chip=esp32c3
otactl init "$ws" --product thermo --chip $chip --url https://localhost:1 >/dev/null
for v in 1.0.0 2.0.0; do otadevice sample "$tmp/build-$v" --chip $chip --version $v >/dev/null || skip_all 'otadevice sample failed'; done
push() { otactl -C "$ws" push "$@"; }

fails factory_without_such_a_partition 1 'no such image' push "$tmp/build-1.0.0" --with factory
add_factory_partition "$tmp/build-1.0.0" 0x10000
fails factory_that_does_not_fit 1 'the factory partition' push "$tmp/build-1.0.0" --with factory --compatible
for v in 1.0.0 2.0.0; do otadevice sample "$tmp/build-$v-f" --chip $chip --version $v >/dev/null && add_factory_partition "$tmp/build-$v-f" 0x60000; done
run push "$tmp/build-1.0.0-f"
contains factory_is_left_out_and_named "$out" 'add --with factory'
run push "$tmp/build-2.0.0-f" --with all --compatible --accept-brick-risk -n
contains factory_is_no_part_of_all "$out" 'no part of all'
fails factory_wants_the_word 1 '--compatible' push "$tmp/build-2.0.0-f" --with factory

start_daemon "$ws" || exit 1
otadevice create -C "$ws" --from "$tmp/build-1.0.0-f" -o "$board" --url "$daemon_url" >/dev/null || skip_all 'no board'
run push "$tmp/build-2.0.0-f" --with factory --compatible --json
is factory_goes_before_the_app "$(jq -c '[.steps[] | [.kind, .label]]' <<<"$out")" '[["app","factory"],["app","@ota"]]'
ok factory_repository_is_sound otactl -C "$ws" verify "$daemon_url"
ok factory_board_takes_it otadevice run --flash "$board" --once
digest() { otadevice show "$board" | awk -v label="$1" '$1 == label {print $NF}'; }
is factory_board_runs_the_new_app "$(running_version)" 2.0.0
is factory_partition_holds_it_too "$(digest rescue)" "$(digest ota_1)"
done_testing
