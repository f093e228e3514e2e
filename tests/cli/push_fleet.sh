#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# otactl push against the partition tables of the boards it would offer a release to, before anything is published.
cd "$(dirname "$0")/../.." || exit 1
. tests/tap.sh

ws=$tmp/ws build=$tmp/build
otactl init "$ws" --product thermo --chip esp32c3 --url https://localhost:1 >/dev/null
otadevice sample "$build" --chip esp32c3 --version 1.0.0 --size 100000 >/dev/null || skip_all "otadevice sample does not run"
otadevice sample "$tmp/big" --chip esp32c3 --version 2.0.0 --size 500000 >/dev/null
push() { otactl -C "$ws" push "$@"; }
newest() { otactl -C "$ws" releases --json | jq '[.releases[].counter] | max'; }
table_of() { sha256sum <"$1/partition_table/partition-table.bin" | cut -d' ' -f1; }
other_table() { # DIR SED: the build once more, with its table changed
    [ -d "$1" ] || cp -r "$build" "$1"
    otactl table show "$build/partition_table/partition-table.bin" --csv | sed -E "$2" >"$1.csv"
    otactl table build "$1.csv" -o "$1/partition_table/partition-table.bin" >/dev/null 2>&1
}
sql() { python3 -c 'import sqlite3, sys; db = sqlite3.connect(sys.argv[1]); db.execute(*([sys.argv[2], sys.argv[3:]])); db.commit()' "$ws/state/fleet.db" "$@"; }
reports() { sql 'UPDATE device SET table_sha256 = ? WHERE id = ?' "$2" "$1"; } # ID DIGEST: as the board does
small=$tmp/small
other_table "$small" 's/^ota_0,.*/ota_0,app,ota_0,0x10000,384K,/; s/^ota_1,.*/ota_1,app,ota_1,0x70000,384K,/'

# ---- nobody to ask ----
rm -f "$ws/state/fleet.db"
ok push_fleet_without_a_fleet push "$build" -n --json
is push_fleet_without_a_fleet_says_nothing "$(jq -c '[.fleet, .remarks]' <<<"$out")" '[null,[]]'
is push_fleet_makes_no_database "$(ls "$ws/state/fleet.db" 2>/dev/null)" ""
push "$small" >/dev/null # so that its table is known here
push "$build" >/dev/null

# ---- boards of which nothing is known ----
otactl -C "$ws" device add s1 >/dev/null
ok push_fleet_of_an_unknown_table push "$tmp/big" -n --json
is push_fleet_of_an_unknown_table_counts_it "$(jq -c '[.fleet, .remarks]' <<<"$out")" '[{"fits":0,"misfits":0,"unknown":1},[]]'
reports s1 "$(printf '%064d' 7)"
ok push_fleet_of_a_table_that_is_not_here push "$tmp/big" -n
is push_fleet_of_a_table_that_is_not_here_is_silent "$(grep -c Note <<<"$out")" 0

# ---- all that are known would refuse it ----
reports s1 "$(table_of "$small")"
why="none of the 1 board on stable would take it: app.bin: 500000 bytes, but ota_0 has 393216. If it is for others, add --accept-change fleet"
fails push_fleet_refuses_what_no_board_takes 1 "otactl: $why" push "$tmp/big"
fails push_fleet_refuses_it_on_a_dry_run_too 1 "$why" push "$tmp/big" -n
fails push_fleet_refuses_it_unsigned_too 1 "$why" push "$tmp/big" --unsigned
fails push_fleet_refuses_a_share_of_none_too 1 "$why" push "$tmp/big" --share 0
fails push_fleet_other_words_do_not_help 1 "$why" push "$tmp/big" --accept-change size --accept-change boot
is push_fleet_refused_published_nothing "$(newest)" 2
otactl -C "$ws" device add stranger >/dev/null
fails push_fleet_unknown_boards_are_no_reason_to_publish 1 "none of the 1 board on stable whose table is known would take it" push "$tmp/big"
ok push_fleet_takes_what_fits push "$build" -n --json
is push_fleet_takes_what_fits_json "$(jq -c .fleet <<<"$out")" '{"fits":1,"misfits":0,"unknown":1}'
ok push_fleet_of_another_channel push "$tmp/big" -n --json --channel beta
is push_fleet_asks_its_channel_alone "$(jq -c .fleet <<<"$out")" null

