//! What the server does in one step: Lua scripts, each on the keys of one slot.
//!
//! Versions are compared as bytes, since Lua's numbers are doubles; the next one is
//! counted here. Instants are 32 bits and exact in a double. A write carries a random
//! mark that stays in the row: when a script runs twice because its first reply was lost,
//! the second run finds its own mark and answers what the first one did.

use ::redis::{Cmd, Script as Hashed, cmd};

/// Rows, answers: what the scripts return.
pub(super) const DONE: i64 = 1;
/// The row exists already, or is in another state.
pub(super) const REFUSED: i64 = 0;

/// The most revocations that one call deletes: Lua's stack holds some thousand values.
pub(super) const MAX_BATCH: u32 = 1000;

// The scripts for rows name places as the module `row` lays them out: Redis counts bytes
// from 0, Lua from 1. Instants are four bytes as there. One `SET` writes a row, and says how
// long the key lives, since without that it would live for ever.

/// `ARGV`: now, state, expires, milliseconds to live, mark, record.
const CREATE: &str = r"
local head = redis.call('GETRANGE', KEYS[1], 0, 32)
local now = struct.unpack('>I4', ARGV[1])
if head ~= '' and struct.unpack('>I4', head, 14) > now then
  if string.sub(head, 18) == ARGV[5] then return 1 end
  return 0
end
if tonumber(ARGV[4]) <= 0 then
  redis.call('DEL', KEYS[1])
else
  local row = ARGV[2] .. ARGV[1] .. ARGV[3] .. ARGV[5] .. ARGV[6]
  redis.call('SET', KEYS[1], row, 'PX', ARGV[4])
end
return 1
";

/// `ARGV`: now, expected state, next state, mark, record, and, if the expiry changes,
/// expires and milliseconds to live. Otherwise the key lives as long as it would have, by
/// the clock of whoever said so; one that somebody made to stay gets an end again.
const UPDATE: &str = r"
local head = redis.call('GETRANGE', KEYS[1], 0, 32)
if head == '' then return -1 end
local now, expires = struct.unpack('>I4', ARGV[1]), struct.unpack('>I4', head, 14)
if expires <= now then return -1 end
if string.sub(head, 18) == ARGV[4] then return 1 end
if string.sub(head, 1, 9) ~= ARGV[2] then return 0 end
local left = tonumber(ARGV[7] or redis.call('PTTL', KEYS[1]))
if left == -1 then left = (expires - now) * 1000 end
if left <= 0 then
  redis.call('DEL', KEYS[1])
else
  expires = ARGV[6] or string.sub(head, 14, 17)
  local row = ARGV[3] .. ARGV[1] .. expires .. ARGV[4] .. ARGV[5]
  redis.call('SET', KEYS[1], row, 'PX', string.format('%.0f', left))
end
return 1
";

/// `ARGV`: now, expires, milliseconds to live. `PEXPIRE` comes first: a full server
/// refuses a script whose first write is `SETRANGE`, and this one takes no room.
const EXPIRE_AT: &str = r"
local expires = redis.call('GETRANGE', KEYS[1], 13, 16)
if expires == '' then return 0 end
if struct.unpack('>I4', expires) <= struct.unpack('>I4', ARGV[1]) then return 0 end
if tonumber(ARGV[3]) <= 0 then
  redis.call('DEL', KEYS[1])
else
  redis.call('PEXPIRE', KEYS[1], ARGV[3])
  redis.call('SETRANGE', KEYS[1], 13, ARGV[2])
end
return 1
";

/// `KEYS`: entries, times, expiries. `ARGV`: id, not before, expires, now. Returns the
/// entry that was there; when the script runs twice because its first reply was lost, that
/// is its own.
const REVOKE: &str = r"
local function later(old, new)
  old, new = tonumber(old), tonumber(new)
  local next = math.min(old + 1, new + 120)
  return string.format('%.0f', math.min(4294967295, math.max(old, new, next)))
end
local not_before, expires = ARGV[2], ARGV[3]
local old = redis.call('HGET', KEYS[1], ARGV[1])
if old then
  local old_not_before, old_expires = string.match(old, '^(%d+):(%d+)$')
  if tonumber(old_expires) > tonumber(ARGV[4]) then
    not_before, expires = later(old_not_before, not_before), later(old_expires, expires)
  end
