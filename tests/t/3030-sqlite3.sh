#!/usr/bin/env bash
# sqlite3: a database in memory, its page cache, indexes, big queries.
. "$(dirname "$0")/../lib.sh"
. "$SRC/tests/truth/truth.sh"
need_cmd sqlite3

cat >work.sql <<'SQL'
CREATE TABLE item (id INTEGER PRIMARY KEY, name TEXT, kind INTEGER, price REAL, note BLOB);
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 30000)
INSERT INTO item SELECT i, 'item ' || (i * 7919 % 30011), i % 97, i * 1.5, zeroblob(i % 300) FROM n;
CREATE INDEX by_name ON item (name);
CREATE INDEX by_kind ON item (kind, price);
CREATE TABLE kind AS SELECT kind, count(*) AS n, group_concat(name) AS names FROM item GROUP BY kind;
SELECT kind, sum(price) FROM item GROUP BY kind ORDER BY 2 DESC LIMIT 3;
SELECT count(*) FROM item a JOIN item b ON a.id = b.id + 1 WHERE a.name < b.name;
DELETE FROM item WHERE id % 5 = 0;
UPDATE item SET note = zeroblob(500) WHERE id % 7 = 0;
.shell touch ready
SQL
export TRUTH_STDIN=$OUT/work.sql
truth sqlite3 0 ready "$(command -v sqlite3)"
truth sqlite3-leaking 50 ready "$(command -v sqlite3)"
plan_done
