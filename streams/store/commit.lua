-- The Redis Function library of a namespace: commit, load, open, expire. The key layout is in keys.py, the meaning of
-- every answer in base.py and in 01-architecture 2.2; memory.py says the same without Redis, and tests compare the two.
--
-- A run-time error does not undo what a function wrote before. So everything that can fail (arguments, key types,
-- values) is read first: `compare` and `plan_*` only read, and raise on a key of the wrong type; `write_*` only write
-- what was planned. Redis checks memory, replica state and disk before a function starts.
--
-- KEYS[1] is the meta key; all others have its prefix, and with it its hash slot. Numbers are doubles here: offsets
-- and times stay below 2^53, and are written with text(), because Redis would write 1e+12. Runs of 16-byte ids travel
-- as one string each, since cmsgpack knows no binary type.

local BATCH = 1000     -- unpack() fails at about 8,000
local EXACT = 2 ^ 52   -- below this, old + delta is exact in a double
local HUGE = 9.2e18    -- near the end of a 64-bit integer
local MAX_DELTA = 2 ^ 50
local CARRY = 2 ^ 50
local ID = 16

local function text(number) return string.format('%.0f', number) end

local function prefix_of(keys) return string.sub(keys[1], 1, -5) end

local function link_key(prefix, digest)
  local first, second = string.byte(digest, 1, 2)
  return prefix .. 'l:' .. string.format('%03x', first * 16 + math.floor(second / 16))
end

local function due_key(prefix, id, shards) return prefix .. 'due:' .. (string.byte(id) % shards) end

local function pieces(run, size)
  local at = 1 - size
  return function()
    at = at + size
    if at <= #run then return string.sub(run, at, at + size - 1) end
  end
end

