//! The scripts that run inside Redis, where nothing else runs between a comparison and a write.
//! Each touches keys of one hash tag only. Generations and versions travel as decimal texts, since
//! Lua's numbers end at 2^53. A key of a wrong kind, or rubbish in place of a version, is as good
//! as absent and is written over.

use std::sync::LazyLock;

use redis::Script;

/// `newer(a, b)`: whether the stored text `a` is above `b`; no text, or no number, never is.
const NEWER: &str = r"
local function newer(a, b)
  if not a or not string.match(a, '^%d+$') then return false end
  if #a ~= #b then return #a > #b end
  return a > b
end
";

/// KEYS: one hash a day. ARGV: seconds to keep; then per key: generation, version, number of
/// fields, and each field's name and value.
const PUT: &str = r"
local at = 2
for i = 1, #KEYS do
  local generation, version, n = ARGV[at], ARGV[at + 1], tonumber(ARGV[at + 2])
  at = at + 3
  local stored = redis.pcall('HMGET', KEYS[i], 'generation', 'version')
  if stored.err then
    redis.call('DEL', KEYS[i])
    stored = {}
  end
  local refused = newer(stored[1], generation)
    or (stored[1] == generation and newer(stored[2], version))
  if not refused then
    local function write()
      redis.call('HSET', KEYS[i], 'generation', generation, 'version', version,
        unpack(ARGV, at, at + 2 * n - 1))
    end
    write()
    -- Fields of another release; removed only now, since a full store refuses no write after one.
    if redis.call('HLEN', KEYS[i]) ~= n + 2 then
      redis.call('DEL', KEYS[i])
      write()
    end
    redis.call('EXPIRE', KEYS[i], ARGV[1])
  end
  at = at + 2 * n
end
return 0
";

/// KEYS of one venue: the sorted set of members inside by expiry, the hash of versions (with the
/// set's generation), the sorted set of when to forget a member. ARGV: seconds to keep,
/// generation, now in ms; then per member: id, version, expiry in ms or nothing, when to forget.
const PRESENT: &str = r"
local keep, generation, now = ARGV[1], ARGV[2], ARGV[3]
local inside, versions, forget = KEYS[1], KEYS[2], KEYS[3]
local kinds = {'zset', 'hash', 'zset'}
for i = 1, 3 do
  local kind = redis.call('TYPE', KEYS[i]).ok
  if kind ~= 'none' and kind ~= kinds[i] then redis.call('DEL', inside, versions, forget) end
end
local stored = redis.call('HGET', versions, 'generation')
if newer(stored, generation) then return 0 end
if stored ~= generation then
  redis.call('DEL', inside, versions, forget)
  redis.call('HSET', versions, 'generation', generation)
end
for _, member in ipairs(redis.call('ZRANGEBYSCORE', forget, '-inf', now)) do
  redis.call('ZREM', inside, member)
  redis.call('HDEL', versions, member)
  redis.call('ZREM', forget, member)
end
for at = 4, #ARGV, 4 do
  local member, version, expiry, later = ARGV[at], ARGV[at + 1], ARGV[at + 2], ARGV[at + 3]
  if not newer(redis.call('HGET', versions, member), version) then
    redis.call('HSET', versions, member, version)
    if expiry == '' then
      redis.call('ZREM', inside, member)
      redis.call('ZADD', forget, 'GT', later, member)
    else
      redis.call('ZADD', inside, expiry, member)
      redis.call('ZADD', forget, later, member)
    end
  end
end
for i = 1, 3 do redis.call('EXPIRE', KEYS[i], keep) end
return 0
";

/// KEYS: the hash of one division's day: the generation, the count, and each member's version,
/// with a minus before it for who no longer counts. ARGV: seconds to keep, generation; then per
/// member: id, version, '1' or '0' for whether they count.
const PEOPLE: &str = r"
local key, generation = KEYS[1], ARGV[2]
local kind = redis.call('TYPE', key).ok
if kind ~= 'none' and kind ~= 'hash' then redis.call('DEL', key) end
local stored = redis.call('HGET', key, 'generation')
if newer(stored, generation) then return 0 end
if stored ~= generation then
  redis.call('DEL', key)
  redis.call('HSET', key, 'generation', generation, 'people', 0)
end
local change = 0
for at = 3, #ARGV, 3 do
  local member, version, present = ARGV[at], ARGV[at + 1], ARGV[at + 2] == '1'
  local known = redis.call('HGET', key, member)
  local was = known and string.sub(known, 1, 1) ~= '-'
  if not newer(known and (was and known or string.sub(known, 2)), version) then
    redis.call('HSET', key, member, present and version or '-' .. version)
    if present and not was then change = change + 1 end
    if was and not present then change = change - 1 end
  end
end
redis.call('HINCRBY', key, 'people', change)
redis.call('EXPIRE', key, ARGV[1])
return 0
";

/// KEYS of one shard: the generation being written, the complete one. ARGV: the generation.
const MARK: &str = r"
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[2], ARGV[1])
redis.call('DEL', KEYS[1])
return 1
";

/// KEYS: one number that only ever grows. ARGV: what it is at least. Answers what it is.
const RAISE: &str = r"
local stored = redis.call('GET', KEYS[1])
if newer(stored, ARGV[1]) then return stored end
if stored ~= ARGV[1] then redis.call('SET', KEYS[1], ARGV[1]) end
return ARGV[1]
";

fn script(code: &str) -> Script {
    Script::new(&format!("{NEWER}{code}"))
}

pub(super) static PUT_DAYS: LazyLock<Script> = LazyLock::new(|| script(PUT));
pub(super) static PUT_PRESENCES: LazyLock<Script> = LazyLock::new(|| script(PRESENT));
pub(super) static PUT_PEOPLE: LazyLock<Script> = LazyLock::new(|| script(PEOPLE));
pub(super) static MARK_SHARD: LazyLock<Script> = LazyLock::new(|| script(MARK));
pub(super) static RAISE_NUMBER: LazyLock<Script> = LazyLock::new(|| script(RAISE));

/// KEYS: one counter of calls. ARGV: seconds of its window. Answers calls and seconds left.
const COUNT: &str = r"
local calls = redis.call('INCR', KEYS[1])
local left = redis.call('TTL', KEYS[1])
if left < 0 then
  redis.call('EXPIRE', KEYS[1], ARGV[1])
  left = tonumber(ARGV[1])
end
return {calls, left}
";

pub(super) static COUNT_CALL: LazyLock<Script> = LazyLock::new(|| Script::new(COUNT));

/// KEYS: one turn. ARGV: milliseconds that it may last. Answers whether it was free. One without an
/// end, which we never write, gets one.
const TURN: &str = r"
if redis.call('SET', KEYS[1], 1, 'NX', 'PX', ARGV[1]) then return 1 end
if redis.call('PTTL', KEYS[1]) < 0 then redis.call('PEXPIRE', KEYS[1], ARGV[1]) end
return 0
";

pub(super) static TAKE_TURN: LazyLock<Script> = LazyLock::new(|| Script::new(TURN));