# ---- tables that boards never take, and data without a place ----
words=(--with @partition-table --compatible --accept-brick-risk -n)
other_table "$tmp/cut" 's/^ota_0,.*/ota_0,app,ota_0,0x10000,320K,/; s/^ota_1,.*/ota_1,app,ota_1,0x70000,384K,/'
fails push_fleet_refuses_a_table_that_shrinks_a_slot 1 "would take it: ota_0 shrinks from 0x60000 to 0x50000 bytes. " push "$tmp/cut" "${words[@]}"
other_table "$tmp/id" 's/^ota_0,.*/ota_0,app,ota_0,0x10000,384K,/; s/^ota_1,.*/ota_1,app,ota_1,0x70000,384K,/; /^ota_id,/d'
fails push_fleet_refuses_a_table_without_ota_id 1 "would take it: ota_id is missing in the new table. " push "$tmp/id" "${words[@]}"
other_table "$tmp/nvs" 's/^ota_0,.*/ota_0,app,ota_0,0x10000,384K,/; s/^ota_1,.*/ota_1,app,ota_1,0x70000,384K,/; s/^nvs,.*/nvs,data,nvs,0x9000,12K,/'
fails push_fleet_refuses_a_table_that_shrinks_nvs 1 "would take it: nvs shrinks from 0x4000 to 0x3000 bytes. " push "$tmp/nvs" "${words[@]}"
other_table "$tmp/grown" 's/^ota_0,.*/ota_0,app,ota_0,0x10000,384K,/; s/^ota_1,.*/ota_1,app,ota_1,0x70000,384K,/; s/^(storage,.*)256K/\1320K/'
ok push_fleet_takes_a_table_that_keeps_what_must_stay push "$tmp/grown" "${words[@]}" --json
is push_fleet_takes_it_json "$(jq -c .fleet.fits <<<"$out")" 1
other_table "$tmp/files" 's/^storage,/files,/; s/^ota_0,.*/ota_0,app,ota_0,0x10000,384K,/; s/^ota_1,.*/ota_1,app,ota_1,0x70000,384K,/'
push "$tmp/files" -n >/dev/null && push "$tmp/files" >/dev/null
reports s1 "$(table_of "$tmp/files")"
fails push_fleet_refuses_data_without_a_partition 1 "would take it: storage.bin: there is no partition storage. " push "$build" --with storage --compatible -n
reports s1 "$(table_of "$small")"

# ---- some would ----
otactl -C "$ws" device add l1 >/dev/null
reports l1 "$(table_of "$build")"
ok push_fleet_publishes_what_some_take push "$tmp/big"
contains push_fleet_notes_how_many_do_not "$out" "Note: 1 of 3 boards on stable would refuse it: app.bin: 500000 bytes, but ota_0 has 393216; otactl fleet fits 4 lists them"
fails push_fleet_fits_says_the_same 1 "1 board would refuse it: app.bin: 500000 bytes, but ota_0 has 393216" otactl -C "$ws" fleet fits 4
ok push_fleet_dry_run_of_what_some_take push "$tmp/big" -n --json
is push_fleet_dry_run_json "$(jq -c '[.fleet, (.remarks[] | select(contains("would refuse")))]' <<<"$out")" \
    '[{"fits":1,"misfits":1,"unknown":1},"1 of 3 boards on stable would refuse it: app.bin: 500000 bytes, but ota_0 has 393216"]'

# ---- revoked boards do not count, and a word lets it pass ----
otactl -C "$ws" device revoke l1 >/dev/null
fails push_fleet_does_not_ask_revoked_boards 1 "none of the 1 board on stable whose table is known" push "$tmp/big"
is push_fleet_fits_does_not_either "$(otactl -C "$ws" fleet fits 4 --json 2>/dev/null | jq -c '[.fits,.misfits,.unknown]')" '[0,1,1]'
ok push_fleet_accepts_it push "$tmp/big" --accept-change fleet
contains push_fleet_accepted_is_noted "$out" "Note: 1 of 2 boards on stable would refuse it: app.bin"
is push_fleet_accepted_is_published "$(newest)" 5

# ---- a table that only a release brought, and a fleet that nobody can read ----
push "$tmp/grown" --with @partition-table --compatible --accept-brick-risk >/dev/null
reports s1 "$(table_of "$tmp/grown")"
rm "$ws/state/tables/"*.bin
fails push_fleet_knows_tables_of_releases 1 "none of the 1 board on stable whose table is known" push "$tmp/big"
rm -f "$ws/state/fleet.db"* && echo "no database" >"$ws/state/fleet.db"
ok push_fleet_that_cannot_be_read_keeps_nothing_back push "$tmp/big" -n
contains push_fleet_that_cannot_be_read_is_noted "$out" "Note: the boards on stable were not asked: "
done_testing