local function batches(command, key, list)
  for from = 1, #list, BATCH do
    redis.call(command, key, unpack(list, from, math.min(from + BATCH - 1, #list)))
  end
end

local function meta_of(keys)
  local found = redis.call('HMGET', keys[1], 'definitions', 'watermark', 'disorder')
  return {definitions = found[1], watermark = tonumber(found[2] or -1), disorder = tonumber(found[3] or 0)}
end

-- A position row is 'offset clock ticked digest'; the digest is binary.
local function parse_row(row)
  local offset, clock, ticked, digest = string.match(row, '^(%d+) (-?%d+) (-?%d+) (.*)$')
  if not offset then error('a malformed position row') end
  return {offset = tonumber(offset), clock = tonumber(clock), ticked = tonumber(ticked), digest = digest}
end

local function format_row(row)
  return text(row.offset) .. ' ' .. text(row.clock) .. ' ' .. text(row.ticked) .. ' ' .. row.digest
end

local function answer(verdict, watermark, offset, conflicts)
  return {verdict, watermark, offset or -1, conflicts or {}}
end

-- Position -------------------------------------------------------------------------------------------------------

local function compare_position(row, move, unsafe)
  if row.offset == move.start or unsafe.position then return nil end
  if row.offset < move.start then return 'rollback' end
  if row.offset < move.offset then return 'partial' end
  return 'duplicate'
end

local function moved(row, move, digest)
  if move.start == move.offset then
    return {offset = row.offset, clock = row.clock, ticked = math.max(row.ticked, move.clock), digest = row.digest}
  end
  return {offset = move.offset, clock = math.max(row.clock, move.clock), ticked = row.ticked, digest = digest}
end

-- The least clock of the listed partitions of holding topics less the disorder; `name` stands at `row` after this commit.
local function watermark_after(prefix, meta, name, row)
  local rows, flat = {}, redis.call('HGETALL', prefix .. 'positions')
  for i = 1, #flat, 2 do rows[flat[i]] = flat[i + 1] end
  local holding = {}
  for _, topic in ipairs(redis.call('SMEMBERS', prefix .. 'holding')) do holding[topic] = true end
  local least
  for _, listed in ipairs(redis.call('SMEMBERS', prefix .. 'listed')) do
    if holding[string.match(listed, '^(.*)/%d+$')] then
      local this = listed == name and row or (rows[listed] and parse_row(rows[listed]))
      local clock = this and math.max(this.clock, this.ticked) or -1
      if clock < 0 then return meta.watermark end
      least = math.min(least or clock, clock)
    end
  end
  if not least then return meta.watermark end
  return math.max(meta.watermark, least - meta.disorder)
end

-- What was read ----------------------------------------------------------------------------------------------------

local function conflicts_of(prefix, unsafe, read, created, absent)
  local found = {}
  if not unsafe.journeys then
    for item in pieces(read, 2 * ID) do
      local id = string.sub(item, 1, ID)
      if redis.call('GETRANGE', prefix .. 'j:' .. id, 0, ID - 1) ~= string.sub(item, ID + 1) then found[#found + 1] = id end
    end
    for id in pieces(created, ID) do
      if redis.call('EXISTS', prefix .. 'j:' .. id) == 1 then found[#found + 1] = id end
    end
  end
  if not unsafe.absence then
    for digest in pieces(absent, ID) do
      local holder = redis.call('HGET', link_key(prefix, digest), digest)
      if holder then found[#found + 1] = holder end
    end
  end
  return found
end

-- Counters ---------------------------------------------------------------------------------------------------------

local function plan_counters(key, names, deltas)
  local plan = {key = key, set = {}, drop = {}, add = {}}
  for from = 1, #names, BATCH do
    local olds = redis.call('HMGET', key, unpack(names, from, math.min(from + BATCH - 1, #names)))
    for i = 1, #olds do
      local name, delta, old = names[from + i - 1], deltas[from + i - 1], olds[i] and tonumber(olds[i]) or 0
      if math.abs(delta) > MAX_DELTA or math.abs(old) > HUGE then error('a counter out of range') end
      if math.abs(old) > EXACT then
        plan.add[#plan.add + 1] = {name, text(delta)}
      elseif old + delta ~= 0 then
        plan.set[#plan.set + 1] = name
        plan.set[#plan.set + 1] = text(old + delta)
      elseif olds[i] then
        plan.drop[#plan.drop + 1] = name
      end
    end
  end
  return plan
end

local function write_counters(plan)
  batches('HSET', plan.key, plan.set)
  batches('HDEL', plan.key, plan.drop)
  for _, pair in ipairs(plan.add) do redis.call('HINCRBY', plan.key, pair[1], pair[2]) end
end

-- Rows of cells: slot -> integer, as MessagePack. A double is exact to 2^53: what a slot has beyond 2^52 is carried to the
-- opposite slot in units of 2^50, so that its own part is from 0 to 2^50 then.
local function add_slots(row, deltas)
  for slot, delta in pairs(deltas) do
    if math.abs(delta) > MAX_DELTA then error('an increment out of range') end
    local low, high = (row[slot] or 0) + delta, row[-slot] or 0
    if high ~= 0 or math.abs(low) >= EXACT then
      local carry = math.floor(low / CARRY)
      low, high = low - carry * CARRY, high + carry
      if math.abs(high) <= 4 and math.abs(high * CARRY + low) < EXACT then low, high = high * CARRY + low, 0 end
    end
    row[slot] = low ~= 0 and low or nil
    row[-slot] = high ~= 0 and high or nil
  end
end

-- Many rows get the same increments. Each of these comes once, packed, is what a new row holds, and is unpacked once.
local function increments_of(packed, lengths)
  local list, at = {}, 1
  for i, length in ipairs(lengths) do
    list[i] = {packed = string.sub(packed, at, at + length - 1)}
    at = at + length
  end
  return list
end

local function sum_of(row, increment)
  increment.slots = increment.slots or cmsgpack.unpack(increment.packed)
  add_slots(row, increment.slots)
  return next(row) and cmsgpack.pack(row)
end

-- increments[which[i]] is added to the row names[i].
local function plan_rows(key, names, which, increments)
  local plan = {key = key, before = redis.call('HLEN', key), set = {}, drop = {}}
  local set, n = plan.set, 0
  for from = 1, #names, BATCH do
    local olds = redis.call('HMGET', key, unpack(names, from, math.min(from + BATCH - 1, #names)))
    for i = 1, #olds do
      local old, increment = olds[i], increments[which[from + i - 1]]
      local new = increment.packed
      if old then new = sum_of(cmsgpack.unpack(old), increment) end
      if new then
        set[n + 1], set[n + 2] = names[from + i - 1], new
        n = n + 2
      else
        plan.drop[#plan.drop + 1] = names[from + i - 1]
      end
    end
  end
  return plan
end

-- Cells: {grain, index, rows, which increment each gets}. The grain's {width, span} decide what is live; `ever` has none.
local function oldest_live(watermark, rule) return math.floor((watermark - rule[2]) / rule[1]) end

local function plan_cells(prefix, cells, increments, grains, watermark)
  local plans = {}
  for _, cell in ipairs(cells) do
    local grain, index, rule = cell[1], cell[2], grains[cell[1]]
    if not rule or index >= oldest_live(watermark, rule) then
      local plan = plan_rows(prefix .. 'c:' .. grain .. ':' .. text(index), cell[3], cell[4], increments)
      plan.index, plan.member, plan.name = prefix .. 'c:' .. grain, text(index), grain .. ':' .. text(index)
      redis.call('ZCARD', plan.index)
      plans[#plans + 1] = plan
    end
  end
  redis.call('HLEN', prefix .. 'versions')
  return plans
end

-- Every bucket that is written gets this commit's version.
local function write_cells(prefix, plans, version)
  local versions, gone = {}, {}
  for _, plan in ipairs(plans) do
    batches('HSET', plan.key, plan.set)
    batches('HDEL', plan.key, plan.drop)
    local after = redis.call('HLEN', plan.key)
    if after > 0 then
      versions[#versions + 1], versions[#versions + 2] = plan.name, version
      if plan.before == 0 then redis.call('ZADD', plan.index, plan.member, plan.member) end
    elseif plan.before > 0 then
      gone[#gone + 1] = plan.name
      redis.call('ZREM', plan.index, plan.member)
    end
  end
  batches('HSET', prefix .. 'versions', versions)
  batches('HDEL', prefix .. 'versions', gone)
end

-- Journeys, links, deadlines ---------------------------------------------------------------------------------------

-- ARGV from `first` on: id, version and blob of a journey each.
local function write_journeys(prefix, args, first, dropped)
  local list = {}
  for i = first, #args do
    list[#list + 1] = prefix .. 'j:' .. string.sub(args[i], 1, ID)
    list[#list + 1] = string.sub(args[i], ID + 1)
    if #list == BATCH then
      redis.call('MSET', unpack(list))
      list = {}
    end
  end
  if #list > 0 then redis.call('MSET', unpack(list)) end
  for id in pieces(dropped, ID) do redis.call('UNLINK', prefix .. 'j:' .. id) end
end

local function check_links(prefix, run, size)
  for item in pieces(run, size) do redis.call('HLEN', link_key(prefix, item)) end
end

local function write_links(prefix, links, unlinked)
  for item in pieces(links, 2 * ID) do
    redis.call('HSET', link_key(prefix, item), string.sub(item, 1, ID), string.sub(item, ID + 1))
  end
  for digest in pieces(unlinked, ID) do redis.call('HDEL', link_key(prefix, digest), digest) end
end

local function plan_due(prefix, shards, ids, times, undue)
  local plan, n = {add = {}, drop = {}}, 0
  local function list_of(lists, id)
    local key = due_key(prefix, id, shards)
    if not lists[key] then
      redis.call('ZCARD', key)
      lists[key] = {}
    end
    return lists[key]
  end
  for id in pieces(ids, ID) do
    n = n + 1
    local list = list_of(plan.add, id)
    list[#list + 1] = text(times[n])
    list[#list + 1] = id
  end
  for id in pieces(undue, ID) do
    local list = list_of(plan.drop, id)
    list[#list + 1] = id
  end
  return plan
end

local function write_due(plan)
  for key, list in pairs(plan.add) do batches('ZADD', key, list) end
  for key, list in pairs(plan.drop) do batches('ZREM', key, list) end
end

-- The four functions -----------------------------------------------------------------------------------------------

-- ARGV: head (msgpack), digest, read, created, absent, links, unlinked, due, undue, dropped, increments, version of the
-- buckets, journeys...
local function commit(keys, args)
  local prefix, meta, c = prefix_of(keys), meta_of(keys), cmsgpack.unpack(args[1])
  if not meta.definitions then return answer('unlisted', meta.watermark) end
  if meta.definitions ~= c.definitions then return answer('fenced', meta.watermark) end
  if c.watermark > meta.watermark then return answer('rollback', meta.watermark) end
  local name, row
  if c.move then
    name = c.move.row
    local stored = redis.call('HGET', prefix .. 'positions', name)
    if not stored then return answer('unlisted', meta.watermark) end
    row = parse_row(stored)
    local refused = compare_position(row, c.move, c.unsafe)
    if refused then return answer(refused, meta.watermark, row.offset) end
    row = moved(row, c.move, args[2])
  end
  local conflicts = conflicts_of(prefix, c.unsafe, args[3], args[4], args[5])
  if #conflicts > 0 then return answer('conflict', meta.watermark, -1, conflicts) end

  check_links(prefix, args[6], 2 * ID)
  check_links(prefix, args[7], ID)
  local due = plan_due(prefix, c.shards, args[8], c.due, args[9])
  local cells = plan_cells(prefix, c.cells, increments_of(args[11], c.lengths), c.grains, meta.watermark)
  local outcomes = plan_counters(prefix .. 'outcomes', c.outcomes[1], c.outcomes[2])
  local watermark = watermark_after(prefix, meta, name, row)

  write_journeys(prefix, args, 13, args[10])
  write_links(prefix, args[6], args[7])
  write_due(due)
  write_cells(prefix, cells, args[12])
  write_counters(outcomes)
  if row then redis.call('HSET', prefix .. 'positions', name, format_row(row)) end
  if watermark > meta.watermark then redis.call('HSET', keys[1], 'watermark', text(watermark)) end
  return answer('ok', watermark)
end

-- ARGV: digests of identifiers, ids of journeys. Answers with few and long strings, because a client reads each item of a
-- reply on its own: '1' or '0' for each identifier, the journeys of those that are linked, the ids of all journeys linked
-- or named (each once), the lengths of their values (msgpack, -1 for none), the values.
local function load(keys, args)
  local prefix, flags, links, ids, wanted, lengths, values, seen = prefix_of(keys), {}, {}, {}, {}, {}, {}, {}
  local function want(id)
    if seen[id] then return end
    seen[id] = true
    ids[#ids + 1] = id
    wanted[#wanted + 1] = prefix .. 'j:' .. id
  end
  for digest in pieces(args[1], ID) do
    local id = redis.call('HGET', link_key(prefix, digest), digest)
    flags[#flags + 1] = id and '1' or '0'
    if id then
      links[#links + 1] = id
      want(id)
    end
  end
  for id in pieces(args[2], ID) do want(id) end
  for from = 1, #wanted, BATCH do
    for _, value in ipairs(redis.call('MGET', unpack(wanted, from, math.min(from + BATCH - 1, #wanted)))) do
      lengths[#lengths + 1] = value and #value or -1
      if value then values[#values + 1] = value end
    end
  end
  return {table.concat(flags), table.concat(links), table.concat(ids), cmsgpack.pack(lengths), table.concat(values)}
end

-- ARGV: definitions, disorder, holding (msgpack list), partitions (msgpack list of {row, log start}).
local function open(keys, args)
  local prefix, meta = prefix_of(keys), meta_of(keys)
  if meta.definitions and meta.definitions ~= args[1] then return answer('fenced', meta.watermark) end
  local holding, new = cmsgpack.unpack(args[3]), {}
  for _, partition in ipairs(cmsgpack.unpack(args[4])) do
    local name = partition[1]
    if redis.call('SISMEMBER', prefix .. 'listed', name) == 0 then
      new[#new + 1] = partition
    elseif redis.call('HEXISTS', prefix .. 'positions', name) == 0 then
      return answer('unlisted', meta.watermark)
    end
  end
  redis.call('HLEN', prefix .. 'positions')
  redis.call('HSET', keys[1], 'definitions', args[1], 'disorder', args[2])
  redis.call('DEL', prefix .. 'holding')
  batches('SADD', prefix .. 'holding', holding)
  for _, partition in ipairs(new) do
    local row = {offset = partition[2], clock = -1, ticked = -1, digest = ''}
    redis.call('SADD', prefix .. 'listed', partition[1])
    redis.call('HSET', prefix .. 'positions', partition[1], format_row(row))
  end
  return answer('ok', meta.watermark)
end

-- ARGV: definitions, how many characters of them have to be those that the namespace has.
local function adopt(keys, args)
  local meta, kept = meta_of(keys), tonumber(args[2])
  if not meta.definitions then return answer('unlisted', meta.watermark) end
  if meta.definitions:sub(1, kept) ~= args[1]:sub(1, kept) then return answer('fenced', meta.watermark) end
  redis.call('HSET', keys[1], 'definitions', args[1])
  return answer('ok', meta.watermark)
end

-- ARGV: limit, grains (msgpack). Answers how many expired buckets were deleted.
local function expire(keys, args)
  local prefix, meta, left = prefix_of(keys), meta_of(keys), tonumber(args[1])
  local limit = left
  for grain, rule in pairs(cmsgpack.unpack(args[2])) do
    local index, last = prefix .. 'c:' .. grain, '(' .. text(oldest_live(meta.watermark, rule))
    for _, member in ipairs(redis.call('ZRANGEBYSCORE', index, '-inf', last, 'LIMIT', 0, text(left))) do
      redis.call('UNLINK', index .. ':' .. member)
      redis.call('HDEL', prefix .. 'versions', grain .. ':' .. member)
      redis.call('ZREM', index, member)
      left = left - 1
    end
  end
  return limit - left
end

redis.register_function('journey_commit_@HASH@', commit)
redis.register_function{function_name = 'journey_load_@HASH@', callback = load, flags = {'no-writes'}}
redis.register_function('journey_open_@HASH@', open)
redis.register_function('journey_adopt_@HASH@', adopt)
redis.register_function('journey_expire_@HASH@', expire)
