#!/usr/bin/env bash
# lua: tables, strings, closures, coroutines, collected again and again.
. "$(dirname "$0")/../lib.sh"
. "$SRC/tests/truth/truth.sh"
need_cmd lua5.4

cat >work.lua <<'LUA'
local rows, subs, threads = {}, {}, {}
for i = 1, 20000 do
	rows[i] = { id = i, name = ("row " .. i):rep(i % 9 + 1), tags = { i, i * 2, tostring(i) } }
	if i % 50 == 0 then
		subs[#subs + 1] = function() return rows[i] end
	end
end
for i = 1, 200 do
	threads[i] = coroutine.create(function(x) while true do x = coroutine.yield(x .. i) end end)
	coroutine.resume(threads[i], "go")
end
for i = 1, 20000, 3 do
	rows[i] = nil
end
collectgarbage()
local sorted = {}
for _, row in pairs(rows) do
	sorted[#sorted + 1] = row
end
table.sort(sorted, function(a, b) return a.id > b.id end)
local text = {}
for _, sub in ipairs(subs) do
	text[#text + 1] = sub() and sub().name:upper()
end
io.open("ready", "w"):close()
io.read()
print(#table.concat(text))
LUA
truth lua 0 ready "$(command -v lua5.4)" "$OUT/work.lua"
truth lua-leaking 100 ready "$(command -v lua5.4)" "$OUT/work.lua"
plan_done
