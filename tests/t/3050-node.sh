#!/usr/bin/env bash
# node: V8 with its own heap beside malloc's, worker threads of its pool, zlib and crypto buffers.
. "$(dirname "$0")/../lib.sh"
. "$SRC/tests/truth/truth.sh"
need_cmd node

cat >work.js <<'JS'
const fs = require('fs'), zlib = require('zlib'), crypto = require('crypto');
const kept = [];
let pending = 0;
for (let i = 0; i < 300; i++) {
	const b = Buffer.alloc(9000 + i * 10, i);
	kept.push(b);
	pending++;
	zlib.deflate(b, (e, z) => {
		kept.push(z);
		if (--pending === 0)
			fs.writeFileSync('ready', '');
	});
	kept.push(crypto.createHash('sha256').update(b));
	kept.push(new RegExp('^a' + i + '[b-z]+$'));
}
for (let i = 0; i < 2000; i++)
	kept.push({ i, text: 'text ' + i, list: Array.from({ length: i % 50 }, (_, k) => k) });
setInterval(() => kept.length, 100000000);
JS
truth node 0 ready "$(command -v node)" "$OUT/work.js"
truth node-leaking 20 ready "$(command -v node)" "$OUT/work.js"
plan_done