end
local time = redis.call('TIME')
local ms = string.format('%.0f', time[1] * 1000 + math.floor(time[2] / 1000))
redis.call('HSET', KEYS[1], ARGV[1], not_before .. ':' .. expires)
redis.call('ZADD', KEYS[2], ms, ARGV[1])
redis.call('ZADD', KEYS[3], expires, ARGV[1])
return old
";

/// The most revocations that one call reads, unless they were written in one millisecond.
pub(super) const PAGE: u32 = 5_000;

/// `KEYS`: entries, times. `ARGV`: the cursor or nothing, milliseconds of overlap, how many
/// at most, and the time at which an earlier page ended or nothing. Returns the server's
/// time, the time of the last entry, and the entries.
///
/// A cursor ahead of this server's clock was taken from another server before a failover;
/// this one's clock counts then.
const REVOKED_SINCE: &str = r"
local time = redis.call('TIME')
local ms = time[1] * 1000 + math.floor(time[2] / 1000)
local from = ARGV[4]
if from == '' then
  from = '-inf'
  if ARGV[1] ~= '' then
    from = string.format('%.0f', math.min(tonumber(ARGV[1]), ms) - tonumber(ARGV[2]))
  end
end
local entries = redis.call('ZRANGEBYSCORE', KEYS[2], from, '+inf', 'WITHSCORES',
  'LIMIT', 0, ARGV[3])
local last = entries[#entries] or ''
for place = 1, #entries, 2 do
  entries[place + 1] = redis.call('HGET', KEYS[1], entries[place]) or ''
end
return { string.format('%.0f', ms), last, entries }
";

/// `KEYS`: entries, times, expiries. `ARGV`: now, how many.
const DELETE_EXPIRED: &str = r"
local ids = redis.call('ZRANGEBYSCORE', KEYS[3], '-inf', ARGV[1], 'LIMIT', 0, ARGV[2])
if #ids > 0 then
  redis.call('HDEL', KEYS[1], unpack(ids))
  redis.call('ZREM', KEYS[2], unpack(ids))
  redis.call('ZREM', KEYS[3], unpack(ids))
end
return #ids
";

/// A script and the hash that the server knows it by.
pub(super) struct Script {
    source: &'static str,
    hash: Box<str>,
}

impl Script {
    fn new(source: &'static str) -> Self {
        Self {
            source,
            hash: Hashed::new(source).get_hash().into(),
        }
    }

    /// The short call, for a server that has seen the script.
    pub(super) fn by_hash<K: AsRef<[u8]>>(&self, keys: &[K], args: &[&[u8]]) -> Cmd {
        call("EVALSHA", &self.hash, keys, args)
    }

    /// The whole call, after which the server knows the script. Unlike `SCRIPT LOAD` it
    /// asks only the node that has the keys.
    pub(super) fn by_source<K: AsRef<[u8]>>(&self, keys: &[K], args: &[&[u8]]) -> Cmd {
        call("EVAL", self.source, keys, args)
    }
}

fn call<K: AsRef<[u8]>>(verb: &str, script: &str, keys: &[K], args: &[&[u8]]) -> Cmd {
    let mut call = cmd(verb);
    call.arg(script).arg(keys.len());
    for key in keys {
        call.arg(key.as_ref());
    }
    for arg in args {
        call.arg(*arg);
    }
    call
}

/// All scripts, hashed once.
pub(super) struct Scripts {
    pub(super) create: Script,
    pub(super) update: Script,
    pub(super) expire_at: Script,
    pub(super) revoke: Script,
    pub(super) revoked_since: Script,
    pub(super) delete_expired: Script,
}

impl Scripts {
    pub(super) fn new() -> Self {
        Self {
            create: Script::new(CREATE),
            update: Script::new(UPDATE),
            expire_at: Script::new(EXPIRE_AT),
            revoke: Script::new(REVOKE),
            revoked_since: Script::new(REVOKED_SINCE),
            delete_expired: Script::new(DELETE_EXPIRED),
        }
    }
}
