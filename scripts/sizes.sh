#!/bin/bash
# Weighs the dependencies: one MIPS program that calls all of them (scripts/size-probe), whole, and once more
# without each. Prints what stands in docs/dependencies.md and writes target/bench/sizes.json.
#   scripts/sizes.sh               everything; some 24 builds
#   scripts/sizes.sh whole         the whole program with and without panic message, and std alone
#   scripts/sizes.sh FEATURE...    only without these (features of scripts/size-probe/Cargo.toml)
. "$(dirname "$0")/env.sh"
PROBE=scripts/size-probe

# The probe must weigh what the daemon links: same versions, same features.
same_dependencies() {
  local name line
  while read -r line; do
    name=${line%% = *}
    [ "$name" = libc ] && continue        # linked by std in any case
    line=$(sed -n "s/^$name = {* *\(version = \)*\(\"[^\"]*\"\)\(.*\)/\2\3/p" Cargo.toml | head -n 1 | tr -d ' }')
    grep -q "^$name = { version = " "$PROBE/Cargo.toml" || stop "$PROBE does not weigh $name"
    [ "$(sed -n "s/^$name = { version = \(.*\), optional = true }/\1/p" "$PROBE/Cargo.toml" | tr -d ' ')" = "$line" ] ||
      stop "$PROBE has another version or other features of $name than Cargo.toml"
  done < <(awk '/^\[/ { on = $0 == "[dependencies]"; next } on && / = /' Cargo.toml)
}

features() { sed -n '/^default = \[/,/^\]/p' "$PROBE/Cargo.toml" | grep -o '"[a-z]*"' | tr -d '"'; }

# weigh NAME PANIC FEATURES: builds target/sizes/NAME and writes its two sizes beside it.
weigh() {
  say "sizes: $1"
  PANIC=$2 PACKAGE=$PROBE scripts/cross.sh mips --no-default-features --features "$3" >"$OUT/$1.log" 2>&1 ||
    { tail -n 20 "$OUT/$1.log" >&2; stop "$1 does not build"; }
  cp target/cross-size-probe/mips-unknown-linux-musl/release/size-probe "$OUT/$1"
  printf '%s %d %d\n' "$1" "$(stat -c %s "$OUT/$1")" "$(xz -9e -c "$OUT/$1" | wc -c)" >"$OUT/$1.size"
}

weigh_whole() {
  local all
  all=$(features | paste -sd ,)
  weigh whole message "$all"
  weigh whole-with-hook message "$all,hook"
  weigh whole-without-message none "$all"
  weigh std message ""
}

weigh_without() {
  local rest
  # The portal stands on tokio: without tokio there is no http either, so that row holds both.
  rest=$(features | grep -v "^$1\$" | { if [ "$1" = tokio ]; then grep -v '^http$'; else cat; fi; } | paste -sd ,)
  weigh "without-$1" message "$rest"
}

has xz || stop "xz is missing: apt-get install xz-utils"
same_dependencies
OUT=target/sizes
mkdir -p "$OUT" target/bench
[ $# -gt 0 ] || set -- whole $(features)
for row; do
  if [ "$row" = whole ]; then
    weigh_whole
  else
    features | grep -qx "$row" || stop "there is no feature $row in $PROBE/Cargo.toml"
    [ -e "$OUT/whole.size" ] || weigh whole message "$(features | paste -sd ,)"
    weigh_without "$row"
  fi
done

cat "$OUT"/*.size | sort -k 2 -n | awk -v whole="$(cat "$OUT/whole.size")" '
  BEGIN { split(whole, all, " "); print "| what | raw | xz |"; print "|---|---|---|" }
  /^without-/ { printf "| %s | %d | %d |\n", substr($1, 9), all[2] - $2, all[3] - $3; next }
  { printf "| **%s** | %d | %d |\n", $1, $2, $3 }'
cat "$OUT"/*.size | awk 'BEGIN { printf "{" }
  { printf "%s\"%s_raw_bytes\": %d, \"%s_xz_bytes\": %d", (NR > 1 ? ", " : ""), $1, $2, $1, $3 }
  END { print "}" }' >target/bench/sizes.json
