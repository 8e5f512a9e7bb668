# tests/victims/leaky.sh: what coreheap says about tests/victims/leaky.c. Sourced after lib.sh.

# leaky_rows [FLAGS...]: takes the core of a native run; its blocks go to $OUT/leaky.csv
leaky_rows()
{
	"$CC" -O1 -o "$OUT/leaky" "$SRC/tests/victims/leaky.c" "$@" &&
		kernel_core "$OUT/core" "$OUT/leaky" abort &&
		"$COREHEAP" blocks --format=csv --no-sites "$OUT/core" >"$OUT/leaky.csv"
}

# leaky_sum REACH...: prints `BYTES in BLOCKS` over the used blocks with one of these reaches
leaky_sum()
{
	awk -F, -v wanted=" $* " '
		NR == 1 { for (i = 1; i <= NF; i++) at[$i] = i; next }
		$at["state"] == "used" && index(wanted, " " $at["reach"] " ") { n++; bytes += $at["size"] }
		END { printf "%d in %d\n", bytes, n }' "$OUT/leaky.csv"
}
